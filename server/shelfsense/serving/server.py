"""The server of one process: parts put together, its ports, and an orderly start and stop."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from types import TracebackType
from typing import Self

from shelfsense.bundle import Bundle
from shelfsense.bundle_signature import TrustedKeys
from shelfsense.serving import service
from shelfsense.serving.admin_port import AdminPort
from shelfsense.serving.answer_cache import AnswerCache
from shelfsense.serving.answering import Answering
from shelfsense.serving.bundle_changes import OwnChanges, figures
from shelfsense.serving.bundles import Bundles
from shelfsense.serving.calls import Calls
from shelfsense.serving.exposure import check_exposure
from shelfsense.serving.health import Health
from shelfsense.serving.limits import server_options
from shelfsense.serving.listener import Listener, claiming
from shelfsense.serving.loaded_bundle import LoadedBundle
from shelfsense.serving.memory import tidy
from shelfsense.serving.metrics import Metrics
from shelfsense.serving.metrics_page import MetricsPage
from shelfsense.serving.request_log import RequestLog
from shelfsense.serving.settings import Settings
from shelfsense.serving.tls import public_credentials
from shelfsense.serving.tokens import Tokens
from shelfsense.serving.tracing import Tracing
from shelfsense.understander import Understander

_log = logging.getLogger(__name__)


class Server:
    """One server; ``async with`` starts and stops it.

    Args:
        understander: answers the queries until another bundle is loaded; called from one thread only.
        settings: the operator's choices.
        share_port: let other processes listen on the same port, each to get some of the connections.

    Raises:
        CredentialsRefused: tokens cannot be read.
        MissingExtra: tracing is on and not installed.
    """

    def __init__(self, understander: Understander, settings: Settings, *, share_port: bool = False) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.port = 0
        self._tracing = Tracing.to_collector(log_queries=settings.log_queries) if settings.tracing else Tracing()
        self._health = Health([service.SERVICE])
        self._cache = AnswerCache(settings.cache_mb * 1_000_000)
        self.bundles = Bundles(
            LoadedBundle.of(understander, settings, self.metrics), self._load, self._cache, self._health.set_serving
        )
        self._answering = Answering(self.bundles, self._cache, self.metrics, self._tracing)
        self._calls = Calls(
            self.metrics,
            settings.default_deadline_s,
            tokens=Tokens.load(settings.tokens) if settings.tokens else None,
            tracing=self._tracing,
            log=RequestLog(settings.log_requests, log_queries=settings.log_queries),
        )
        self._share_port = share_port
        self._watch()
        self._listener: Listener | None = None
        self._admin: AdminPort | None = None
        self._page: MetricsPage | None = None

    @classmethod
    def load(cls, settings: Settings, *, share_port: bool = False) -> Server:
        """Verify and load the bundle of the settings.

        Raises:
            BundleRefused: the folder is not what its manifest promises.
            EngineUnavailable: the engine cannot be started.
            MissingExtra: the engine's library is not installed.
            InputRefused: the file of overrides has bad rows for this bundle.
            AdminExposed, CredentialsRefused: the settings would let in whom nobody means to.
        """
        for warning in check_exposure(settings):
            _log.warning("%s", warning)
        understander = Understander.load(
            _opened(settings, settings.bundle), engine=settings.engine, threads=settings.threads
        )
        return cls(understander, settings, share_port=share_port)

    @property
    def bundle_version(self) -> str:
        """The version of the bundle that is served."""
        return self.bundles.serving.version

    @property
    def serving(self) -> bool:
        """Whether health says so."""
        return self._health.serving

    @property
    def admin_port(self) -> int:
        """The port for operators; 0 where there is none."""
        return self._admin.port if self._admin else 0

    async def start(self) -> None:
        """Warm the engine, then listen: no port is open before calls can be answered.

        Raises:
            EngineUnavailable: the engine failed at its first query.
            AddressUnavailable: a port cannot be listened on.
            CredentialsRefused: the certificates cannot be read.
        """
        await self.bundles.start()
        try:
            await self._listen()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Turn NOT_SERVING, answer on for ``notice_s``, let what is in flight finish within ``drain_s``, end everything.

        gRPC's stop tells every caller to connect elsewhere. A call that it has read and not yet handed over
        then ends as CANCELLED, one for a connection at most; refusing calls here instead would refuse them by the
        hundred, since a caller tries again where it is connected.
        """
        self._health.drain()
        if self._admin is not None:
            await self._admin.stop()
        if self._listener is not None:
            await asyncio.sleep(self.settings.notice_s)
            await self._listener.stop(self.settings.drain_s)
        await self.bundles.stop()
        if self._page is not None:
            self._page.close()
        self._tracing.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        await self.stop()

    async def _listen(self) -> None:
        settings = self.settings
        # Unasked, two servers could listen on one port, each getting half of the calls.
        options = (*server_options(settings), ("grpc.so_reuseport", int(self._share_port)))
        handlers = service.QueryUnderstandingService(self._answering, self.bundles, self._calls).handlers()
        listener = Listener(service.SERVICE, handlers, self._health, options)
        self.port = listener.claim(settings.host, settings.port, public_credentials(settings))
        if settings.metrics_port:
            with claiming(f"{settings.host}:{settings.metrics_port}"):
                self._page = MetricsPage(self.metrics, settings.host, settings.metrics_port)
        if settings.admin_port is not None:
            self._admin = AdminPort(OwnChanges(self.bundles), settings, self.metrics)
            await self._admin.start()
        self._health.set_serving(self.bundles.serving.batcher.healthy)
        tidy()
        await listener.start()
        self._listener = listener

    def _watch(self) -> None:
        """Show on the metrics page what has a state; every look is at the bundle that serves then."""
        bundles, cache, flights = self.bundles, self._cache, self._answering.flights
        self.metrics.watch(
            waiting=lambda: len(bundles.serving.batcher),
            waiting_tokens=lambda: bundles.serving.batcher.waiting_tokens,
            healthy=lambda: bundles.serving.batcher.healthy,
            serving=lambda: self._health.serving,
            in_flight=lambda: self._calls.in_flight,
            limit_s=lambda: bundles.serving.batcher.admission.limit_s,
            cache_entries=lambda: len(cache),
            cache_bytes=lambda: cache.bytes,
            cache_hits=lambda: cache.figures.hits,
            cache_misses=lambda: cache.figures.misses,
            cache_joins=lambda: flights.joined,
            cache_evictions=lambda: cache.figures.evicted,
            swaps=lambda: bundles.swaps,
        )
        self.metrics.watch_bundles(lambda: figures(bundles))

    def _load(self, folder: Path, beside: LoadedBundle) -> LoadedBundle:
        try:
            bundle = _opened(self.settings, folder)
            loaded = LoadedBundle.load(bundle, self.settings, self.metrics, beside=beside)
        except Exception:
            self.metrics.bundle_loaded(good=False)
            raise
        self.metrics.bundle_loaded(good=True)
        return loaded


def _opened(settings: Settings, folder: Path) -> Bundle:
    keys = settings.require_signature
    return Bundle.open(folder, trusted=TrustedKeys.load(keys) if keys else None)
