"""What the engine alone would make of arrivals: one machine that takes whatever waits as its next batch.

Nothing but the measured cost of a batch is in it: no tokenising, no ranking, no transport.
"""

from __future__ import annotations

import bisect
import random
import time
from collections.abc import Callable, Mapping, Sequence

from shelfsense.query import Query
from shelfsense.understander import Understander

SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Batch sizes whose cost is measured; between them it is interpolated."""


class BatchCosts:
    """Measured seconds of batches by their number of queries.

    Args:
        samples: at least one time for each of two or more sizes.
    """

    def __init__(self, samples: Mapping[int, Sequence[float]]) -> None:
        self._sizes = sorted(samples)
        self._samples = samples

    @property
    def most(self) -> int:
        """The largest measured size."""
        return self._sizes[-1]

    def draw(self, size: int, chance: random.Random) -> float:
        """Return the seconds of one batch of at most `most`: a measured one, or between two measured ones."""
        above = bisect.bisect_left(self._sizes, size)
        high = self._sizes[above]
        if high == size or above == 0:
            return chance.choice(self._samples[high])
        low = self._sizes[above - 1]
        share = (size - low) / (high - low)
        return (1 - share) * chance.choice(self._samples[low]) + share * chance.choice(self._samples[high])


def measure_costs(understander: Understander, queries: Callable[[int], list[Query]], repeats: int) -> BatchCosts:
    """Time the engine on batches of each size.

    Args:
        understander: runs the network, in this thread.
        queries: gives so many queries, others each time.
        repeats: timings per size.
    """
    samples: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(repeats):
        for size in SIZES:
            prepared = [understander.prepare(query) for query in queries(size)]
            began = time.perf_counter()
            understander.infer(prepared)
            samples[size].append(time.perf_counter() - began)
    return BatchCosts(samples)


def simulate(arrivals: Sequence[float], costs: BatchCosts, *, seed: int) -> list[float]:
    """Return the milliseconds from each arrival to the end of its batch.

    Args:
        arrivals: seconds, ascending.
        costs: of batches.
        seed: equal seeds, equal draws.
    """
    chance = random.Random(seed)
    latencies: list[float] = []
    free_at, first = 0.0, 0
    while first < len(arrivals):
        begins = max(free_at, arrivals[first])
        waiting = bisect.bisect_right(arrivals, begins) - first
        size = min(waiting, costs.most)
        free_at = begins + costs.draw(size, chance)
        latencies += [(free_at - arrivals[i]) * 1000 for i in range(first, first + size)]
        first += size
    return latencies
