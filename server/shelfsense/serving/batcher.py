"""Batches whatever waits: while the engine is busy, what gathers is the next batch.

Knows neither networks nor gRPC: items in, results out. The lone client waits for nobody; under load
batches grow by themselves. All but the engine's own call happens on the event loop, so nothing is locked;
and all that happens for every call is there to be cheap, so it is callbacks, one per batch where that will do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from shelfsense.errors import EngineUnavailable
from shelfsense.serving.admission import Admission, AdmissionLimits, ShedReason
from shelfsense.serving.batch_call import AwaitedCall, Timed
from shelfsense.serving.batch_cost import BatchCost, Pace
from shelfsense.serving.batch_limits import Limits
from shelfsense.serving.dispatcher import Dispatcher
from shelfsense.serving.engine_health import DOWN, EngineHealth
from shelfsense.serving.engine_thread import EngineThread
from shelfsense.serving.errors import DeadlineExceeded, Stopping
from shelfsense.serving.expiry import Expiry
from shelfsense.serving.waiting_room import Entry, WaitingRoom

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

__all__ = ["Batcher", "Limits", "Timed"]


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
        self._health = EngineHealth(engine, on_health, stall_s=limits.stall_s, probe_every_s=limits.probe_every_s)
        self._dispatcher: Dispatcher[ItemT, ResultT] = Dispatcher(
            engine,
            self._room,
            self.admission,
            self._health,
            cost=cost,
            pace=self.pace,
            on_batch=on_batch,
            on_drop=on_drop,
        )
        self._expiry = Expiry(self._expire)
        self._stopping = False

    def __len__(self) -> int:
        """Return how many items wait."""
        return len(self._room)

    @property
    def healthy(self) -> bool:
        """Whether the engine works."""
        return self._health.healthy

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
        self._health.healthy = True

    async def stop(self) -> None:
        """Answer what waits, then end the engine thread; nothing new is admitted meanwhile."""
        self._stopping = True
        await self._dispatcher.until_empty()
        await self._health.stop()
        self._dispatcher.give_up_waiting(Stopping())
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
        dispatcher = self._dispatcher
        if not dispatcher.woken and dispatcher.running is None:
            dispatcher.wake(loop)
        try:
            return await call.answer
        except asyncio.CancelledError:
            if waited := self._room.leave(call):
                self._on_drop("cancelled", waited)
            raise

    def _refuse_when_down(self) -> None:
        if self._stopping:
            raise Stopping
        if not self._health.healthy:
            raise EngineUnavailable(DOWN)

    def _admit(self, queries: int, tokens: float, expires: float, now: float) -> None:
        self._refuse_when_down()
        bulk = queries >= self._limits.bulk_from
        self.admission.admit(queries, tokens, bulk=bulk, expires=expires, now=now)

    def _expire(self, now: float) -> float | None:
        """Fail the calls whose time has passed, in the queue or in the engine; return when the next one's does."""
        following = float("inf")
        running = self._dispatcher.running
        calls = [entry.call for entry in running.entries] if running else []
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
