"""95 % percentile intervals by query: queries are drawn again with replacement, never rows or pairs.

All figures of one call see the same draws, so the difference of two systems is a paired one.
B queries, R resamples. Source: Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.evaluation.figures import Figure, share

Name = TypeVar("Name", bound=Hashable)

RESAMPLES = 1000
LEVEL = 0.95
_CELLS = 500_000  # weights held at once; a figure over pairs makes some 30 bytes of each


@dataclass(frozen=True, slots=True)
class Sampled:
    """A figure and what it became under every resample.

    Attributes:
        value: on the sample itself; NaN where undefined.
        draws: (R,) on the resamples; NaN where undefined.
    """

    value: float
    draws: NDArray[np.float64]

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the percentile interval over the draws that are defined, NaN where none is."""
        defined = self.draws[~np.isnan(self.draws)]
        if not len(defined) or np.isnan(self.value):
            return float("nan"), float("nan")
        low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    def minus(self, other: Sampled) -> Sampled:
        """Return the paired difference; both must come from the same draws."""
        return Sampled(self.value - other.value, self.draws - other.draws)


def resampled(
    figures: Mapping[Name, Figure], queries: int, *, resamples: int = RESAMPLES, seed: int | Sequence[int] = 0
) -> dict[Name, Sampled]:
    """Return every figure on the sample and on the same resamples of its queries.

    Args:
        figures: by any name, all over the same queries.
        queries: B, 1 or more.
        resamples: R; 0 gives values without intervals.
        seed: of the draws; equal seeds and sizes give equal draws.
    """
    generator = np.random.default_rng(seed)
    even = np.full(queries, 1 / queries)
    itself = np.ones((1, queries), dtype=np.int32)
    draws: dict[Name, list[NDArray[np.float64]]] = {name: [] for name in figures}
    at_once = max(1, _CELLS // queries)
    for start in range(0, resamples, at_once):
        weights = generator.multinomial(queries, even, size=min(at_once, resamples - start)).astype(np.int32)  # (R', B)
        for name, figure in figures.items():
            draws[name].append(figure.under(weights))
    return {
        name: Sampled(float(figure.under(itself)[0]), np.concatenate([np.zeros(0), *draws[name]]))
        for name, figure in figures.items()
    }


def mean_of(figures: Sequence[Sampled], weights: Sequence[float]) -> Sampled:
    """Return the weighted mean of figures of disjoint samples, over those that are defined.

    A figure whose value is undefined is left out of the draws as well, so that the mean and its
    interval speak of the same samples.

    Args:
        figures: one per sample, with the same number of draws.
        weights: of each, above 0 in sum.
    """
    kept = [(figure, weight) for figure, weight in zip(figures, weights, strict=True) if not np.isnan(figure.value)]
    if not kept:
        return Sampled(float("nan"), np.full(len(figures[0].draws) if figures else 0, np.nan))
    parts = np.array([weight for _, weight in kept], dtype=np.float64)  # (samples,)
    draws = np.stack([figure.draws for figure, _ in kept])  # (samples, R)
    defined = ~np.isnan(draws)
    value = float(parts @ np.array([figure.value for figure, _ in kept]) / parts.sum())
    return Sampled(value, share(parts @ np.where(defined, draws, 0.0), parts @ defined))
