"""Whether the engine works, and what is done about one that does not, beside the calls that come.

Knows neither queues nor callers: whoever owns them is told, and sees to them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from shelfsense.serving.engine_thread import EngineThread

DOWN = "the engine is down and being tried again; retry later, or ask another replica"
"""What callers are told."""

_log = logging.getLogger(__name__)


class EngineHealth:
    """Whether the engine works, and the tasks that look into it.

    Args:
        engine: the thread.
        on_health: called whenever the engine goes down or comes back.
        stall_s: seconds after which an engine that has not returned counts as down.
        probe_every_s: seconds between two tries of an engine that is down.

    Attributes:
        stall_s: as given.
        healthy: whether the engine works; set by whoever found that it does at the start.
    """

    def __init__(
        self,
        engine: EngineThread[Any, Any],
        on_health: Callable[[bool], None],
        *,
        stall_s: float,
        probe_every_s: float,
    ) -> None:
        self._engine = engine
        self._on_health = on_health
        self._probe_every_s = probe_every_s
        self.stall_s = stall_s
        self._tasks: set[asyncio.Task[None]] = set()
        self.healthy = False

    async def works(self) -> bool:
        """Return whether the engine answers to the probe, in its time."""
        try:
            return bool(await asyncio.wait_for(self._engine.works(), self.stall_s))
        except TimeoutError:
            return False

    def lost(self) -> None:
        """Take note that the engine is down."""
        _log.error("the engine is down")
        self.healthy = False
        self._on_health(False)  # noqa: FBT003 -- the callback's one argument

    def recover(self, recovered: Callable[[], None]) -> None:
        """Try the engine until it works, then call back."""
        self.set_aside(self._try_until_it_works(recovered))

    def set_aside(self, work: Coroutine[None, None, None]) -> None:
        """Do what is rare and takes its time beside the calls that come."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """End what was set aside: an engine that is down may hang, and waiting for it could last for ever."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _try_until_it_works(self, recovered: Callable[[], None]) -> None:
        while not await self._engine.works():
            await asyncio.sleep(self._probe_every_s)
        _log.warning("the engine works again")
        self.healthy = True
        self._on_health(True)  # noqa: FBT003 -- the callback's one argument
        recovered()
