"""When requests arrive that do not wait for each other."""

from __future__ import annotations

import numpy as np


def poisson(rate: float, seconds: float, *, seed: int) -> list[float]:
    """Return arrival times of a Poisson process, in seconds from 0, ascending.

    Args:
        rate: arrivals per second, above 0.
        seconds: how long it goes on.
        seed: equal seeds, equal arrivals.
    """
    chance = np.random.default_rng(seed)
    # Five standard deviations more than are expected, so that the last one lies past the end.
    expected = rate * seconds
    gaps = chance.exponential(1 / rate, int(expected + 5 * expected**0.5) + 10)
    times = np.cumsum(gaps)
    return [float(each) for each in times[times < seconds]]
