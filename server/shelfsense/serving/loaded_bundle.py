"""One bundle that answers: its understander, the queue before its networks, and how many calls are inside."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from shelfsense.bundle import Bundle
from shelfsense.locales import UNDETERMINED
from shelfsense.overrides.override_targets import OverrideTargets
from shelfsense.query import DEFAULT_TOP_K, Query
from shelfsense.serving import wire
from shelfsense.serving.batch_cost import BatchCost
from shelfsense.serving.batcher import Batcher, Limits
from shelfsense.serving.engine_thread import EngineThread
from shelfsense.serving.metrics import Metrics
from shelfsense.serving.overrides_watch import OverridesWatch
from shelfsense.serving.passes import Outcome, Passes, Reading, Work, run, tokens
from shelfsense.serving.settings import Settings
from shelfsense.understander import Understander

_generations = itertools.count(1)


class LoadedBundle:
    """A bundle, loaded; ``with`` counts a call that it answers, so that it is not taken away under it.

    Args:
        understander: of the bundle; its networks are called from one thread only.
        settings: the operator's choices.
        metrics: counts its batches.

    Attributes:
        generation: unlike that of any other loaded bundle of this process.
        understander: as given.
        overrides: the shop's own, as they stand now.
        passes: put queries through the networks.
        queries: how many it has answered, counted by whoever asks it.
        loaded_at: when it was loaded, in seconds since 1970.
        description: what `DescribeModel` answers, serialised.
    """

    def __init__(self, understander: Understander, settings: Settings, metrics: Metrics) -> None:
        self.generation = next(_generations)
        self.understander = understander
        self.description = wire.describe_response(
            understander.describe(), understander.product_types
        ).SerializeToString()
        self.batcher: Batcher[Work, Outcome] = Batcher(
            EngineThread(
                partial(run, understander), probe=Reading(understander.prepare(Query("shoes")), DEFAULT_TOP_K)
            ),
            tokens=tokens,
            limits=Limits(
                settings.max_batch_tokens, settings.max_queue_tokens, settings.stall_s, batch_s=settings.batch_ms / 1000
            ),
            on_health=self._health_changed,
            on_batch=metrics.batch_ended,
            on_shed=metrics.shed,
            on_drop=metrics.dropped,
            cost=BatchCost(padding=understander.padding),
        )
        self.passes = Passes(understander, self.batcher)
        self.overrides = OverridesWatch(
            settings.overrides,
            OverrideTargets(
                understander.locales, understander.product_types, understander.thresholds, understander.heads
            ),
            on_read=metrics.overrides_read,
        )
        metrics.know_locales((*understander.locales.tags, UNDETERMINED))
        self.queries = 0
        self.loaded_at = time.time()
        self._inside = 0
        self._left = asyncio.Event()
        self._on_health: Callable[[bool], None] | None = None

    @classmethod
    def load(
        cls, bundle: Bundle, settings: Settings, metrics: Metrics, *, beside: LoadedBundle | None = None
    ) -> LoadedBundle:
        """Load a verified bundle; takes a second, and is called off the event loop while others answer.

        Args:
            bundle: verified.
            settings: the operator's choices.
            metrics: counts its batches.
            beside: loaded already; what both bundles hold alike is in memory once.

        Raises:
            BundleRefused: a file is not what it should be.
            EngineUnavailable: the engine cannot be started.
            MissingExtra: the engine's library is not installed.
            InputRefused: as `of`.
        """
        understander = Understander.load(
            bundle, engine=settings.engine, threads=settings.threads, beside=beside.understander if beside else None
        )
        return cls.of(understander, settings, metrics)

    @classmethod
    def of(cls, understander: Understander, settings: Settings, metrics: Metrics) -> LoadedBundle:
        """Return a bundle whose understander was loaded, with the shop's overrides for it.

        Raises:
            InputRefused: the file of overrides cannot be read, or has bad rows for this bundle.
        """
        loaded = cls(understander, settings, metrics)
        loaded.overrides.load()
        return loaded

    @property
    def version(self) -> str:
        """The version of the bundle."""
        return self.understander.bundle.version

    async def start(self) -> None:
        """Warm the engine.

        Raises:
            EngineUnavailable: it failed at its first query.
        """
        await self.batcher.start()
        self.overrides.start()

    async def retire(self) -> None:
        """Wait until every call inside has its answer, then end the engine thread."""
        while self._inside and self.batcher.healthy:
            self._left.clear()
            await self._left.wait()
        await self.stop()

    async def stop(self) -> None:
        """Answer what waits, then end the engine thread."""
        await self.overrides.stop()
        await self.batcher.stop()

    def watch_health(self, on_health: Callable[[bool], None] | None) -> None:
        """Tell whether the engine works, now and whenever that changes; None: nobody is to be told any more."""
        self._on_health = on_health
        if on_health:
            on_health(self.batcher.healthy)

    def __enter__(self) -> Self:
        """Count a call that has begun."""
        self._inside += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        """Count a call that has ended."""
        self._inside -= 1
        self._left.set()

    def _health_changed(self, healthy: bool) -> None:  # noqa: FBT001 -- the batcher's callback
        self._left.set()  # an engine that died answers nobody, so nobody is waited for
        if self._on_health:
            self._on_health(healthy)
