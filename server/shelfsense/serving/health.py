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

SERVICE = "grpc.health.v1.Health"
_Status = health_pb2.HealthCheckResponse


class Health:
    """Says whether calls are welcome; one state for the whole server.

    Args:
        services: the full names that may be asked about, besides the empty one for the server.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._services = frozenset(("", *services))
        self._changed = asyncio.Condition()
        self._draining = False
        self.serving = False

    async def set_serving(self, serving: bool) -> None:  # noqa: FBT001 -- the one argument, and the state itself
        """Tell everyone who asks or watches whether calls are welcome; ignored once draining."""
        async with self._changed:
            self.serving = serving and not self._draining
            self._changed.notify_all()

    async def drain(self) -> None:
        """Turn NOT_SERVING for good, and end the streams of all watchers."""
        self._draining = True
        await self.set_serving(False)

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the service's handlers, to be added to a server."""
        decode, encode = health_pb2.HealthCheckRequest.FromString, _Status.SerializeToString
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Check": grpc.unary_unary_rpc_method_handler(self._check, decode, encode),
                "Watch": grpc.unary_stream_rpc_method_handler(self._watch, decode, encode),
            },
        )

    async def _check(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service here; ask about '' for the whole server")
        return self._answer(request.service)

    async def _watch(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        async with self._changed:
            while True:
                answer = self._answer(request.service)
                await context.write(answer)
                if self._draining:
                    return
                await self._changed.wait_for(
                    lambda sent=answer: self._draining or self._answer(request.service) != sent
                )

    def _answer(self, service: str) -> Any:
        if service not in self._services:
            return _Status(status=_Status.SERVICE_UNKNOWN)
        return _Status(status=_Status.SERVING if self.serving else _Status.NOT_SERVING)
