"""What an engine's batches cost, fitted to measured runs: the parameters of `BatchCost`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from shelfsense.serving.batch_cost import BatchCost

_SHAPES: tuple[tuple[int, ...], ...] = (
    (8,),
    (16,),
    (64,),
    (8,) * 4,
    (8,) * 16,
    (8,) * 32,
    (16,) * 16,
    (4, 12) * 8,
    (4,) * 12 + (32,) * 4,
    (8,) * 15 + (64,),
)
"""Batches, by the tokens of their queries: small and large, even and uneven."""

_TIMES = 5


@dataclass(frozen=True, slots=True)
class CostFit:
    """A fitted cost.

    Attributes:
        cost: in tokens.
        us_per_token: microseconds of processor time that a token takes.
        worst: the largest error of the fit, as a share of the run it is of.
    """

    cost: BatchCost
    us_per_token: float
    worst: float


def fit_cost(run: Callable[[Sequence[tuple[int, ...]]], object]) -> CostFit:
    """Run batches of many shapes, the least time of each, and fit the cost to them by relative least squares.

    Args:
        run: runs a batch on this thread.
    """
    rows, seconds = [], []
    for lengths in _SHAPES:
        batch = [(0, *(100 + 7 * i + j for j in range(length - 2)), 2) for i, length in enumerate(lengths)]
        run(batch)
        seconds.append(min(_seconds(run, batch) for _ in range(_TIMES)))
        real, longest = sum(lengths), max(lengths)
        rows.append((1, len(lengths), real, longest * len(lengths) - real))
    measured = np.asarray(seconds)
    table = np.asarray(rows, dtype=np.float64)
    found = np.linalg.lstsq(table / measured[:, None], np.ones(len(measured)), rcond=None)[0]
    per_batch, per_query, per_token, per_padding = found.tolist()
    worst = float(np.abs(table @ found / measured - 1).max())
    cost = BatchCost(*(max(0.0, each / per_token) for each in (per_batch, per_query, per_padding)))
    return CostFit(cost, per_token * 1e6, worst)


def _seconds(run: Callable[[Sequence[tuple[int, ...]]], object], batch: Sequence[tuple[int, ...]]) -> float:
    began = time.thread_time()
    run(batch)
    return time.thread_time() - began
