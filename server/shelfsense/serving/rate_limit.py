"""How much one caller may ask: a bucket that fills at a steady rate. Knows neither callers nor gRPC."""

from __future__ import annotations


class RateLimit:
    """A token bucket, counted in queries.

    A call that costs more than the bucket holds when full is let through once it is full, and leaves a debt:
    else a batch of 1,024 could never pass a limit of 100, and the average is kept all the same.

    Args:
        rate: queries per second that come back.
        burst: queries that may be asked at once after a quiet time.
        now: seconds, on the clock of every later call.
    """

    __slots__ = ("_level", "_since", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self._level = burst
        self._since = now

    def take(self, cost: float, now: float) -> float:
        """Take the cost of a call and return 0; or take nothing and return the seconds until it can be had.

        Args:
            cost: queries.
            now: seconds.
        """
        level = min(self.burst, self._level + (now - self._since) * self.rate)
        self._since = now
        needed = min(cost, self.burst)
        if level < needed:
            self._level = level
            return (needed - level) / self.rate
        self._level = level - cost
        return 0.0

    def changed(self, rate: float, burst: float, now: float) -> RateLimit:
        """Return a limit of another rate with what this one has left, so that a new file refills nobody."""
        self.take(0.0, now)
        limit = RateLimit(rate, burst, now)
        limit._level = min(burst, self._level)
        return limit
