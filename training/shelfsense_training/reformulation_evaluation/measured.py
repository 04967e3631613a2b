"""A figure as a report holds it: value, 95 % bootstrap interval, and how many queries it is over.

Means of one number per query, and ratios of two: precision is accepted-and-right over accepted, both
resampled together by query. N queries.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.retrieval.retrieval_figures import RESAMPLES, mean_interval

Figure = dict[str, float | int | None]
"""Keys ``n``, ``value``, ``low``, ``high``; the last three are None where nothing was measured."""

Numbers = Sequence[float] | Sequence[bool] | NDArray[np.float64] | NDArray[np.bool_]


def mean_figure(values: Numbers) -> Figure:
    """Return the mean of one number per query."""
    numbers = np.asarray(values, dtype=np.float64)
    if not len(numbers):
        return _figure(0)
    interval = mean_interval(numbers)
    return _figure(len(numbers), interval.value, interval.low, interval.high)


def ratio_figure(numerators: Numbers, denominators: Numbers, *, seed: int = 0) -> Figure:
    """Return the sum of the numerators over that of the denominators; None where the latter is 0.

    Args:
        numerators: (N,) of each query.
        denominators: (N,) of each query, 0 or more.
        seed: of the resamples.
    """
    above, below = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    if not below.sum():
        return _figure(len(below))
    random = np.random.default_rng(seed)
    rows = random.integers(len(below), size=(RESAMPLES, len(below)))  # (RESAMPLES, N)
    sums = below[rows].sum(1)
    # A resample without a denominator says nothing; it is rare where the figure is worth reading.
    draws = above[rows].sum(1)[sums > 0] / sums[sums > 0]
    low, high = np.quantile(draws, [0.025, 0.975])
    return _figure(len(below), float(above.sum() / below.sum()), float(low), float(high))


def is_figure(value: object) -> bool:
    """Return whether a value of a report is a figure."""
    return isinstance(value, dict) and set(value) == {"n", "value", "low", "high"}


def _figure(n: int, value: float | None = None, low: float | None = None, high: float | None = None) -> Figure:
    return {"n": n, "value": value, "low": low, "high": high}
