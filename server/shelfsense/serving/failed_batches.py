"""What is made of a batch that failed: because of one of its queries, or because the engine is down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from shelfsense.errors import EngineUnavailable
from shelfsense.serving.batch_call import AwaitedCall
from shelfsense.serving.engine_health import EngineHealth
from shelfsense.serving.engine_thread import BatchRun, EngineThread
from shelfsense.serving.errors import trace
from shelfsense.serving.waiting_room import Entry

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_log = logging.getLogger(__name__)
_ALONE = "the engine failed on this query and on no other; leave it out"


class FailedBatches(Generic[ItemT, ResultT]):
    """Looks into batches that failed.

    Args:
        engine: the thread.
        health: of it.
        answered: called with a query that went well alone, and its answer.
        late: called with a call whose time has passed.
    """

    def __init__(
        self,
        engine: EngineThread[ItemT, ResultT],
        health: EngineHealth,
        *,
        answered: Callable[[Sequence[Entry[AwaitedCall[ResultT], ItemT]], BatchRun[ResultT]], None],
        late: Callable[[AwaitedCall[ResultT]], None],
    ) -> None:
        self._engine = engine
        self._health = health
        self._answered = answered
        self._late = late

    async def look_into(self, entries: Sequence[Entry[AwaitedCall[ResultT], ItemT]], error: Exception) -> bool:
        """See to each query of a batch that failed, and return whether the engine works.

        Args:
            entries: the batch; where the engine does not work, whoever is left of it is still to be told.
            error: what the engine raised.
        """
        if len(entries) > 1:
            _log.warning("a batch of %d failed, trying each query alone: %s", len(entries), trace(error))
        for entry in entries:
            now = asyncio.get_running_loop().time()
            if entry.call.over or (len(entries) > 1 and await self._ended_alone(entry, now)):
                continue
            if not self._health.healthy or not await self._health.works():
                return False
            _log.error("the engine failed on one query and on no other: %s", trace(error))
            entry.call.put(entry.place, EngineUnavailable(_ALONE))
        return True

    async def _ended_alone(self, entry: Entry[AwaitedCall[ResultT], ItemT], now: float) -> bool:
        """Run one query alone, and return whether that went well."""
        if entry.call.expires <= now:
            self._late(entry.call)
            return True
        try:
            run = await asyncio.wait_for(self._engine.run([entry.item]), self._health.stall_s)
        except Exception as error:
            _log.warning("it failed on one of them: %s", trace(error))
            return False
        self._answered([entry], run)
        return True
