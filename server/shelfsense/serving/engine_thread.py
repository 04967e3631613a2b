"""The one thread that the engine runs on. Knows neither queues nor gRPC."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from shelfsense.errors import EngineUnavailable
from shelfsense.serving.errors import trace

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BatchRun(Generic[ResultT]):
    """One batch, answered.

    Attributes:
        results: one per item, in order.
        started: when the engine began, in seconds on the clock of `time.perf_counter`.
        seconds: how long it took.
    """

    results: Sequence[ResultT]
    started: float
    seconds: float


class EngineThread(Generic[ItemT, ResultT]):
    """Calls an engine from a thread of its own, one batch at a time.

    Args:
        run: answers a batch, one result per item, in order.
        probe: an item that a healthy engine always answers; it tells a bad item from a dead engine.
    """

    def __init__(self, run: Callable[[Sequence[ItemT]], Sequence[ResultT]], probe: ItemT) -> None:
        self._run = run
        self._probe = probe
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")

    def submit(self, items: Sequence[ItemT]) -> asyncio.Future[BatchRun[ResultT]]:
        """Return the future of a batch; it fails with whatever the engine raised."""
        future = asyncio.get_running_loop().run_in_executor(self._thread, self._timed, items)
        future.add_done_callback(_look_at)
        return future

    async def works(self) -> bool:
        """Return whether the engine answers the probe."""
        try:
            await self.submit([self._probe])
        except Exception as error:
            _log.error("the engine failed at the probe: %s", trace(error))
            return False
        return True

    def close(self, *, wait: bool) -> None:
        """End the thread.

        Args:
            wait: until the batch that runs has returned; not for an engine that may hang.
        """
        self._thread.shutdown(wait=wait, cancel_futures=True)

    def _timed(self, items: Sequence[ItemT]) -> BatchRun[ResultT]:
        started = time.perf_counter()
        results = self._run(items)
        if len(results) != len(items):
            raise EngineUnavailable(f"the engine gave {len(results)} results for {len(items)} items")
        return BatchRun(results, started, time.perf_counter() - started)


def _look_at(future: asyncio.Future[BatchRun[ResultT]]) -> None:
    """Take note of a failure that nobody waits for any more, or asyncio complains of it."""
    if not future.cancelled():
        future.exception()
