"""Batches whatever waits: while the engine is busy, what gathers is the next batch.

Knows neither networks nor gRPC: items in, results out. The lone client waits for nobody; under load
batches grow by themselves. All but the engine's own call happens on the event loop, so nothing is locked.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from shelfsense.errors import EngineUnavailable
from shelfsense.serving.engine_thread import BatchRun, EngineThread
from shelfsense.serving.errors import DeadlineExceeded, Overloaded, Stopping, trace

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
Result_co = TypeVar("Result_co", covariant=True)

_log = logging.getLogger(__name__)
_DOWN = "the engine is down and being tried again; retry later, or ask another replica"
_SHORTEST_RETRY_S = 0.05
_SMOOTHING = 0.1  # weight of the newest batch in the running mean of seconds per item


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a batcher.

    Attributes:
        max_batch_tokens: most tokens of one batch, padding counted; a single longer item still runs.
        max_queue: most items waiting.
        stall_s: seconds after which a batch that has not returned counts as an engine that is down.
        probe_every_s: seconds between two tries of an engine that is down.
    """

    max_batch_tokens: int
    max_queue: int
    stall_s: float = 10.0
    probe_every_s: float = 0.5


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[ItemT, ResultT]):
    item: ItemT
    tokens: int
    expires: float  # on the loop's clock
    since: float  # on perf_counter, which the engine thread's times share
    answer: asyncio.Future[Timed[ResultT]]

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Batcher(Generic[ItemT, ResultT]):
    """Runs items in batches on an engine thread.

    Args:
        engine: the thread; the batcher closes it.
        tokens: the length of an item.
        limits: the bounds.
        on_health: called whenever the engine goes down or comes back, before any caller learns of it.
        on_batch: called after each batch with its number of items and its seconds.
    """

    def __init__(
        self,
        engine: EngineThread[ItemT, ResultT],
        *,
        tokens: Callable[[ItemT], int],
        limits: Limits,
        on_health: Callable[[bool], None],
        on_batch: Callable[[int, float], None],
    ) -> None:
        self._engine = engine
        self._tokens = tokens
        self._limits = limits
        self._on_health = on_health
        self._on_batch = on_batch
        self._queue: deque[_Waiting[ItemT, ResultT]] = deque()
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._dispatcher: asyncio.Task[None] | None = None
        self._seconds_per_item = 0.0
        self.healthy = False

    def __len__(self) -> int:
        """Return how many items wait."""
        return len(self._queue)

    async def start(self) -> None:
        """Try the engine once, which also warms it, and begin to dispatch.

        Raises:
            EngineUnavailable: it failed at the probe.
        """
        if not await self._engine.works():
            self._engine.close(wait=True)
            raise EngineUnavailable("the engine failed at its first query; the log has the reason")
        self.healthy = True
        self._dispatcher = asyncio.create_task(self._dispatch(), name="batcher")

    async def stop(self) -> None:
        """Answer what waits, then end the engine thread; nothing new is admitted meanwhile."""
        self._stop.set()
        self._wake.set()
        if self._dispatcher is not None:
            if not self.healthy:  # the engine may hang: waiting for it could last for ever
                self._dispatcher.cancel()
            await asyncio.gather(self._dispatcher, return_exceptions=True)
        self._fail_waiting(Stopping())
        self._engine.close(wait=self.healthy)

    async def submit(self, item: ItemT, *, expires: float) -> Timed[ResultT]:
        """Return the result of one item.

        Args:
            item: the item.
            expires: when its caller stops waiting, on the event loop's clock.

        Raises:
            Overloaded: the queue is full.
            DeadlineExceeded: `expires` passed first.
            EngineUnavailable: the engine is down, or failed on this item alone.
            Stopping: the batcher was stopped.
        """
        (outcome,) = await self.submit_all([item], expires=expires)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def submit_all(self, items: Sequence[ItemT], *, expires: float) -> list[Timed[ResultT] | BaseException]:
        """Return a result or an error for each item, in order; all are admitted or none.

        Args:
            items: the items.
            expires: when their caller stops waiting, on the event loop's clock.

        Raises:
            Overloaded: the queue has no room for all of them.
            DeadlineExceeded: `expires` passed first.
            EngineUnavailable: the engine is down.
            Stopping: the batcher was stopped.
        """
        self._admit(len(items))
        since = time.perf_counter()
        waiting: list[_Waiting[ItemT, ResultT]] = [
            _Waiting(item, self._tokens(item), expires, since, asyncio.Future()) for item in items
        ]
        self._queue.extend(waiting)
        self._wake.set()
        try:
            # Leaving early cancels the futures, and a cancelled item never reaches the engine.
            async with asyncio.timeout_at(expires):
                return await asyncio.gather(*(each.answer for each in waiting), return_exceptions=True)
        except TimeoutError:
            raise DeadlineExceeded from None

    def _admit(self, arriving: int) -> None:
        if self._stop.is_set():
            raise Stopping
        if not self.healthy:
            raise EngineUnavailable(_DOWN)
        if len(self._queue) + arriving > self._limits.max_queue:
            # Callers that left still hold places; they are only cleared out when places run short.
            self._queue = deque(each for each in self._queue if not each.answer.done())
        if len(self._queue) + arriving > self._limits.max_queue:
            wait = max(_SHORTEST_RETRY_S, len(self._queue) * self._seconds_per_item)
            raise Overloaded(len(self._queue), wait)

    async def _dispatch(self) -> None:
        while self._queue or not self._stop.is_set():
            if not self.healthy:
                await self._recover()
            elif batch := self._take():
                await self._answer(batch)
            elif not self._stop.is_set():
                self._wake.clear()
                await self._wake.wait()

    def _take(self) -> list[_Waiting[ItemT, ResultT]]:
        """Return the next batch, first come first served, without those nobody waits for any more."""
        batch: list[_Waiting[ItemT, ResultT]] = []
        now, longest = asyncio.get_running_loop().time(), 0
        while self._queue:
            first = self._queue[0]
            if first.expires <= now:
                first.fail(DeadlineExceeded())
            if not first.answer.done():
                longest = max(longest, first.tokens)
                if batch and longest * (len(batch) + 1) > self._limits.max_batch_tokens:
                    break
                batch.append(first)
            self._queue.popleft()
        return batch

    async def _answer(self, batch: Sequence[_Waiting[ItemT, ResultT]]) -> None:
        run = self._engine.submit([each.item for each in batch])
        await asyncio.wait((run,), timeout=self._limits.stall_s)
        if not run.done():
            _log.error("the engine has not returned for %.0f s from a batch of %d", self._limits.stall_s, len(batch))
            self._go_down(batch)
        elif (error := run.exception()) is None:
            self._settle(batch, run.result())
        elif len(batch) > 1:
            _log.warning("a batch of %d failed, trying each query alone: %s", len(batch), trace(error))
            await self._answer_each(batch)
        elif await self._engine.works():
            _log.error("the engine failed on one query and on no other: %s", trace(error))
            batch[0].fail(EngineUnavailable("the engine failed on this query and on no other; leave it out"))
        else:
            self._go_down(batch)

    async def _answer_each(self, batch: Sequence[_Waiting[ItemT, ResultT]]) -> None:
        for each in batch:
            if not self.healthy:
                each.fail(EngineUnavailable(_DOWN))
            elif not each.answer.done():
                await self._answer([each])

    def _settle(self, batch: Sequence[_Waiting[ItemT, ResultT]], run: BatchRun[ResultT]) -> None:
        self._seconds_per_item += _SMOOTHING * (run.seconds / len(batch) - self._seconds_per_item)
        inference_us = round(run.seconds * 1e6)
        for each, result in zip(batch, run.results, strict=True):
            if not each.answer.done():
                each.answer.set_result(Timed(result, round((run.started - each.since) * 1e6), inference_us))
        self._on_batch(len(batch), run.seconds)

    def _go_down(self, batch: Sequence[_Waiting[ItemT, ResultT]]) -> None:
        _log.error("the engine is down")
        self.healthy = False
        self._on_health(False)  # noqa: FBT003 -- the callback's one argument
        for each in batch:
            each.fail(EngineUnavailable(_DOWN))
        self._fail_waiting(EngineUnavailable(_DOWN))

    async def _recover(self) -> None:
        """Try the engine until it works or the batcher stops."""
        while not await self._engine.works():
            try:
                await asyncio.wait_for(self._stop.wait(), self._limits.probe_every_s)
            except TimeoutError:
                continue
            return
        _log.warning("the engine works again")
        self.healthy = True
        self._on_health(True)  # noqa: FBT003 -- the callback's one argument

    def _fail_waiting(self, error: Exception) -> None:
        while self._queue:
            self._queue.popleft().fail(error)
