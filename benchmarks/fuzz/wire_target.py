"""A request from its bytes to its status: decoder, service, answering and status mapping as they serve, in one process.

An input is a letter that chooses the rpc, then the request.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from benchmarks.finding import ROOT
from benchmarks.fuzz.target import Target, Unexpected
from benchmarks.fuzz.without_network import load
from benchmarks.hostile.messages import RPCS, damaged, hostile_call
from shelfsense.bundle import Bundle
from shelfsense.serving.answer_cache import AnswerCache
from shelfsense.serving.answering import Answering
from shelfsense.serving.bundles import Bundles
from shelfsense.serving.calls import Calls
from shelfsense.serving.loaded_bundle import LoadedBundle
from shelfsense.serving.metrics import Metrics
from shelfsense.serving.service import SERVICE, QueryUnderstandingService
from shelfsense.serving.settings import Settings
from shelfsense.serving.tracing import Tracing
from shelfsense.v1 import query_understanding_pb2 as pb

_RESPONSES = {rpc: getattr(pb, f"{rpc}Response") for rpc in RPCS}
_PROMISED = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED}
_CACHE_BYTES = 1_000_000
_SEEDS = 200
_LIMIT_S = 10.0


class _Aborted(Exception):
    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{code.name}: {details}")
        self.code = code


class _Context:
    """Stands where gRPC's context stands, with no more than a handler asks of it."""

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ()

    def time_remaining(self) -> float:
        return _LIMIT_S

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: object = ()) -> None:  # noqa: ARG002
        raise _Aborted(code, details)


class _InProcess:
    """The service without sockets, with an event loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._handlers = self._loop.run_until_complete(self._start())

    def ask(self, rpc: str, request: bytes) -> None:
        """Ask, and raise when anything but an answer or a promised status comes back."""
        handler = self._handlers[rpc]
        try:
            answer = self._loop.run_until_complete(
                handler.unary_unary(handler.request_deserializer(request), _Context())
            )
        except _Aborted as aborted:
            if aborted.code not in _PROMISED:
                raise
            return
        items = _RESPONSES[rpc].FromString(answer)
        for item in getattr(items, "items", ()):
            if item.WhichOneof("result") is None or item.error.code not in {0, *(each.value[0] for each in _PROMISED)}:
                raise Unexpected(f"an item is {item.error.code} {item.error.message}")

    async def _start(self) -> dict[str, Any]:
        settings, metrics = Settings(), Metrics()
        understander = load(Bundle.open(ROOT / "bundles" / "starter"))
        cache = AnswerCache(_CACHE_BYTES)
        bundles = Bundles(LoadedBundle.of(understander, settings, metrics), _no_other, cache, lambda _: None)
        await bundles.start()
        answering = Answering(bundles, cache, metrics, Tracing())
        handlers = QueryUnderstandingService(answering, bundles, Calls(metrics, _LIMIT_S)).handlers()
        return {rpc: handlers.service(_Details(f"/{SERVICE}/{rpc}")) for rpc in RPCS}


@dataclass(frozen=True)
class _Details(grpc.HandlerCallDetails):
    method: str
    invocation_metadata: tuple[tuple[str, str | bytes], ...] = ()


def target(folder: Path) -> Target:  # noqa: ARG001 -- as every target
    """Return the target."""
    service = _InProcess()
    return Target(lambda data: service.ask(RPCS[(data or b"\0")[0] % len(RPCS)], data[1:]), _seeds(), _mutated)


def _seeds() -> list[bytes]:
    chance = random.Random(0)
    calls = [hostile_call(chance) for _ in range(_SEEDS)]
    return [bytes([RPCS.index(call.rpc)]) + call.request for call in calls if call.rpc in RPCS]


def _mutated(data: bytes, seed: int) -> bytes:
    return data[:1] + damaged(data[1:], seed)


def _no_other(folder: Path, _beside: LoadedBundle) -> LoadedBundle:
    raise FileNotFoundError(folder)
