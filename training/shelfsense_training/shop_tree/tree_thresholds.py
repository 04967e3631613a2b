"""Thresholds of a shop's tree: fixed on its own labels, or derived from those of our types.

Fixed: the least threshold of a level whose precision is credibly the target, a locale's own pairs first,
those of all other locales where it has few (`bounded_threshold`).

Derived, where there are no labels: a type's probability rests on the topmost of ours that lead to it, so
the strictest of their thresholds holds for it, and for its level. Where only a share of a type of ours is
theirs, every accepted pair has to be as likely as the target precision by itself: a share of 0.6 would
else be accepted, and wrong four times in ten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import NEVER, LocaleThresholds, Thresholds
from shelfsense.type_map import TypeMap
from shelfsense.type_ranking import type_thresholds
from shelfsense_training.calibration.bounded_threshold import bounded_threshold
from shelfsense_training.calibration.scored_pairs import ScoredPairs

FEWEST_RIGHT = 20
"""Right answers of a level, in all locales together, below which labels fix nothing."""

_FEWEST_OF_LOCALE = 20
"""Judged queries that make a locale's evidence real; with fewer it is the other locales' that counts."""


@dataclass(frozen=True, slots=True)
class ThresholdSettings:
    """How sure a threshold has to be.

    Attributes:
        precision: wanted of what is accepted.
        prior_pairs: pairs of its own that outweigh what the other locales say.
        confidence: of the precision's lower bound.
        fewest: accepted pairs below which a precision is no evidence.
    """

    precision: float = 0.8
    prior_pairs: float = 60.0
    confidence: float = 0.8
    fewest: int = 20


@dataclass(frozen=True, slots=True)
class JudgedScores:
    """Judged queries and what was answered to them.

    Attributes:
        locales: of each of N queries, as resolved.
        probabilities: (N, S), coherent.
        right: (N, S) acceptable types; the others of a level count as wrong.
    """

    locales: Sequence[str]
    probabilities: NDArray[np.float32]
    right: NDArray[np.bool_]

    def pairs(self, members: NDArray[np.intp]) -> dict[str, ScoredPairs]:
        """Return each locale's pairs of some types, over queries that have a right one among them."""
        asked = self.right[:, members].any(axis=1)
        tags = np.array(self.locales)
        found = {}
        for tag in sorted(set(tags[asked].tolist())):
            cut = np.ix_(np.flatnonzero(asked & (tags == tag)), members)
            found[tag] = ScoredPairs(self.probabilities[cut].ravel(), self.right[cut].ravel())
        return found


def fixed_thresholds(
    tree: ProductTypes,
    judged: JudgedScores,
    otherwise: Thresholds,
    settings: ThresholdSettings,
) -> Thresholds:
    """Return thresholds fixed on judged queries; a level without enough right answers keeps the others.

    Args:
        tree: theirs.
        judged: queries that nothing was trained on.
        otherwise: thresholds for every locale that is wanted, their reformulations' part included.
        settings: how sure to be.
    """
    by_level = [judged.pairs(members) for members in tree.by_level.values()]
    enough = [sum(int(pairs.right.sum()) for pairs in level.values()) >= FEWEST_RIGHT for level in by_level]
    found = {}
    for tag, entry in otherwise.by_locale.items():
        cuts = [
            _threshold(tag, level, settings) if known else kept
            for level, known, kept in zip(by_level, enough, entry.product_types, strict=True)
        ]
        own = sum(locale == tag for locale in judged.locales)
        evidence = "real" if all(enough) and own >= _FEWEST_OF_LOCALE else "fallback"
        unfixed = {k for k, known in enumerate(enough, start=1) if not known}
        types = {name: value for name, value in entry.types.items() if int(tree.level[tree.index[name]]) in unfixed}
        found[tag] = replace(entry, product_types=tuple(cuts), evidence=evidence, types=types)
    return Thresholds(found, settings.precision, otherwise.reformulation_target_precision)


def derived_thresholds(type_map: TypeMap, ours: Thresholds) -> Thresholds:
    """Return thresholds of theirs that follow from ours, all of them ``fallback``.

    Args:
        type_map: from our types to theirs.
        ours: thresholds of our types; the reformulations' part is kept.
    """
    sources = [_topmost(type_map.ours, each) for each in type_map.sources()]
    leaking = _leaking(type_map, sources)
    target = ours.product_type_target_precision
    found = {}
    for tag, entry in ours.by_locale.items():
        each = type_thresholds(type_map.ours, entry)  # (L,)
        strictest = np.array([max((float(each[i]) for i in mine), default=0.0) for mine in sources])  # (S,)
        levels = [float(strictest[members].max()) for members in type_map.theirs.by_level.values()]
        levels = [level if level > 0 else NEVER for level in levels]  # no entry reaches the level
        types = {
            type_map.theirs.nodes[s].id: target for s in leaking if levels[int(type_map.theirs.level[s]) - 1] < target
        }
        found[tag] = LocaleThresholds(
            tuple(levels), "fallback", entry.reformulation, entry.reformulation_evidence, types=types
        )
    return Thresholds(found, target, ours.reformulation_target_precision)


def _threshold(tag: str, level: Mapping[str, ScoredPairs], settings: ThresholdSettings) -> float:
    own = ScoredPairs.together([pairs for locale, pairs in level.items() if locale == tag])
    others = ScoredPairs.together([pairs for locale, pairs in level.items() if locale != tag])
    return bounded_threshold(
        own,
        others,
        settings.precision,
        prior_pairs=settings.prior_pairs,
        confidence=settings.confidence,
        fewest=settings.fewest,
    )


def _topmost(ours: ProductTypes, sources: set[int]) -> list[int]:
    return [i for i in sorted(sources) if not sources.intersection(ours.ancestors(i)[1:])]


def _leaking(type_map: TypeMap, sources: Sequence[Sequence[int]]) -> list[int]:
    """Return those of theirs whose topmost sources, or a type below one, give less than all to them."""
    shares = [type_map.share(i) for i in range(len(type_map.ours))]
    speaking: dict[int, list[int]] = defaultdict(list)  # ours to itself and what is below, where entries are
    for i, share in enumerate(shares):
        for above in type_map.ours.ancestors(i) if share else ():
            speaking[above].append(i)
    return [
        s for s, topmost in enumerate(sources) if any(shares[j].get(s, 0.0) < 1 for i in topmost for j in speaking[i])
    ]
