"""A real server on a free port around the tiny bundle, and a client that can also send what no client should."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2

from shelfsense.bundle import Bundle
from shelfsense.engines.engine import EngineOutput
from shelfsense.serving.server import Server
from shelfsense.serving.service import SERVICE
from shelfsense.serving.settings import Settings
from shelfsense.understander import Prepared, Understander
from shelfsense.v1 import query_understanding_pb2 as pb

_METHODS = pb.DESCRIPTOR.services_by_name["QueryUnderstanding"].methods_by_name


@dataclass(frozen=True)
class Failure:
    """A call that failed: its status and the details it carried."""

    code: grpc.StatusCode
    message: str
    field: str
    retry_after_s: float


class Client:
    """Calls a server by rpc name, with messages or with raw bytes."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel

    async def __call__(self, rpc: str, request: Message | bytes, timeout: float | None = 20) -> Any:
        data = request if isinstance(request, bytes) else request.SerializeToString()
        method: Any = self.channel.unary_unary(f"/{SERVICE}/{rpc}")
        reply = await method(data, timeout=timeout)
        return GetMessageClass(_METHODS[rpc].output_type).FromString(reply)

    async def understand(self, text: str, locale: str = "en", timeout: float | None = 20) -> pb.UnderstandResponse:
        request = pb.UnderstandRequest(query=pb.Query(text=text, locale=locale))
        response: pb.UnderstandResponse = await self("Understand", request, timeout)
        return response

    async def failure(self, rpc: str, request: Message | bytes, timeout: float | None = 20) -> Failure:
        """Return how a call fails that must not succeed."""
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await self(rpc, request, timeout)
        return failure_of(raised.value)

    async def health(self, service: str = "") -> str:
        check: Any = self.channel.unary_unary("/grpc.health.v1.Health/Check")
        reply = await check(health_pb2.HealthCheckRequest(service=service).SerializeToString(), timeout=20)
        status = health_pb2.HealthCheckResponse.FromString(reply).status
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(status))


def failure_of(error: grpc.aio.AioRpcError) -> Failure:
    bad, retry, status = BadRequest(), RetryInfo(), Status()
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            status = Status.FromString(value)
    for detail in status.details:
        detail.Unpack(bad)
        detail.Unpack(retry)
    field = bad.field_violations[0].field if bad.field_violations else ""
    return Failure(error.code(), error.details() or "", field, retry.retry_delay.ToMilliseconds() / 1000)


class Gate:
    """Stands before the real network: shuts it, breaks it, and keeps what went through."""

    def __init__(self, infer: Callable[[Sequence[Prepared]], EngineOutput]) -> None:
        self._infer = infer
        self.open = threading.Event()
        self.open.set()
        self.broken = False
        self.texts: list[str] = []

    def __call__(self, prepared: Sequence[Prepared]) -> EngineOutput:
        self.texts += [each.query.text for each in prepared]
        assert self.open.wait(20)
        if self.broken:
            raise RuntimeError("the device fell off the bus")
        return self._infer(prepared)


@pytest.fixture(scope="session")
def understander(tiny_bundle: Path) -> Understander:
    return Understander.load(Bundle.open(tiny_bundle))


@pytest.fixture
def gate(understander: Understander, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(understander.infer)
    monkeypatch.setattr(understander, "infer", gate)
    yield gate
    gate.open.set()


Serving = Callable[..., AbstractAsyncContextManager[tuple[Server, Client]]]
"""Starts a server with the settings given, and a client of it."""


@pytest.fixture
def serving(understander: Understander) -> Serving:
    @contextlib.asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[tuple[Server, Client]]:
        async with (
            Server(understander, Settings(**{"port": 0, "notice_s": 0, **settings})) as server,
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            yield server, Client(channel)

    return start


@pytest.fixture
async def client(serving: Serving) -> AsyncIterator[Client]:
    async with serving() as (_, client):
        yield client
