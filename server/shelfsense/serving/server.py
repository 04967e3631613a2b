"""The server: parts put together, a port, and an orderly start and stop."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from types import TracebackType
from typing import Self

import grpc
from grpc_reflection.v1alpha import reflection

from shelfsense.bundle import Bundle
from shelfsense.query import Query
from shelfsense.serving import health, service
from shelfsense.serving.batcher import Batcher, Limits
from shelfsense.serving.calls import Calls
from shelfsense.serving.engine_thread import EngineThread
from shelfsense.serving.errors import AddressUnavailable
from shelfsense.serving.metrics import Metrics, MetricsPage
from shelfsense.serving.passes import Outcome, Passes, Work, run, tokens
from shelfsense.serving.settings import Settings
from shelfsense.understander import Understander

_OPTIONS = (
    # A text of 1 MB is to meet our own check and its honest answer, not the transport's limit.
    ("grpc.max_receive_message_length", 4 << 20),
    # Else two servers could listen on one port, each getting half of the calls.
    ("grpc.so_reuseport", 0),
)


class Server:
    """One server for one bundle; ``async with`` starts and stops it.

    Args:
        understander: answers the queries; its network is called from one thread only.
        settings: the operator's choices.
    """

    def __init__(self, understander: Understander, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.port = 0
        self._understander = understander
        self._calls = Calls(self.metrics, settings.default_deadline_s)
        self._health = health.Health([service.SERVICE])
        self._batcher = self._make_batcher()
        self._grpc: grpc.aio.Server | None = None
        self._page: MetricsPage | None = None

    @classmethod
    def load(cls, settings: Settings) -> Server:
        """Verify and load the bundle of the settings.

        Raises:
            BundleRefused: the folder is not what its manifest promises.
            EngineUnavailable: the engine cannot be started.
            MissingExtra: the engine's library is not installed.
        """
        bundle = Bundle.open(settings.bundle)
        return cls(Understander.load(bundle, engine=settings.engine, threads=settings.threads), settings)

    @property
    def bundle_version(self) -> str:
        """The version of the bundle that is served."""
        return self._understander.bundle.version

    async def start(self) -> None:
        """Warm the engine, then listen: no port is open before calls can be answered.

        Raises:
            EngineUnavailable: the engine failed at its first query.
            AddressUnavailable: a port cannot be listened on.
        """
        await self._batcher.start()
        try:
            await self._listen()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Turn NOT_SERVING and new calls away, let those in flight finish within ``drain_s``, then end everything."""
        self._health.drain()
        if self._grpc is not None:
            await self._calls.turn_away()
            await self._grpc.stop(self.settings.drain_s)
        await self._batcher.stop()
        if self._page is not None:
            self._page.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        await self.stop()

    async def _listen(self) -> None:
        self._grpc = grpc.aio.server(options=_OPTIONS)
        answers = service.QueryUnderstandingService(self._understander, Passes(self._understander, self._batcher))
        self._grpc.add_generic_rpc_handlers((answers.handlers(self._calls), self._health.handlers()))
        names = (service.SERVICE, health.SERVICE, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._grpc)
        host = self.settings.host
        with _claiming(f"{host}:{self.settings.port}"):
            self.port = self._grpc.add_insecure_port(_address(host, self.settings.port))
        if self.settings.metrics_port:
            with _claiming(f"{host}:{self.settings.metrics_port}"):
                self._page = MetricsPage(self.metrics, host, self.settings.metrics_port)
        self._health.set_serving(True)
        await self._grpc.start()

    def _make_batcher(self) -> Batcher[Work, Outcome]:
        probe = self._understander.prepare(Query("shoes"))
        batcher: Batcher[Work, Outcome] = Batcher(
            EngineThread(partial(run, self._understander), probe=probe),
            tokens=tokens,
            limits=Limits(self.settings.max_batch_tokens, self.settings.max_queue, self.settings.stall_s),
            on_health=self._health.set_serving,
            on_batch=self.metrics.batch_ended,
        )
        self.metrics.watch(waiting=lambda: float(len(batcher)), healthy=lambda: batcher.healthy)
        return batcher


@contextlib.contextmanager
def _claiming(address: str) -> Iterator[None]:
    """Turn the libraries' errors about a port into ours."""
    try:
        yield
    except (RuntimeError, OSError) as error:
        raise AddressUnavailable(address) from error


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
