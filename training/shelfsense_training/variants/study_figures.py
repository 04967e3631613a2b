"""From a study's runs to its figures: gains with intervals over queries and seeds, as `study.json`.

S seeds, R resamples, B queries of a locale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.evaluation.metrics import LEAST_ACCEPTED, TARGET_PRECISION
from shelfsense_training.variants.query_set import StudyData
from shelfsense_training.variants.recipe import Variant
from shelfsense_training.variants.top_answers import Judged, TopAnswers, by_locale
from shelfsense_training.variants.trained_run import RunResult

RESAMPLES = 400
_AT_ONCE = 50
Table = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, its 95 % interval, and how many seeds it rests on."""

    value: float
    low: float
    high: float
    seeds: int

    @classmethod
    def of(cls, draws: Table, seeds: int) -> Estimate:
        """Read value (first element) and percentile interval (the others) of a figure (1 + R,)."""
        low, high = np.nanquantile(draws[1:], [0.025, 0.975]) if len(draws) > 1 else (np.nan, np.nan)
        return cls(float(draws[0]), float(low), float(high), seeds)

    def plain(self) -> dict[str, float | int | None]:
        """Return the figure for JSON."""
        named = {"value": self.value, "low": self.low, "high": self.high}
        return {k: round(v, 5) if np.isfinite(v) else None for k, v in named.items()} | {"seeds": self.seeds}


class LevelFigures:
    """R@P0.8 of one variant's seeds at one level, per locale, on the sample and its resamples.

    Every variant of the same data sees the same resamples of queries, so differences are paired.

    Args:
        data: the study's.
        level: from 0.
        runs: of each seed.
    """

    def __init__(self, data: StudyData, level: int, runs: Sequence[RunResult], resamples: int = RESAMPLES) -> None:
        self._data = data
        self._members = data.members[level]
        self._answers = [run.answers["test"][level] for run in runs]
        self._resamples = resamples
        self.seeds = len(runs)

    @cached_property
    def recalls(self) -> dict[int, Table]:
        """Return locale to recalls (S, 1 + R); the first column is the sample itself."""
        found: dict[int, list[Table]] = {}
        for answers in self._answers:
            judged = Judged(answers, self._data.test, self._members)
            for locale, rows in by_locale(self._data.test, judged.rows).items():
                found.setdefault(locale, []).append(_recalls(judged, rows, locale, self._resamples))
        return {locale: np.stack(tables) for locale, tables in found.items()}

    def mean_recall(self, locales: Sequence[int]) -> Table:
        """Return the mean over seeds and locales (1 + R,); resamples draw seeds as well."""
        parts = np.stack([self.recalls[locale] for locale in locales])  # (locales, S, 1 + R)
        of_seed: Table = parts.mean(0)  # (S, 1 + R)
        return _drawn_mean(of_seed)


def _drawn_mean(of_seed: Table) -> Table:
    """Return the mean (1 + R,) over seeds (S, 1 + R); every resample draws the seeds as well."""
    seeds = len(of_seed)
    drawn = np.random.default_rng(23).integers(seeds, size=of_seed.shape)
    drawn[:, 0] = np.arange(seeds)
    taken: Table = np.take_along_axis(of_seed, drawn, axis=0)
    mean: Table = np.asarray(taken.mean(0), dtype=np.float64)
    return mean


def _recalls(judged: Judged, rows: NDArray[np.intp], locale: int, resamples: int) -> Table:
    pairs = judged.pairs(rows)
    random = np.random.default_rng((29, locale))
    even = np.full(len(rows), 1 / len(rows))
    found = [pairs.reach(np.ones((1, len(rows)), dtype=np.int32), TARGET_PRECISION, LEAST_ACCEPTED).recall]
    for start in range(0, resamples, _AT_ONCE):
        weights = random.multinomial(len(rows), even, size=min(_AT_ONCE, resamples - start)).astype(np.int32)
        found.append(pairs.reach(weights, TARGET_PRECISION, LEAST_ACCEPTED).recall)
    return np.concatenate(found)


def relative(better: Table, worse: Table) -> Table:
    """Return better / worse - 1, infinite where there was nothing to be better than."""
    ratio: Table = np.divide(better, worse, out=np.full(len(better), np.inf), where=worse > 0)
    return ratio - 1


def smallest_quartile(data: StudyData) -> list[int]:
    """Return the quarter of the locales with the fewest training queries."""
    counts = np.bincount(data.train.locale, minlength=len(data.locales))
    smallest: list[int] = np.argsort(counts, kind="stable")[: max(1, len(data.locales) // 4)].tolist()
    return smallest


def conflict_top1(
    data: StudyData, runs: Sequence[RunResult], rows: NDArray[np.bool_], resamples: int = RESAMPLES
) -> Table:
    """Return the share of some conflict queries whose best type is right, (1 + R,), mean over seeds.

    Args:
        data: the study's.
        runs: of each seed.
        rows: (conflicts,) which of them.
        resamples: R.
    """
    hits = []
    for run in runs:
        judged = Judged(run.answers["conflicts"][0], data.conflicts, data.members[0])
        hits.append(judged.top1()[rows[judged.rows]].astype(float))
    table = np.mean(hits, axis=0)  # (B,)
    random = np.random.default_rng(31)
    drawn = random.integers(len(table), size=(resamples, len(table)))
    return np.concatenate([[table.mean()], table[drawn].mean(1)])


def top1(data: StudyData, level: int, runs: Sequence[RunResult]) -> float:
    """Return the share of test queries whose best type is right, mean over locales and seeds."""
    shares = []
    for run in runs:
        judged = Judged(run.answers["test"][level], data.test, data.members[level])
        hits = judged.top1()
        shares.append(np.mean([hits[rows].mean() for rows in by_locale(data.test, judged.rows).values()]))
    return float(np.mean(shares))


def recall_of_locale(data: StudyData, level: int, place: int, answers: Sequence[TopAnswers]) -> Estimate:
    """Return R@P0.8 on one locale's test queries, mean over seeds.

    Args:
        data: the study's.
        level: from 0.
        place: index of the locale.
        answers: of each seed, to the locale's test queries alone or to all.
    """
    rows = np.flatnonzero(data.test.locale == place)
    own = data.test.of_locale(place)
    tables = []
    for given in answers:
        whole = len(given.labels) != len(rows)
        chosen = TopAnswers(given.labels[rows], given.scores[rows]) if whole else given
        judged = Judged(chosen, own, data.members[level])
        tables.append(_recalls(judged, np.arange(len(judged.rows)), place, RESAMPLES))
    return Estimate.of(_drawn_mean(np.stack(tables)), len(tables))


class StudyFigures:
    """All figures of the main runs of one data set.

    Args:
        data: the study's.
        runs: variant to its runs, seed by seed.
    """

    def __init__(self, data: StudyData, runs: Mapping[Variant, Sequence[RunResult]]) -> None:
        self.data = data
        self.runs = runs
        self._levels = [
            {variant: LevelFigures(data, level, found) for variant, found in runs.items()}
            for level in range(len(data.members))
        ]
        self._seeds = min(len(found) for found in runs.values())

    def gain(self, level: int, locales: Sequence[int]) -> Estimate:
        """Return the relative gain of the aware over the non-unified variant, mean recall over the locales."""
        found = self._levels[level]
        unified, alone = (found[v].mean_recall(locales) for v in (Variant.AWARE, Variant.NON_UNIFIED))
        draws = relative(unified, alone)
        return Estimate.of(draws, self._seeds)

    def recall(self, level: int, locales: Sequence[int], variant: Variant) -> Estimate:
        """Return the mean recall over the locales."""
        return Estimate.of(self._levels[level][variant].mean_recall(locales), self._seeds)

    def difference(self, level: int, locales: Sequence[int], one: Variant, other: Variant) -> Estimate:
        """Return the difference of mean recalls."""
        found = self._levels[level]
        return Estimate.of(found[one].mean_recall(locales) - found[other].mean_recall(locales), self._seeds)

    def conflict_difference(self, rows: NDArray[np.bool_]) -> dict[str, Any]:
        """Return top-1 on some of the conflict queries: aware, agnostic, and the difference."""
        aware, agnostic = (
            conflict_top1(self.data, self.runs[variant], rows) for variant in (Variant.AWARE, Variant.AGNOSTIC)
        )
        draws = {"aware": aware, "agnostic": agnostic, "difference": aware - agnostic}
        return {name: Estimate.of(table, self._seeds).plain() for name, table in draws.items()} | {
            "queries": int(rows.sum())
        }

    def seconds_to_best(self, variant: Variant) -> float:
        """Return training seconds to the best validation figure, all models together, mean over seeds."""
        return float(np.mean([sum(c.seconds_to_best for c in run.courses) for run in self.runs[variant]]))

    def queries_to_best(self, variant: Variant) -> float:
        """Return queries read until then, repeats counted: the cost that other work on the machine does not touch."""
        return float(np.mean([sum(c.queries_to_best for c in run.courses) for run in self.runs[variant]]))

    def report(self) -> dict[str, Any]:
        """Return every figure of the main runs."""
        found: dict[str, Any] = {
            "data": self.data.name,
            "levels": [self._level(level) for level in range(len(self.data.members))],
            "smallest_quartile": [self.data.locales[i] for i in smallest_quartile(self.data)],
            "seconds_to_best": {v.value: round(self.seconds_to_best(v), 1) for v in self.runs},
            "queries_to_best": {v.value: round(self.queries_to_best(v)) for v in self.runs},
        }
        if len(self.data.conflicts):
            found["conflict_top_1"] = self.conflict_difference(np.ones(len(self.data.conflicts), dtype=np.bool_))
            found["conflict_top_1_taught"] = self.conflict_difference(self.data.taught)
        return found

    def _level(self, level: int) -> dict[str, Any]:
        everywhere = list(range(len(self.data.locales)))
        small = smallest_quartile(self.data)
        return {
            "recall": {v.value: self.recall(level, everywhere, v).plain() for v in self.runs},
            "recall_smallest_quartile": {v.value: self.recall(level, small, v).plain() for v in self.runs},
            "gain_global": self.gain(level, everywhere).plain(),
            "gain_smallest_quartile": self.gain(level, small).plain(),
            "aware_minus_agnostic": self.difference(level, everywhere, Variant.AWARE, Variant.AGNOSTIC).plain(),
            "top_1": {v.value: round(top1(self.data, level, found), 5) for v, found in self.runs.items()},
            "locales": {self.data.locales[i]: self._locale(level, i, small=i in small) for i in everywhere},
        }

    def _locale(self, level: int, place: int, *, small: bool) -> dict[str, Any]:
        return {
            "training_queries": int((self.data.train.locale == place).sum()),
            "small": small,
            "recall": {v.value: self.recall(level, [place], v).plain() for v in self.runs},
            "difference": self.difference(level, [place], Variant.AWARE, Variant.NON_UNIFIED).plain(),
            "gain": self.gain(level, [place]).plain(),
        }
