"""Equal questions that arrive while the first of them is being answered wait for its answer.

Knows neither gRPC nor what is asked. Used from the event loop alone, so nothing is locked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ResultT = TypeVar("ResultT")


class LeaderLeft(Exception):
    """Whoever was answering has left without an answer or an error of the question's own; ask anew."""


class SingleFlight(Generic[KeyT, ResultT]):
    """Knows which questions are being answered, and who else waits for them.

    Whoever leads ends with `land`, `fail` or `leave`.
    """

    def __init__(self) -> None:
        self._waiting: dict[KeyT, list[asyncio.Future[ResultT]]] = {}
        self.joined = 0

    def __len__(self) -> int:
        """Return how many questions are being answered."""
        return len(self._waiting)

    def lead(self, key: KeyT) -> bool:
        """Return whether the caller is the one to answer; False where somebody answers already."""
        if key in self._waiting:
            return False
        self._waiting[key] = []
        return True

    def join(self, key: KeyT) -> asyncio.Future[ResultT]:
        """Return the future of a question that somebody answers.

        It fails with what the answering failed with, or with `LeaderLeft`.
        """
        future: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        self._waiting[key].append(future)
        self.joined += 1
        return future

    def awaited(self, key: KeyT) -> bool:
        """Return whether anybody waits for a question that is being answered."""
        return bool(self._waiting[key])

    def land(self, key: KeyT, result: ResultT) -> None:
        """Give the answer to all who wait for it."""
        for future in self._waiting.pop(key):
            if not future.done():
                future.set_result(result)

    def fail(self, key: KeyT, error: BaseException) -> None:
        """Tell all who wait that there is no answer, since the question itself has none."""
        for future in self._waiting.pop(key):
            if not future.done():
                future.set_exception(error)
                future.exception()  # looked at: who waited may have left since

    def leave(self, key: KeyT) -> None:
        """Let those who wait ask anew, unless the question has landed or failed."""
        if key in self._waiting:
            self.fail(key, LeaderLeft())
