"""Gives the engine one batch after another, and every query in them what became of it.

Knows no callers but as calls that wait in a room. All of it happens on the event loop, for every batch: so it is
callbacks and no tasks, but for an engine that fails.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from shelfsense.errors import EngineUnavailable
from shelfsense.serving.admission import Admission
from shelfsense.serving.batch_call import AwaitedCall, Timed
from shelfsense.serving.batch_cost import BatchCost, Pace
from shelfsense.serving.engine_health import DOWN, EngineHealth
from shelfsense.serving.engine_thread import BatchRun, EngineThread, Late
from shelfsense.serving.engine_thread import Outcome as Ended
from shelfsense.serving.errors import DeadlineExceeded
from shelfsense.serving.failed_batches import FailedBatches
from shelfsense.serving.giving_out import Answered, GivingOut
from shelfsense.serving.waiting_room import Entry, Taken, WaitingRoom

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_log = logging.getLogger(__name__)
_TRUSTED_S = 1.0  # a pace that no batch has borne out for longer is no reason to give a call up


@dataclass(slots=True, eq=False)
class Running(Generic[ItemT, ResultT]):
    """A batch that the engine has.

    Attributes:
        entries: its items.
        units: what they cost.
        since: when they were chosen, on the loop's clock.
        stall: rings when the engine has not returned for too long.
    """

    entries: list[Entry[AwaitedCall[ResultT], ItemT]]
    units: float
    since: float
    stall: asyncio.TimerHandle


class Dispatcher(Generic[ItemT, ResultT]):
    """Takes batches out of a waiting room and runs them on an engine thread.

    Args:
        engine: the thread.
        room: where the calls wait.
        admission: told when the engine will be free.
        health: of the engine.
        cost: of a batch.
        pace: learns how fast the engine is.
        on_batch: as of `Batcher`.
        on_drop: as of `Batcher`.

    Attributes:
        running: the batch that the engine has, None where it is free.
        woken: whether the next batch is about to be chosen.
    """

    def __init__(
        self,
        engine: EngineThread[ItemT, ResultT],
        room: WaitingRoom[AwaitedCall[ResultT], ItemT],
        admission: Admission,
        health: EngineHealth,
        *,
        cost: BatchCost,
        pace: Pace,
        on_batch: Callable[[int, float, int, int], None],
        on_drop: Callable[[str, int], None],
    ) -> None:
        self._engine = engine
        self._room = room
        self._admission = admission
        self._health = health
        self._cost = cost
        self._pace = pace
        self._on_batch = on_batch
        self._on_drop = on_drop
        self._last_batch = 0.0
        self._emptied = asyncio.Event()
        self._giving_out: GivingOut[ResultT] = GivingOut(self._emptied.set)
        self._failed = FailedBatches(engine, health, answered=self._settle, late=self._end_late)
        self.running: Running[ItemT, ResultT] | None = None
        self.woken = False

    def wake(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the next batch chosen soon; not at once, for what else comes in this turn of the loop belongs to it."""
        self.woken = True
        loop.call_soon(self._dispatch)

    async def until_empty(self) -> None:
        """Wait until nothing runs, waits or is to be given out, or the engine is down."""
        while self._health.healthy and (self.running or len(self._room) or self._giving_out):
            self._emptied.clear()
            await self._emptied.wait()

    def give_up_waiting(self, error: Exception) -> None:
        """Wake whoever waits in the room with what there is, and an error for the rest."""
        for call in self._room.calls():
            call.give_up(error)
            self._room.leave(call)

    def _dispatch(self) -> None:
        """Give the engine the next batch, where it is free and anybody waits."""
        self.woken = False
        if self.running or not self._health.healthy:
            return
        now = asyncio.get_running_loop().time()
        taken = self._room.take(now, sure=now - self._last_batch < _TRUSTED_S)
        if taken.batch:
            self._start(taken, now)
        else:
            self._emptied.set()
        self._drop(taken.expired, "expired")
        self._drop(taken.hopeless, "hopeless")

    def _start(self, taken: Taken[AwaitedCall[ResultT], ItemT], now: float) -> None:
        loop = asyncio.get_running_loop()
        stall = loop.call_later(self._health.stall_s, self._stalled)
        running = self.running = Running(taken.batch, taken.units, now, stall)
        self._admission.busy_until = now + taken.units * self._pace.draining
        items, expires = [entry.item for entry in taken.batch], [entry.call.expires for entry in taken.batch]
        self._engine.submit(items, expires, partial(self._ended, running))

    def _drop(self, calls: Sequence[tuple[AwaitedCall[ResultT], int]], reason: str) -> None:
        for call, queries in calls:
            call.fail(DeadlineExceeded())
            self._on_drop(reason, queries)

    def _ended(self, running: Running[ItemT, ResultT], outcome: Ended[ResultT]) -> None:
        if self.running is not running:
            return  # it was given up, and its callers know
        running.stall.cancel()
        if isinstance(outcome, Exception):
            self._health.set_aside(self._look_into(running.entries, outcome))
            return
        self.running = None
        self._learn(running, outcome.seconds, asyncio.get_running_loop().time())
        self._dispatch()  # first: the engine is not to wait for answers to be given out
        self._settle(running.entries, outcome)

    def _learn(self, running: Running[ItemT, ResultT], running_s: float, now: float) -> None:
        self._last_batch = now
        self._pace.learn(
            running.units,
            running_s=running_s,
            cycle_s=now - running.since,
            tokens_per_query=sum(entry.tokens for entry in running.entries) / len(running.entries),
        )

    def _settle(self, entries: Sequence[Entry[AwaitedCall[ResultT], ItemT]], run: BatchRun[ResultT]) -> None:
        inference_us = round(run.seconds * 1e6)
        answered: list[Answered[ResultT]] = []
        for entry, result in zip(entries, run.results, strict=True):
            if isinstance(result, Late):
                self._end_late(entry.call)
            else:
                queue_us = round((run.started - entry.call.since) * 1e6)
                answered.append((entry, Timed(result, queue_us, inference_us)))
        lengths = [entry.tokens for entry in entries]
        real = sum(lengths)
        padded = self._cost.tokens(len(lengths), real, max(lengths))
        self._on_batch(len(lengths), run.seconds, real, round(padded))
        self._giving_out.give(answered)

    def _end_late(self, call: AwaitedCall[ResultT]) -> None:
        """End a call whose time had passed when the engine came to one of its items."""
        self._drop([(call, 1 + self._room.leave(call))], "expired")

    async def _look_into(self, entries: Sequence[Entry[AwaitedCall[ResultT], ItemT]], error: Exception) -> None:
        if not await self._failed.look_into(entries, error):
            self._go_down(entries)
            return
        self.running = None
        self._dispatch()

    def _stalled(self) -> None:
        if self.running:
            entries = self.running.entries
            _log.error("the engine has not returned for %.0f s from a batch of %d", self._health.stall_s, len(entries))
            self._go_down(entries)

    def _go_down(self, entries: Sequence[Entry[AwaitedCall[ResultT], ItemT]]) -> None:
        self.running = None
        self._health.lost()  # first: nobody is to ask again before the server says that it cannot answer
        for entry in entries:
            entry.call.give_up(EngineUnavailable(DOWN))
            self._room.leave(entry.call)
        self.give_up_waiting(EngineUnavailable(DOWN))
        self._emptied.set()
        self._health.recover(self._dispatch)
