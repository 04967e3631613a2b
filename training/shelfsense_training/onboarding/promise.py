"""What a locale's accepted types promise: its calibration and thresholds, from judged queries and the bundle's word.

The old bundle holds no validation data, only what came of it: probabilities that were calibrated and a
threshold per level that kept its precision. Both are the prior. The store's own queries, without labels,
stand for everybody else's pairs: each is right with the probability the network gives it, tilted so that
at the old threshold the promised share is right. Judged queries then speak as loud as they are many.

N judged queries, M queries without labels, L types.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shelfsense.locale_calibration import LocaleCalibration
from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import IDENTITY, LocaleThresholds, Thresholds
from shelfsense_training.calibration.hierarchy import HierarchySettings, fit_hierarchy
from shelfsense_training.calibration.locale_thresholds import ThresholdSettings, TypeThresholds, fix_locale_thresholds

FEWEST_JUDGED = 50
"""Judged queries with a right type of a level from which its calibration and threshold are fitted."""

PRIOR_PAIRS = 100.0
"""Accepted pairs that the old threshold's promise counts for at most."""

_EVERYONE = "*"
_BISECTIONS = 60
_WIDEST_TILT = 20.0  # in log-odds


@dataclass(frozen=True, slots=True)
class Judged:
    """Judged queries and what the network says of them.

    Attributes:
        probabilities: (N, L) by weights that have not learned from them, neither calibrated nor coherent.
        right: (N, L) whether a type is acceptable.
    """

    probabilities: NDArray[np.float32]
    right: NDArray[np.bool_]

    def of_level(self, level: int, product_types: ProductTypes) -> Judged:
        """Return the queries with a right type of a level; what others mean there was not asked."""
        rows = self.right[:, product_types.by_level[level]].any(axis=1)
        return Judged(self.probabilities[rows], self.right[rows])


@dataclass(frozen=True, slots=True)
class Promise:
    """The entry of a locale in ``thresholds.json``, and which of its levels were fitted to judged queries."""

    entry: LocaleThresholds
    fitted: tuple[int, ...]


def fit_promise(
    tag: str,
    judged: Judged,
    unlabelled: NDArray[np.float32],
    before: LocaleThresholds,
    product_types: ProductTypes,
    precision: float,
) -> Promise:
    """Fit a locale's calibration and thresholds; levels with few judged queries keep what they had.

    Args:
        tag: of the locale.
        judged: its judged queries.
        unlabelled: (M, L) probabilities of other queries of the store, neither calibrated nor coherent.
        before: what held for the locale so far.
        product_types: L types.
        precision: that the bundle promises.
    """
    levels = tuple(
        level
        for level, members in product_types.by_level.items()
        if judged.right[:, members].any(axis=1).sum() >= FEWEST_JUDGED
    )
    # A level is accepted only below an accepted parent: without its parent's it cannot be fixed.
    levels = tuple(level for level in levels if set(range(1, level)) <= set(levels))
    if not levels:
        return Promise(before, ())
    calibration = LocaleCalibration(product_types, Thresholds({_EVERYONE: before}))
    prior = prior_labels(calibration.apply(unlabelled, _EVERYONE), before, product_types, precision, levels)
    maps = _maps(tag, judged, before, product_types, levels)
    fixing = _Fixing(tag, judged, Judged(unlabelled, prior), (maps, before.calibration), product_types, precision)
    cuts, types = list(before.product_types), dict(before.types)
    for level in levels:
        found = fixing.to(level)
        cuts[level - 1] = found.product_types[level - 1]
        members = {product_types.nodes[i].id for i in product_types.by_level[level]}
        types = {name: cut for name, cut in types.items() if name not in members}
        types |= {name: cut for name, cut in found.types.items() if name in members}
    entry = replace(before, product_types=tuple(cuts), evidence="real", calibration=maps, types=types)
    return Promise(entry, levels)


@dataclass(frozen=True, slots=True)
class _Fixing:
    """Fixes a locale's thresholds level by level; ``maps`` are its calibration and everybody else's."""

    tag: str
    judged: Judged
    everyone: Judged
    maps: tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]
    product_types: ProductTypes
    precision: float

    def to(self, level: int) -> TypeThresholds:
        """Return thresholds down to a level, on queries that say something of it; only its own are of use."""
        judged, everyone = self.judged.of_level(level, self.product_types), self.everyone
        return fix_locale_thresholds(
            np.concatenate([judged.probabilities, everyone.probabilities]),
            np.concatenate([judged.right, everyone.right]),
            [self.tag] * len(judged.right) + [_EVERYONE] * len(everyone.right),
            self.product_types,
            tags=[self.tag],
            maps={self.tag: self.maps[0], _EVERYONE: self.maps[1]},
            levels=range(1, level + 1),
            settings=ThresholdSettings(precision=self.precision, prior_pairs=PRIOR_PAIRS),
        )[self.tag]


def prior_labels(
    probabilities: NDArray[np.float32],
    before: LocaleThresholds,
    product_types: ProductTypes,
    precision: float,
    levels: Sequence[int],
) -> NDArray[np.bool_]:
    """Return (M, L) labels under which the old thresholds hold exactly what they promised.

    Without draws: along falling probability a pair is right whenever the sum of what the pairs are worth
    passes another whole number.

    Args:
        probabilities: (M, L), calibrated as before and not coherent.
        before: the old thresholds.
        product_types: L types.
        precision: that they promised.
        levels: to label; others stay wrong throughout.
    """
    coherent = product_types.coherent(probabilities)
    labels = np.zeros(coherent.shape, dtype=np.bool_)
    for level in levels:
        members = product_types.by_level[level]
        scores = coherent[:, members].ravel().astype(np.float64)
        chosen = scores >= before.product_types[level - 1]
        inside = np.clip(scores, 1e-9, 1 - 1e-9)
        log_odds = np.log(inside) - np.log1p(-inside)
        tilt = _tilt(log_odds[chosen], precision) if chosen.any() else 0.0
        order = np.argsort(-scores, kind="stable")
        worth = np.floor(np.cumsum(_sigmoid(log_odds[order] + tilt)) + 0.5)
        right = np.zeros(len(scores), dtype=np.bool_)
        right[order] = np.diff(worth, prepend=0.0) > 0
        labels[:, members] = right.reshape(len(coherent), -1)
    return labels


def _maps(
    tag: str, judged: Judged, before: LocaleThresholds, product_types: ProductTypes, levels: Sequence[int]
) -> tuple[tuple[float, float], ...]:
    """Return a map per level, each fitted on the queries that say something of it; empty where none differs."""
    maps = list(before.calibration or (IDENTITY,) * product_types.depth)
    for level in levels:
        asked = judged.of_level(level, product_types)
        inside = np.clip(asked.probabilities.astype(np.float64), 1e-12, 1 - 1e-12)
        log_odds = (np.log(inside) - np.log1p(-inside)).astype(np.float32)
        tags = [tag] * len(log_odds)
        settings = HierarchySettings(graph=False)
        fitted = fit_hierarchy(log_odds, asked.right, tags, product_types, levels=[level], settings=settings)
        found = fitted.locales[tag][level - 1]
        maps[level - 1] = (found.scale, found.shift)
    return tuple(maps) if any(each != IDENTITY for each in maps) else ()


def _tilt(log_odds: NDArray[np.float64], precision: float) -> float:
    """Return what added to the log-odds makes the mean probability the precision (bisection)."""
    low, high = -_WIDEST_TILT, _WIDEST_TILT
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _sigmoid(log_odds + middle).mean() < precision else (low, middle)
    return (low + high) / 2


def _sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = 0.5 * (1 + np.tanh(log_odds / 2))
    return found
