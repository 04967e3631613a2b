"""Calibration shrunk from type to locale to all: who has little data of its own follows the others.

One penalised logistic regression per level (`pooled_fit` has the formula). How far locales and
types may differ is not set but found: the priors' spreads are those of a small grid whose fit, on
part of the queries, gives the rest the best likelihood. Gelman and Hill, Data Analysis Using
Regression and Multilevel/Hierarchical Models, chapter 12. N queries, L types, K types of a level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import IDENTITY
from shelfsense_training.calibration.pair_sample import PairSample
from shelfsense_training.calibration.platt import LevelCalibration
from shelfsense_training.calibration.pooled_fit import PooledMaps, Spread, fit_pooled

_LEAST_SCALE = 0.05
"""A locale's scale is kept above this: the order of its types is the network's."""


@dataclass(frozen=True, slots=True)
class HierarchySettings:
    """How the maps are fitted.

    Attributes:
        locale_spreads: (of the scale, of the shift) tried for locales; (0, 0) lets none differ.
        type_spreads: of the shift, tried for types.
        folds: of the queries, to choose by; 1 takes the first of both grids.
        most_pairs: pairs of a level up to which all are used; see `pair_sample`.
        choice_queries: queries at most to choose by; the fit itself takes all.
        graph: fit the whole and the types too; where False the log-odds are the graph's own, already
            calibrated, and only locales get maps.
        seed: of the folds and the sample.
    """

    locale_spreads: tuple[tuple[float, float], ...] = ((0.0, 0.0), (0.05, 0.15), (0.1, 0.3), (0.2, 0.6))
    type_spreads: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0)
    folds: int = 5
    most_pairs: int = 1_000_000
    choice_queries: int = 5_000
    graph: bool = True
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The maps of every level that was fitted.

    Attributes:
        levels: of the whole, by level: the head's scale and shift.
        type_shift: (L,) added to the head's shift.
        locales: tag to a map per level of the tree, of the log-odds that the graph then gives;
            the identity at levels that were not fitted.
        spreads: chosen, by level.
    """

    levels: Mapping[int, LevelCalibration]
    type_shift: NDArray[np.float64]
    locales: Mapping[str, tuple[LevelCalibration, ...]]
    spreads: Mapping[int, Spread]

    def locale_maps(self, tag: str) -> tuple[tuple[float, float], ...]:
        """Return what `LocaleThresholds.calibration` takes: empty where the locale has no map of its own."""
        maps = tuple((each.scale, each.shift) for each in self.locales.get(tag, ()))
        return maps if any(each != IDENTITY for each in maps) else ()

    def graph_log_odds(self, log_odds: NDArray[np.float32], product_types: ProductTypes) -> NDArray[np.float32]:
        """Return the log-odds (N, L) that the graph gives once its head has these maps."""
        found = log_odds.copy()
        for level, each in self.levels.items():
            members = product_types.by_level[level]
            found[:, members] = each.scale * log_odds[:, members] + each.shift + self.type_shift[members]
        return found


def fit_hierarchy(
    log_odds: NDArray[np.float32],
    right: NDArray[np.bool_],
    locales: Sequence[str],
    product_types: ProductTypes,
    *,
    levels: Sequence[int] | None = None,
    settings: HierarchySettings = HierarchySettings(),
) -> Hierarchy:
    """Fit the maps of some levels on validation queries.

    Args:
        log_odds: (N, L) of the network, before calibration, each within its level.
        right: (N, L) whether the type is acceptable; what is not known to be counts as wrong.
        locales: of the N queries.
        product_types: L types.
        levels: to fit; all where None.
        settings: how.
    """
    tags = sorted(set(locales))
    place = {tag: i for i, tag in enumerate(tags)}
    of_query = np.array([place[tag] for tag in locales], dtype=np.intp)  # (N,)
    whole: dict[int, LevelCalibration] = {}
    spreads: dict[int, Spread] = {}
    type_shift = np.zeros(len(product_types))
    own = {tag: [LevelCalibration(*IDENTITY)] * product_types.depth for tag in tags}
    for level in levels if levels is not None else product_types.by_level:
        members = product_types.by_level[level]
        pairs = PairSample.draw(
            log_odds[:, members], right[:, members], most=settings.most_pairs, seed=settings.seed + level
        )
        spreads[level], maps = _fit_level(pairs, of_query, len(members), len(tags), settings)
        if settings.graph:
            whole[level] = LevelCalibration(float(maps.whole[0]), float(maps.whole[1]))
            type_shift[members] = maps.kind
        for i, tag in enumerate(tags):
            scale = max(_LEAST_SCALE, 1 + float(maps.scale[i]))
            own[tag][level - 1] = LevelCalibration(scale, float(maps.shift[i]))
    return Hierarchy(whole, type_shift, {tag: tuple(each) for tag, each in own.items()}, spreads)


def _fit_level(
    pairs: PairSample, of_query: NDArray[np.intp], kinds: int, locales: int, settings: HierarchySettings
) -> tuple[Spread, PooledMaps]:
    type_spreads = settings.type_spreads if settings.graph else (0.0,)
    start = PooledMaps.identity(kinds, locales)
    choose = _Choice(pairs, of_query, start, settings)
    # One grid after the other: they meet in no figure seen, and the square of them costs too much.
    middle = type_spreads[len(type_spreads) // 2]
    scale, shift = choose.best([Spread(a, b, middle) for a, b in settings.locale_spreads])
    kind = choose.best_kind([Spread(scale, shift, c) for c in type_spreads])
    spread = Spread(scale, shift, kind)
    return spread, fit_pooled(pairs, of_query[pairs.query], spread, start, graph=settings.graph)


class _Choice:
    """Chooses a spread by the likelihood of queries that the fit has not seen."""

    def __init__(
        self, pairs: PairSample, of_query: NDArray[np.intp], start: PooledMaps, settings: HierarchySettings
    ) -> None:
        random = np.random.default_rng(settings.seed)
        rank = random.permutation(len(of_query))
        kept = rank < settings.choice_queries
        self._fold = rank % max(1, settings.folds)  # (N,)
        self._pairs = pairs.of_queries(kept)
        self._kept = kept
        self._locale = of_query
        self._start = start
        self._settings = settings

    def best(self, spreads: Sequence[Spread]) -> tuple[float, float]:
        found = self._best(spreads)
        return found.scale, found.shift

    def best_kind(self, spreads: Sequence[Spread]) -> float:
        return self._best(spreads).kind

    def _best(self, spreads: Sequence[Spread]) -> Spread:
        if len(spreads) == 1 or self._settings.folds < 2:
            return spreads[0]
        losses = np.zeros(len(spreads))
        for fold in range(self._settings.folds):
            seen, unseen = (
                self._pairs.of_queries(self._kept & side) for side in (self._fold != fold, self._fold == fold)
            )
            start = self._start
            for i, spread in enumerate(spreads):
                # Each fit starts where the one before ended, a grid being ordered: fewer steps.
                start = fit_pooled(
                    seen,
                    self._locale[seen.query],
                    spread,
                    start if spread.kind else self._start,
                    graph=self._settings.graph,
                )
                losses[i] += start.loss(unseen, self._locale[unseen.query])
        return spreads[int(losses.argmin())]
