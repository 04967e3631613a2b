"""The percentiles of a list of timings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Spread:
    """How timings spread, in their own unit.

    Attributes:
        count: how many there were.
        p50: the median.
        p95: 95 % are at most this, between two timings by linear interpolation.
        p99: 99 % are.
    """

    count: int
    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, timings: Sequence[float]) -> Spread:
        """Return the spread of 1 or more timings.

        Raises:
            ValueError: there are none.
        """
        if not timings:
            raise ValueError("there are no timings to take percentiles of")
        p50, p95, p99 = (float(each) for each in np.percentile(timings, (50, 95, 99)))
        return cls(len(timings), p50, p95, p99)

    def cells(self) -> tuple[str, ...]:
        """Return p50, p95 and p99 for a table, two decimals each."""
        return tuple(f"{each:.2f}" for each in (self.p50, self.p95, self.p99))
