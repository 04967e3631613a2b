"""What one `Understand` costs in processor time beside another bundle: the same queries, one by one, in turn.

Both bundles are run by this code, so that only what they hold differs.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.finding import BenchmarkFailed, Finding, Floor, Setting
from benchmarks.machine import pinned, two_cores
from benchmarks.queries import sample_queries
from shelfsense.bundle import Bundle
from shelfsense.query import Query
from shelfsense.understander import Understander

_QUERIES = 3000
_WARMING = 300
_ROUNDS = 10
_MOST = 1.15


def measure(setting: Setting) -> Finding:
    """Time both bundles on every query, the first of the two in turn; the ratio is the median of the rounds' ratios.

    Raises:
        BenchmarkFailed: no other bundle is named.
    """
    if setting.other is None:
        raise BenchmarkFailed("no bundle to stand beside; name it with --other")
    names = [Bundle.open(folder).version for folder in (setting.bundle, setting.other)]
    core, _ = two_cores()
    with pinned(core):
        both = [Understander.load(Bundle.open(folder), threads=1) for folder in (setting.bundle, setting.other)]
        queries = sample_queries(_WARMING + setting.times(_QUERIES))
        for query in queries[:_WARMING]:
            for each in both:
                each.understand([query])
        spent = np.array([_spent(both, query, i % 2) for i, query in enumerate(queries[_WARMING:])])  # (N, 2) seconds
    rounds = np.array([part.sum(axis=0) for part in np.array_split(spent, _ROUNDS)])
    ratios = rounds[:, 0] / rounds[:, 1]
    mean = 1000 * spent.mean(axis=0)
    return Finding(
        title="Beside another bundle",
        claim=f"What one `Understand` of {names[0]} costs in processor time beside {names[1]}.",
        columns=("figure", "value"),
        rows=(
            (f"{names[0]}, ms a query", f"{mean[0]:.2f}"),
            (f"{names[1]}, ms a query", f"{mean[1]:.2f}"),
            (f"ratio, median of {_ROUNDS} rounds", f"{np.median(ratios):.3f}"),
            ("least and most of the rounds", f"{ratios.min():.3f} to {ratios.max():.3f}"),
        ),
        figures={"ours_ms": float(mean[0]), "other_ms": float(mean[1]), "ratio": float(np.median(ratios))},
        notes=(
            "One thread on one core; each query by both in turn, the one that goes first changing with every query.",
        ),
        floors=(Floor("processor time over the other bundle's", float(np.median(ratios)), _MOST, at_most=True),),
    )


def _spent(both: list[Understander], query: Query, first: int) -> tuple[float, float]:
    seconds = [0.0, 0.0]
    for which in (first, 1 - first):
        began = time.process_time()
        both[which].understand([query])
        seconds[which] = time.process_time() - began
    return seconds[0], seconds[1]
