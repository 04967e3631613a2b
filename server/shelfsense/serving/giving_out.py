"""Gives results to the callers that wait for them, one caller in each turn of the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from shelfsense.serving.batch_call import AwaitedCall, Timed
from shelfsense.serving.waiting_room import Entry

ResultT = TypeVar("ResultT")

Answered: TypeAlias = tuple[Entry[AwaitedCall[ResultT], Any], Timed[ResultT]]
"""An item, and what the engine answered to it."""


class GivingOut(Generic[ResultT]):
    """Wakes one caller, and lets the loop turn before the next one.

    What a caller makes of its result takes longer than all that a batcher does, and gRPC's server takes in one new
    call in a turn of the loop: a whole batch of callers woken at once would keep everybody else out for that long.

    Args:
        done: called whenever nothing is left to give out.
    """

    def __init__(self, done: Callable[[], object]) -> None:
        self._done = done
        self._left: deque[Answered[ResultT]] = deque()

    def __len__(self) -> int:
        """Return how many results are still to be given out."""
        return len(self._left)

    def give(self, answered: Sequence[Answered[ResultT]]) -> None:
        """Give out the results of a batch, after those that are left of the batches before it."""
        under_way = bool(self._left)
        self._left.extend(answered)
        if not under_way:
            self._next()

    def _next(self) -> None:
        while self._left:
            entry, timed = self._left.popleft()
            if entry.call.put(entry.place, timed) and self._left:
                asyncio.get_running_loop().call_soon(self._next)
                return
        self._done()
