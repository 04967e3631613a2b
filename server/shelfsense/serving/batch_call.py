"""A call that waits for the engine, and what its caller gets. Knows neither engine nor queue."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Generic, TypeVar

from shelfsense.serving.waiting_room import Call

ResultT = TypeVar("ResultT")
Result_co = TypeVar("Result_co", covariant=True)


@dataclass(slots=True)
class Timed(Generic[Result_co]):
    """A result, and how long it took.

    Attributes:
        result: what the engine answered.
        queue_us: microseconds from arrival to the start of its batch.
        inference_us: microseconds the batch took.
    """

    result: Result_co
    queue_us: int
    inference_us: int


class AwaitedCall(Call, Generic[ResultT]):
    """A call of one or more items, and the one future that its caller awaits.

    Args:
        expires: when the caller stops waiting, on the event loop's clock.
        since: when it came, on that clock.
        items: how many.
        bulk: whether it waits in the line for bulk.
        answer: a new future; it gets a result or an error for each item, in order, or an error for all.
    """

    __slots__ = ("_missing", "_outcomes", "answer")

    def __init__(
        self,
        expires: float,
        since: float,
        items: int,
        *,
        bulk: bool,
        answer: asyncio.Future[list[Timed[ResultT] | BaseException]],
    ) -> None:
        super().__init__(expires, since, bulk=bulk)
        self.answer = answer
        self._outcomes: list[Timed[ResultT] | BaseException | None] = [None] * items
        self._missing = items

    def put(self, place: int, outcome: Timed[ResultT] | BaseException) -> bool:
        """Note what became of one item, wake the caller when it was the last, and return whether it was."""
        if self.over:
            return False
        self._outcomes[place] = outcome
        self._missing -= 1
        if self._missing:
            return False
        self.over = True
        if not self.answer.done():
            self.answer.set_result([each for each in self._outcomes if each is not None])
        return True

    def give_up(self, error: Exception) -> None:
        """Wake the caller with what there is, and an error for the rest."""
        self.over = True
        if not self.answer.done():
            self.answer.set_result([error if each is None else each for each in self._outcomes])

    def fail(self, error: Exception) -> None:
        """Wake the caller with an error for the whole call."""
        self.over = True
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # taken note of: a caller that is cancelled just now never asks
