"""The thresholds of every locale, and of the types that need their own, on calibrated probabilities.

Type, locale, all locales: each is judged by its own pairs and, as far as those are few, by the next
wider group (`bounded_threshold`). One threshold for all types of a level accepts the most right
pairs at a precision, as long as probabilities mean the same for all of them; so a type gets its own
only where its pairs contradict the common one, in its locale or, where it is thin there, in all
locales together. It is never lower. N queries, L types, K types of a level, S locales.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

import numpy as np
from numpy.typing import NDArray

from shelfsense.locale_calibration import LocaleCalibration
from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import NEVER, LocaleThresholds, Thresholds
from shelfsense_training.calibration.bounded_threshold import bounded_threshold, denied
from shelfsense_training.calibration.prior_strength import prior_strength
from shelfsense_training.calibration.scored_pairs import ScoredPairs


@dataclass(frozen=True, slots=True)
class ThresholdSettings:
    """How sure a threshold has to be.

    Attributes:
        precision: the target.
        confidence: that the precision is reached; see `bounded_threshold`.
        prior_pairs: accepted pairs that all locales' precision counts for in one; found by how alike
            they are (`prior_strength`) where None.
        checked_pairs: accepted pairs on which the promise will be checked; see `bounded_threshold`.
        fewest: accepted pairs below which a precision is no evidence.
        type_pairs: accepted pairs of a type, at its locale's threshold, from which it may have its own.
        type_confidence: that a type's precision is below the target, before it gets one; high, because
            thousands of types are asked.
    """

    precision: float = 0.8
    confidence: float = 0.9
    prior_pairs: float | None = None
    checked_pairs: float = 200.0
    fewest: int = 20
    type_pairs: int = 50
    type_confidence: float = 0.99


@dataclass(frozen=True, slots=True)
class TypeThresholds:
    """What a locale's entry in the bundle needs for its product types.

    Attributes:
        product_types: per level, level 1 first; `NEVER` at levels that were not fixed.
        types: product type id to its own threshold.
        own: whether any query of the locale stands behind them.
    """

    product_types: tuple[float, ...]
    types: Mapping[str, float] = field(default_factory=dict)
    own: bool = False


def fix_locale_thresholds(
    probabilities: NDArray[np.float32],
    right: NDArray[np.bool_],
    locales: Sequence[str],
    product_types: ProductTypes,
    *,
    tags: Sequence[str],
    maps: Mapping[str, tuple[tuple[float, float], ...]] | None = None,
    levels: Sequence[int] | None = None,
    settings: ThresholdSettings = ThresholdSettings(),
) -> dict[str, TypeThresholds]:
    """Fix the thresholds of locales on validation queries.

    A pair counts on its level where its parent is accepted, as the service has it.

    Args:
        probabilities: (N, L) of the graph, neither calibrated per locale nor coherent.
        right: (N, L) whether the type is acceptable.
        locales: of the N queries.
        product_types: L types.
        tags: locales that need thresholds, ``und`` among them; those without queries get the common ones.
        maps: tag to its calibration, applied first; none where None.
        levels: to fix, from level 1 on; all where None.
        settings: how sure.
    """
    fixing = _Fixing(probabilities, right, locales, product_types, maps or {}, settings)
    for level in levels if levels is not None else product_types.by_level:
        fixing.fix(level)
    return {tag: fixing.of(tag) for tag in tags}


class _Fixing:
    """Thresholds on their way, level by level: a level's pairs hang on what the level above accepts."""

    def __init__(
        self,
        probabilities: NDArray[np.float32],
        right: NDArray[np.bool_],
        locales: Sequence[str],
        product_types: ProductTypes,
        maps: Mapping[str, tuple[tuple[float, float], ...]],
        settings: ThresholdSettings,
    ) -> None:
        self._types = product_types
        self._settings = settings
        self._right = right
        tags = np.array(locales)
        self._rows = {tag: np.flatnonzero(tags == tag) for tag in sorted(set(locales))}
        self._scores = _calibrated(probabilities, self._rows, product_types, maps)  # (N, L)
        self._accepted = np.zeros(probabilities.shape, dtype=np.bool_)
        self._by_level: dict[str, list[float]] = {tag: [] for tag in ("", *self._rows)}  # "" for a locale unseen
        self._own_types: dict[str, dict[str, float]] = {tag: {} for tag in self._by_level}

    def of(self, tag: str) -> TypeThresholds:
        """Return what was fixed for a locale, seen or not."""
        found = tag if tag in self._rows else ""
        missing = self._types.depth - len(self._by_level[found])
        return TypeThresholds(
            (*self._by_level[found], *[NEVER] * missing), dict(self._own_types[found]), own=tag in self._rows
        )

    def fix(self, level: int) -> None:
        """Fix one level's thresholds; those above it must be."""
        members = self._types.by_level[level]
        possible = self._possible(members)
        pairs = {tag: self._pairs(rows, members, possible) for tag, rows in self._rows.items()}
        least = min((each.reach(self._settings.precision) for each in pairs.values()), default=0.0)
        pairs = {tag: each.from_score(least) for tag, each in pairs.items()}
        everything = ScoredPairs.together(list(pairs.values()))
        strength = self._strength(list(pairs.values()), everything)
        common = self._threshold(ScoredPairs.together([]), everything, strength)
        self._by_level[""].append(common)
        for tag, own in pairs.items():
            others = ScoredPairs.together([each for name, each in pairs.items() if name != tag])
            found = self._threshold(own, others, strength)
            self._by_level[tag].append(found)
            rows = np.ix_(self._rows[tag], members)
            self._accepted[rows] = possible[self._rows[tag]] & (self._scores[rows] >= np.float32(found))
        self._fix_types(members, possible, least)

    def _fix_types(self, members: NDArray[np.intp], possible: NDArray[np.bool_], least: float) -> None:
        """Give their own thresholds to the types of a level that break the common one's promise."""
        queries = np.arange(len(self._scores))
        everywhere = self._broken(queries, members)
        for tag, rows in self._rows.items():
            here = self._broken(rows, members)
            thin = self._accepted[np.ix_(rows, members)].sum(axis=0) < self._settings.type_pairs
            for k in np.flatnonzero(here | (everywhere & thin)).tolist():
                # Of a type that is thin here, all locales' pairs speak.
                asked = rows if here[k] else queries
                self._set_type(tag, int(members[k]), self._type_threshold(asked, members, k, possible, least))
        for k in np.flatnonzero(everywhere).tolist():
            self._set_type("", int(members[k]), self._type_threshold(queries, members, k, possible, least))

    def _broken(self, rows: NDArray[np.intp], members: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return (K,) whether the accepted pairs of a type, of these queries, are enough and below the target."""
        cut = np.ix_(rows, members)
        accepted = self._accepted[cut].sum(axis=0)
        right = (self._accepted[cut] & self._right[cut]).sum(axis=0)
        enough = accepted >= self._settings.type_pairs
        broken: NDArray[np.bool_] = enough & denied(
            accepted.astype(np.float64),
            right.astype(np.float64),
            self._settings.precision,
            self._settings.type_confidence,
        )
        return broken

    def _type_threshold(
        self, rows: NDArray[np.intp], members: NDArray[np.intp], k: int, possible: NDArray[np.bool_], least: float
    ) -> float:
        cut = np.ix_(rows, members)
        accepted = self._accepted[cut].sum(axis=0).astype(np.float64)
        right = (self._accepted[cut] & self._right[cut]).sum(axis=0).astype(np.float64)
        others = np.delete(members, k)
        own = self._pairs(rows, members[[k]], possible[:, [k]])
        group = self._pairs(rows, others, np.delete(possible, k, axis=1)).from_score(least)
        return self._threshold(own, group, prior_strength(accepted, right))

    def _set_type(self, tag: str, kind: int, threshold: float) -> None:
        common = self._by_level[tag][-1]
        if threshold > common:
            self._own_types[tag][self._types.nodes[kind].id] = threshold
            rows = self._rows.get(tag, np.zeros(0, dtype=np.intp))
            self._accepted[rows, kind] &= self._scores[rows, kind] >= np.float32(threshold)

    def _strength(self, parts: Sequence[ScoredPairs], everything: ScoredPairs) -> float:
        """Return what all locales' precision is worth in one, judged where all together just hold the target."""
        if self._settings.prior_pairs is not None:
            return self._settings.prior_pairs
        none = ScoredPairs.together([])
        even = bounded_threshold(
            none, everything, self._settings.precision, prior_pairs=inf, confidence=0.5, fewest=self._settings.fewest
        )
        counts = np.array([each.accepted(np.array([even], dtype=np.float32)) for each in parts])  # (S, 2, 1)
        return prior_strength(counts[:, 0, 0], counts[:, 1, 0])

    def _threshold(self, own: ScoredPairs, group: ScoredPairs, strength: float) -> float:
        each = self._settings
        return bounded_threshold(
            own,
            group,
            each.precision,
            prior_pairs=strength,
            confidence=each.confidence,
            fewest=each.fewest,
            checked_pairs=each.checked_pairs,
        )

    def _possible(self, members: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return (N, K) whether a type's parent is accepted, or it has none."""
        parents = self._types.parent[members]
        return np.where(parents >= 0, self._accepted[:, parents], True)  # noqa: FBT003

    def _pairs(self, rows: NDArray[np.intp], members: NDArray[np.intp], possible: NDArray[np.bool_]) -> ScoredPairs:
        cut, kept = np.ix_(rows, members), possible[rows]
        return ScoredPairs(self._scores[cut][kept], self._right[cut][kept])


def _calibrated(
    probabilities: NDArray[np.float32],
    rows: Mapping[str, NDArray[np.intp]],
    product_types: ProductTypes,
    maps: Mapping[str, tuple[tuple[float, float], ...]],
) -> NDArray[np.float32]:
    """Return (N, L) what the service compares with a threshold."""
    blank = LocaleThresholds((NEVER,) * product_types.depth, "fallback", NEVER, "fallback")
    entries = {tag: replace(blank, calibration=maps.get(tag, ())) for tag in rows}
    calibration = LocaleCalibration(product_types, Thresholds(entries))
    found = np.empty_like(probabilities)
    for tag, chosen in rows.items():
        found[chosen] = product_types.coherent(calibration.apply(probabilities[chosen], tag))
    return found
