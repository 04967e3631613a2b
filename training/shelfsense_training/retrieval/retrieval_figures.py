"""Figures of retrieval and ranking: reciprocal rank, recall, discounted gain, area under the curve.

One number per query, so that differences can be paired and resampled. N queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CUT = 10
"""Ranks past it have no reciprocal."""

DEPTH = 100
"""Depth of recall."""

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class RankedFigures:
    """Figures of one system, query by query.

    Attributes:
        reciprocal: (N,) 1 / rank of the first partner, 0 past `CUT`.
        recall: (N,) share of the partners within `DEPTH`.
    """

    reciprocal: NDArray[np.float64]
    recall: NDArray[np.float64]


def ranked_figures(ranking: Sequence[Sequence[int]], partners: Sequence[AbstractSet[int]]) -> RankedFigures:
    """Return the figures of rankings.

    Args:
        ranking: candidates of each query, best first, at least `DEPTH` of them where there are so many.
        partners: the right candidates of each query, 1 or more.
    """
    reciprocal, recall = np.zeros(len(partners)), np.zeros(len(partners))
    for n, (ranked, right) in enumerate(zip(ranking, partners, strict=True)):
        places = [place for place, row in enumerate(ranked[:DEPTH], start=1) if row in right]
        reciprocal[n] = 1 / places[0] if places and places[0] <= CUT else 0.0
        recall[n] = len(places) / len(right)
    return RankedFigures(reciprocal, recall)


def discounted_gain(ranked: Sequence[int], gains: Mapping[int, float], depth: int) -> float:
    """Return NDCG: the sum of gain / log2(1 + rank) over the best `depth`, as a share of the best order's.

    Args:
        ranked: candidates, best first.
        gains: above 0, of the candidates that have any.
        depth: ranks that count.
    """
    discount = 1 / np.log2(np.arange(2, depth + 2))
    best = np.sort(list(gains.values()))[::-1][:depth]
    ideal = float((best * discount[: len(best)]).sum())
    found = np.array([gains.get(row, 0.0) for row in ranked[:depth]])
    return float((found * discount[: len(found)]).sum()) / ideal if ideal > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95 % bootstrap interval over queries."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def mean_interval(values: NDArray[np.float64], *, seed: int = 0) -> Interval:
    """Return the mean of one number per query; paired differences are resampled as they stand."""
    random = np.random.default_rng(seed)
    draws = values[random.integers(len(values), size=(RESAMPLES, len(values)))].mean(1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))


def nearest(
    queries: NDArray[np.float32],
    candidates: NDArray[np.float32],
    depth: int,
    *,
    without: Sequence[int] | None = None,
) -> NDArray[np.int64]:
    """Return the rows (N, depth) of the candidates with the largest products, largest first.

    Args:
        queries: (N, E).
        candidates: (C, E).
        depth: how many; fewer where there are fewer.
        without: one candidate per query that is left out, the query itself.
    """
    depth = min(depth, len(candidates) - (without is not None))
    found = np.empty((len(queries), depth), dtype=np.int64)
    for start in range(0, len(queries), 1024):
        scores = queries[start : start + 1024] @ candidates.T
        rows = np.arange(len(scores))
        if without is not None:
            scores[rows, np.asarray(without[start : start + 1024])] = -np.inf
        best = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
        order = np.argsort(-scores[rows[:, None], best], axis=1, kind="stable")
        found[start : start + 1024] = best[rows[:, None], order]
    return found
