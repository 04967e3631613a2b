"""The standard health service, for load balancers and orchestrators.

Our own rather than grpc_health's: that one keeps its watchers' streams open for ever, and a graceful
stop would wait its whole grace for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2

from shelfsense.serving.decoding import Decoder, Undecodable

SERVICE = "grpc.health.v1.Health"
_Status = health_pb2.HealthCheckResponse


class Health:
    """Says whether calls are welcome; one state for the whole server.

    Args:
        services: the full names that may be asked about, besides the empty one for the server.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._services = frozenset(("", *services))
        self._changed = asyncio.Event()
        self._draining = False
        self.serving = False

    def set_serving(self, serving: bool) -> None:  # noqa: FBT001 -- the one argument, and the state itself
        """Tell everyone who asks or watches whether calls are welcome; ignored once draining."""
        self.serving = serving and not self._draining
        self._changed.set()
        self._changed = asyncio.Event()  # for the next change: those who watch wait on the event they took

    def drain(self) -> None:
        """Turn NOT_SERVING for good, and end the streams of all watchers."""
        self._draining = True
        self.set_serving(False)

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the service's handlers, to be added to a server."""
        decode, encode = Decoder(health_pb2.HealthCheckRequest), _Status.SerializeToString
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Check": grpc.unary_unary_rpc_method_handler(self._check, decode, encode),
                "Watch": grpc.unary_stream_rpc_method_handler(self._watch, decode, encode),
            },
        )

    async def _check(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        await _check_decoded(request, context)
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service here; ask about '' for the whole server")
        return self._answer(request.service)

    async def _watch(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        await _check_decoded(request, context)
        sent = None
        while True:
            # All taken at once, so that no change falls between looking and waiting.
            changed, draining, answer = self._changed, self._draining, self._answer(request.service)
            if answer != sent:
                await context.write(answer)
                sent = answer
            if draining:
                return
            await changed.wait()

    def _answer(self, service: str) -> Any:
        if service not in self._services:
            return _Status(status=_Status.SERVICE_UNKNOWN)
        return _Status(status=_Status.SERVING if self.serving else _Status.NOT_SERVING)


async def _check_decoded(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    if isinstance(request, Undecodable):
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(request.error))
