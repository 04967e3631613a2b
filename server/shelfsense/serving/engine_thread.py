"""The one thread that the engine runs on. Knows neither queues nor gRPC."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final, Generic, TypeAlias, TypeVar

from shelfsense.errors import EngineUnavailable
from shelfsense.serving.errors import trace
from shelfsense.serving.priority import let_the_loop_go_first

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_log = logging.getLogger(__name__)


class Late:
    """Stands where a result would be, of an item whose time had passed when the engine began."""


LATE: Final = Late()


@dataclass(frozen=True, slots=True)
class BatchRun(Generic[ResultT]):
    """One batch, answered.

    Attributes:
        results: one per item, in order.
        started: when the engine began, in seconds on the clock of `time.monotonic`.
        seconds: how long it took.
    """

    results: Sequence[ResultT | Late]
    started: float
    seconds: float


Outcome: TypeAlias = BatchRun[ResultT] | Exception
"""What becomes of a batch: its answer, or what the engine raised."""


@dataclass(frozen=True, slots=True)
class _Work(Generic[ItemT, ResultT]):
    items: Sequence[ItemT]
    expires: Sequence[float]
    loop: asyncio.AbstractEventLoop
    ended: Callable[[Outcome[ResultT]], None]


class EngineThread(Generic[ItemT, ResultT]):
    """Calls an engine from a thread of its own, one batch at a time.

    Args:
        run: answers a batch, one result per item, in order.
        probe: an item that a healthy engine always answers; it tells a bad item from a dead engine.

    Attributes:
        probe: as given.
    """

    def __init__(self, run: Callable[[Sequence[ItemT]], Sequence[ResultT]], probe: ItemT) -> None:
        self.probe = probe
        self._run = run
        self._work: SimpleQueue[_Work[ItemT, ResultT] | None] = SimpleQueue()
        # A daemon: an engine that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._loop, name="engine", daemon=True)

    def submit(
        self, items: Sequence[ItemT], expires: Sequence[float], ended: Callable[[Outcome[ResultT]], None]
    ) -> None:
        """Have a batch run after those before it.

        Args:
            items: 1 or more.
            expires: for each when it is too late to begin, on the clock of `time.monotonic`.
            ended: called on the running event loop with what became of it.
        """
        if self._thread.ident is None:
            self._thread.start()
        self._work.put(_Work(items, expires, asyncio.get_running_loop(), ended))

    async def run(self, items: Sequence[ItemT]) -> BatchRun[ResultT]:
        """Run a batch that never comes too late; raises whatever the engine raised."""
        answer: asyncio.Future[Outcome[ResultT]] = asyncio.get_running_loop().create_future()

        def ended(outcome: Outcome[ResultT]) -> None:
            if not answer.done():
                answer.set_result(outcome)

        self.submit(items, [float("inf")] * len(items), ended)
        outcome = await answer
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def works(self) -> BatchRun[ResultT] | None:
        """Return what the engine answers to the probe, None where it fails."""
        try:
            return await self.run([self.probe])
        except Exception as error:
            _log.error("the engine failed at the probe: %s", trace(error))
            return None

    def close(self, *, wait: bool) -> None:
        """End the thread.

        Args:
            wait: until the batch that runs has returned; not for an engine that may hang.
        """
        self._work.put(None)
        if wait and self._thread.ident is not None:
            self._thread.join()

    def _loop(self) -> None:
        let_the_loop_go_first()
        while work := self._work.get():
            outcome = self._outcome(work)
            try:
                work.loop.call_soon_threadsafe(work.ended, outcome)
            except RuntimeError:  # the event loop was closed: nobody is there to be told
                return
            del work, outcome  # or the last batch would be kept until the next one comes

    def _outcome(self, work: _Work[ItemT, ResultT]) -> Outcome[ResultT]:
        started = time.monotonic()
        items = work.items
        late = min(work.expires) <= started
        if late:
            items = [item for item, expires in zip(items, work.expires, strict=True) if expires > started]
        try:
            results: Sequence[ResultT | Late] = self._run(items) if items else ()
            if len(results) != len(items):
                return EngineUnavailable(f"the engine gave {len(results)} results for {len(items)} items")
        except Exception as error:
            return error
        if late:
            answered = iter(results)
            results = [next(answered) if expires > started else LATE for expires in work.expires]
        return BatchRun(results, started, time.monotonic() - started)
