"""Batches whatever waits: while the engine is busy, what gathers is the next batch.

Knows neither networks nor gRPC: items in, results out. The lone client waits for nobody; under load
batches grow by themselves. All but the engine's own call happens on the event loop, so nothing is locked;
and all that happens for every call is there to be cheap, so it is callbacks, one per batch where that will do.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from shelfsense.errors import EngineUnavailable
from shelfsense.serving.admission import Admission, AdmissionLimits, ShedReason
from shelfsense.serving.batch_call import AwaitedCall, Timed
from shelfsense.serving.batch_cost import BatchCost, Pace
from shelfsense.serving.engine_thread import BatchRun, EngineThread, Late
from shelfsense.serving.engine_thread import Outcome as Ended
from shelfsense.serving.errors import DeadlineExceeded, Stopping, trace
from shelfsense.serving.expiry import Expiry
from shelfsense.serving.waiting_room import Entry, Taken, WaitingRoom

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

__all__ = ["Batcher", "Limits", "Timed"]

_log = logging.getLogger(__name__)
_DOWN = "the engine is down and being tried again; retry later, or ask another replica"
_ALONE = "the engine failed on this query and on no other; leave it out"
_TRUSTED_S = 1.0  # a pace that no batch has borne out for longer is no reason to give a call up


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a batcher.

    Attributes:
        max_batch_tokens: most tokens of one batch, padding as the engine computes it; a longer item still runs.
        max_queue_tokens: most tokens waiting in each line, of single calls and of bulk.
        stall_s: seconds after which a batch that has not returned counts as an engine that is down.
        probe_every_s: seconds between two tries of an engine that is down.
        batch_s: seconds that a batch may run, by what was learned; whoever comes meanwhile waits for it.
        most_passes: in how many batches an item may be passed over for a younger one of a length that fits better.
        bulk_from: a call of at least so many items waits in the line for bulk.
        bulk_share: of the engine, for bulk while single calls wait too; between 0 and 1.
    """

    max_batch_tokens: int
    max_queue_tokens: int
    stall_s: float = 10.0
    probe_every_s: float = 0.5
    batch_s: float = 0.015
    most_passes: int = 8
    bulk_from: int = 9
    bulk_share: float = 0.25


@dataclass(slots=True, eq=False)
class _Running(Generic[ItemT, ResultT]):
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


class Batcher(Generic[ItemT, ResultT]):
    """Runs items in batches on an engine thread.

    Args:
        engine: the thread; the batcher closes it.
        tokens: the length of an item.
        limits: the bounds.
        on_health: called whenever the engine goes down or comes back, before any caller learns of it.
        on_batch: called after each batch with its queries, its seconds, their tokens, and those and the padding
            that the engine computed.
        on_shed: called with the reason for each call that was not let in.
        on_drop: called with ``expired``, ``cancelled`` or ``hopeless`` (it could not be answered in its time) and
            the number of queries that left the queue before they reached the engine.
        cost: of a batch.

    Attributes:
        pace: how fast the engine is, as learned.
        admission: lets calls in.
        healthy: whether the engine works.
    """

    def __init__(
        self,
        engine: EngineThread[ItemT, ResultT],
        *,
        tokens: Callable[[ItemT], int],
        limits: Limits,
        on_health: Callable[[bool], None],
        on_batch: Callable[[int, float, int, int], None],
        on_shed: Callable[[ShedReason], None] = lambda _: None,
        on_drop: Callable[[str, int], None] = lambda *_: None,
        cost: BatchCost = BatchCost(),  # noqa: B008 -- frozen
    ) -> None:
        self._engine = engine
        self._tokens = tokens
        self._limits = limits
        self._cost = cost
        self._on_health = on_health
        self._on_batch = on_batch
        self._on_drop = on_drop
        self.pace = Pace()
        self._room: WaitingRoom[AwaitedCall[ResultT], ItemT] = WaitingRoom(
            cost,
            self.pace,
            most_tokens=limits.max_batch_tokens,
            target_s=limits.batch_s,
            most_passes=limits.most_passes,
            bulk_share=limits.bulk_share,
        )
        self.admission = Admission(self._room, cost, self.pace, AdmissionLimits(limits.max_queue_tokens), on_shed)
        self._expiry = Expiry(self._expire)
        self._running: _Running[ItemT, ResultT] | None = None
        self._answered_now: deque[tuple[Entry[AwaitedCall[ResultT], ItemT], Timed[ResultT]]] = deque()
        self._woken = False
        self._last_batch = 0.0
        self._stopping = False
        self._emptied = asyncio.Event()
        self._aside: set[asyncio.Task[None]] = set()
        self.healthy = False

    def __len__(self) -> int:
        """Return how many items wait."""
        return len(self._room)

    @property
    def waiting_tokens(self) -> float:
        """Tokens that wait, give or take what a query costs beside them."""
        return self._room.single.units + self._room.bulk.units

    async def start(self) -> None:
        """Try the engine, which also warms it, and begin to dispatch.

        Raises:
            EngineUnavailable: it failed at the probe.
        """
        # The first run is slow, and would be taken for the engine's pace.
        if not await self._engine.works() or not (warm := await self._engine.works()):
            self._engine.close(wait=True)
            raise EngineUnavailable("the engine failed at its first query; the log has the reason")
        tokens = self._tokens(self._engine.probe)
        units = self._cost.alone(tokens)
        self.pace.learn(units, running_s=warm.seconds, cycle_s=warm.seconds, tokens_per_query=tokens)
        self.healthy = True

    async def stop(self) -> None:
        """Answer what waits, then end the engine thread; nothing new is admitted meanwhile."""
        self._stopping = True
        while self.healthy and (self._running or len(self._room) or self._answered_now):
            self._emptied.clear()
            await self._emptied.wait()
        for task in self._aside:  # an engine that is down may hang: waiting for it could last for ever
            task.cancel()
        await asyncio.gather(*self._aside, return_exceptions=True)
        self._fail_waiting(Stopping())
        self._expiry.stop()
        self._engine.close(wait=self.healthy)

    def admit(self, queries: int = 1, *, expires: float) -> None:
        """Return where a call may come in; costs about a microsecond, and is asked before anything is done for it.

        Args:
            queries: of the call.
            expires: when its caller stops waiting, on the event loop's clock.

        Raises:
            Overloaded: the queue is full, has been standing, or is too long for this caller's time.
            EngineUnavailable: the engine is down.
            Stopping: the batcher was stopped.
        """
        self._admit(queries, queries * self.pace.tokens_per_query, expires, asyncio.get_running_loop().time())

    async def submit(self, item: ItemT, *, expires: float, begun: bool = False) -> Timed[ResultT]:
        """Return the result of one item.

        Args:
            item: the item.
            expires: when its caller stops waiting, on the event loop's clock.
            begun: of a call that was admitted and has cost something already.

        Raises:
            Overloaded: the queue has no room, or is too long for this caller's time.
            DeadlineExceeded: `expires` passed first, or would have.
            EngineUnavailable: the engine is down, or failed on this item alone.
            Stopping: the batcher was stopped.
        """
        (outcome,) = await self._submit([item], expires, begun=begun)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def submit_all(
        self, items: Sequence[ItemT], *, expires: float, begun: bool = False
    ) -> list[Timed[ResultT] | BaseException]:
        """Return a result or an error for each item, in order; all are admitted or none.

        Args:
            items: the items.
            expires: when their caller stops waiting, on the event loop's clock.
            begun: of a call that was admitted and has cost something already.

        Raises:
            Overloaded: the queue has no room for all of them, or is too long for this caller's time.
            DeadlineExceeded: `expires` passed first, or would have.
            EngineUnavailable: the engine is down.
            Stopping: the batcher was stopped.
        """
        return await self._submit(items, expires, begun=begun) if items else []

    async def _submit(
        self, items: Sequence[ItemT], expires: float, *, begun: bool
    ) -> list[Timed[ResultT] | BaseException]:
        loop = asyncio.get_running_loop()
        now = loop.time()
        lengths = [self._tokens(item) for item in items]
        if begun:
            self._refuse_when_down()
        else:
            self._admit(len(items), sum(lengths), expires, now)
        bulk = len(items) >= self._limits.bulk_from
        call: AwaitedCall[ResultT] = AwaitedCall(expires, now, len(items), bulk=bulk, answer=loop.create_future())
        for place, item in enumerate(items):
            self._room.add(Entry(call, item, lengths[place], place))
        self._expiry.watch(loop, expires)
        if not self._woken and self._running is None:
            # Not at once: whatever else comes in this turn of the loop belongs to the same batch.
            self._woken = True
            loop.call_soon(self._dispatch)
        try:
            return await call.answer
        except asyncio.CancelledError:
            if waited := self._room.leave(call):
                self._on_drop("cancelled", waited)
            raise

    def _refuse_when_down(self) -> None:
        if self._stopping:
            raise Stopping
        if not self.healthy:
            raise EngineUnavailable(_DOWN)

    def _admit(self, queries: int, tokens: float, expires: float, now: float) -> None:
        self._refuse_when_down()
        bulk = queries >= self._limits.bulk_from
        self.admission.admit(queries, tokens, bulk=bulk, expires=expires, now=now)

    def _dispatch(self) -> None:
        """Give the engine the next batch, where it is free and anybody waits."""
        self._woken = False
        if self._running or not self.healthy:
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
        stall = loop.call_later(self._limits.stall_s, self._stalled)
        running = self._running = _Running(taken.batch, taken.units, now, stall)
        self.admission.busy_until = now + taken.units * self.pace.draining
        items, expires = [entry.item for entry in taken.batch], [entry.call.expires for entry in taken.batch]
        self._engine.submit(items, expires, partial(self._ended, running))

    def _drop(self, calls: Sequence[tuple[AwaitedCall[ResultT], int]], reason: str) -> None:
        for call, queries in calls:
            call.fail(DeadlineExceeded())
            self._on_drop(reason, queries)

    def _ended(self, running: _Running[ItemT, ResultT], outcome: Ended[ResultT]) -> None:
        if self._running is not running:
            return  # it was given up, and its callers know
        running.stall.cancel()
        if isinstance(outcome, Exception):
            self._set_aside(self._look_into(running.entries, outcome))
            return
        self._running = None
        self._learn(running, outcome.seconds, asyncio.get_running_loop().time())
        self._dispatch()  # first: the engine is not to wait for answers to be given out
        self._settle(running.entries, outcome)

    def _learn(self, running: _Running[ItemT, ResultT], running_s: float, now: float) -> None:
        self._last_batch = now
        self.pace.learn(
            running.units,
            running_s=running_s,
            cycle_s=now - running.since,
            tokens_per_query=sum(entry.tokens for entry in running.entries) / len(running.entries),
        )

    def _settle(self, entries: Sequence[Entry[AwaitedCall[ResultT], ItemT]], run: BatchRun[ResultT]) -> None:
        inference_us = round(run.seconds * 1e6)
        begun = not self._answered_now
        for entry, result in zip(entries, run.results, strict=True):
            if isinstance(result, Late):
                self._drop([(entry.call, 1 + self._room.leave(entry.call))], "expired")
            else:
                queue_us = round((run.started - entry.call.since) * 1e6)
                self._answered_now.append((entry, Timed(result, queue_us, inference_us)))
        lengths = [entry.tokens for entry in entries]
        real = sum(lengths)
        padded = self._cost.tokens(len(lengths), real, max(lengths))
        self._on_batch(len(lengths), run.seconds, real, round(padded))
        if begun:
            self._give_out()

    def _give_out(self) -> None:
        """Wake one caller, and let the loop turn before the next one.

        What a caller makes of its result takes longer than all of this, and gRPC's server takes in one new call in
        a turn of the loop: a whole batch of callers woken at once would keep everybody else out for that long.
        """
        while self._answered_now:
            entry, timed = self._answered_now.popleft()
            if entry.call.put(entry.place, timed) and self._answered_now:
                asyncio.get_running_loop().call_soon(self._give_out)
                return
        self._emptied.set()

    def _expire(self, now: float) -> float | None:
        """Fail the calls whose time has passed, in the queue or in the engine; return when the next one's does."""
        following = float("inf")
        calls = [entry.call for entry in self._running.entries] if self._running else []
        for call in (*self._room.calls(), *calls):
            if call.over:
                continue
            if call.expires <= now:
                waited = self._room.leave(call)
                call.fail(DeadlineExceeded())
                if waited:
                    self._on_drop("expired", waited)
            else:
                following = min(following, call.expires)
        return following if following < float("inf") else None

    async def _look_into(self, entries: Sequence[Entry[AwaitedCall[ResultT], ItemT]], error: Exception) -> None:
        """Find out whether a batch failed because of one of its items, or because the engine is down."""
        if len(entries) > 1:
            _log.warning("a batch of %d failed, trying each query alone: %s", len(entries), trace(error))
        for entry in entries:
            now = asyncio.get_running_loop().time()
            if entry.call.over or (len(entries) > 1 and await self._answered(entry, now)):
                continue
            if not self.healthy or not await self._works():
                self._go_down(entries)
                return
            _log.error("the engine failed on one query and on no other: %s", trace(error))
            entry.call.put(entry.place, EngineUnavailable(_ALONE))
        self._running = None
        self._dispatch()

    async def _answered(self, entry: Entry[AwaitedCall[ResultT], ItemT], now: float) -> bool:
        """Run one item alone, and return whether that went well."""
        if entry.call.expires <= now:
            self._drop([(entry.call, 1 + self._room.leave(entry.call))], "expired")
            return True
        try:
            run = await asyncio.wait_for(self._engine.run([entry.item]), self._limits.stall_s)
        except Exception as error:
            _log.warning("it failed on one of them: %s", trace(error))
            return False
        self._settle([entry], run)
        return True

    async def _works(self) -> bool:
        try:
            return bool(await asyncio.wait_for(self._engine.works(), self._limits.stall_s))
        except TimeoutError:
            return False

    def _stalled(self) -> None:
        if self._running:
            entries = self._running.entries
            _log.error("the engine has not returned for %.0f s from a batch of %d", self._limits.stall_s, len(entries))
            self._go_down(entries)

    def _go_down(self, entries: Sequence[Entry[AwaitedCall[ResultT], ItemT]]) -> None:
        _log.error("the engine is down")
        self._running = None
        self.healthy = False
        self._on_health(False)  # noqa: FBT003 -- the callback's one argument
        for entry in entries:
            entry.call.give_up(EngineUnavailable(_DOWN))
            self._room.leave(entry.call)
        self._fail_waiting(EngineUnavailable(_DOWN))
        self._emptied.set()
        self._set_aside(self._recover())

    async def _recover(self) -> None:
        """Try the engine until it works."""
        while not await self._engine.works():
            await asyncio.sleep(self._limits.probe_every_s)
        _log.warning("the engine works again")
        self.healthy = True
        self._on_health(True)  # noqa: FBT003 -- the callback's one argument
        self._dispatch()

    def _set_aside(self, work: Coroutine[None, None, None]) -> None:
        """Do what is rare and takes its time beside the calls that come."""
        task = asyncio.get_running_loop().create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    def _fail_waiting(self, error: Exception) -> None:
        for call in self._room.calls():
            call.give_up(error)
            self._room.leave(call)
