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

import numpy as np
from numpy.typing import NDArray

from shelfsense.locale_calibration import LocaleCalibration
from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import NEVER, LocaleThresholds, Thresholds
from shelfsense_training.calibration.level_thresholds import ThresholdSettings, level_thresholds
from shelfsense_training.calibration.scored_pairs import ScoredPairs
from shelfsense_training.calibration.type_thresholds import type_thresholds

__all__ = ["ThresholdSettings", "TypeThresholds", "fix_locale_thresholds"]


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
    settings: ThresholdSettings = ThresholdSettings(),  # noqa: B008  frozen
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
        found = level_thresholds(pairs, self._settings)
        self._by_level[""].append(found.common)
        for tag, threshold in found.by_locale.items():
            self._by_level[tag].append(threshold)
            rows = np.ix_(self._rows[tag], members)
            self._accepted[rows] = possible[self._rows[tag]] & (self._scores[rows] >= np.float32(threshold))
        self._fix_types(members, possible)

    def _fix_types(self, members: NDArray[np.intp], possible: NDArray[np.bool_]) -> None:
        """Give their own thresholds to the types of a level that break the common one's promise."""
        everywhere = self._type_thresholds(np.arange(len(self._scores)), members, possible)
        found = {"": everywhere}
        for tag, rows in self._rows.items():
            here = self._type_thresholds(rows, members, possible)
            count = self._accepted[np.ix_(rows, members)].sum(axis=0)  # (K,)
            # For a type that is thin here, all locales speak; where it is not, it speaks for itself.
            inherited = {k: value for k, value in everywhere.items() if count[k] < self._settings.type_pairs}
            found[tag] = inherited | here
        for tag, types in found.items():
            for k, threshold in types.items():
                self._set_type(tag, int(members[k]), threshold)

    def _type_thresholds(
        self, rows: NDArray[np.intp], members: NDArray[np.intp], possible: NDArray[np.bool_]
    ) -> dict[int, float]:
        cut = np.ix_(rows, members)
        return type_thresholds(self._scores[cut], self._right[cut], possible[rows], self._accepted[cut], self._settings)

    def _set_type(self, tag: str, kind: int, threshold: float) -> None:
        if threshold <= self._by_level[tag][-1]:
            return
        self._own_types[tag][self._types.nodes[kind].id] = threshold
        rows = self._rows.get(tag, np.zeros(0, dtype=np.intp))
        self._accepted[rows, kind] &= self._scores[rows, kind] >= np.float32(threshold)

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
