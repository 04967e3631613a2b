"""One timer for all deadlines: it rings when the first of them passes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_SHORTEST_S = 0.005  # between two rings: looking through a queue costs something, and no caller counts in less


class Expiry:
    """Calls back when a deadline has passed.

    Args:
        expire: told the time; ends what has expired, and returns the next deadline, None where there is none.
    """

    def __init__(self, expire: Callable[[float], float | None]) -> None:
        self._expire = expire
        self._timer: asyncio.TimerHandle | None = None
        self._rings = float("inf")

    def watch(self, loop: asyncio.AbstractEventLoop, expires: float) -> None:
        """Take note of a deadline on the loop's clock; free where an earlier one is watched."""
        if expires < self._rings:
            self.stop()
            self._rings = expires
            self._timer = loop.call_at(expires, self._ring, loop)

    def stop(self) -> None:
        """Ring no more, until a deadline is watched again."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._rings = None, float("inf")

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer, self._rings = None, float("inf")
        now = loop.time()
        following = self._expire(now)
        if following is not None:
            self.watch(loop, max(following, now + _SHORTEST_S))
