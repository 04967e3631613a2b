"""What every call has around its handler: a request that was decoded, a deadline, one way to fail, a count."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from grpc_status import rpc_status

from shelfsense.serving.decoding import Decoder, Undecodable
from shelfsense.serving.errors import Stopping
from shelfsense.serving.metrics import Metrics
from shelfsense.serving.status import code_of, log_if_ours, status_of

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)

_QUIET_S = 0.05
_LONGEST_NOTICE_S = 1.0  # callers that never leave are not worth a longer stop

Handler = Callable[[RequestT, float], Awaitable[ResponseT]]
"""Answers a request before a time on the event loop's clock, or raises one of our errors."""


class Calls:
    """Makes gRPC method handlers from handlers that know nothing of gRPC.

    Args:
        metrics: counts the calls.
        default_deadline_s: seconds for a call whose caller named no deadline.
    """

    def __init__(self, metrics: Metrics, default_deadline_s: float) -> None:
        self._metrics = metrics
        self._default_deadline_s = default_deadline_s
        self._turning_away = False
        self._begun = 0

    async def turn_away(self) -> None:
        """Refuse new calls with UNAVAILABLE, and return once none has come for a moment.

        gRPC's own stop answers a call that it has read but not yet handed over with CANCELLED, which
        clients do not retry: callers are to have left for another replica before it begins.
        """
        self._turning_away = True
        latest = time.monotonic() + _LONGEST_NOTICE_S
        seen = -1
        while self._begun > seen and time.monotonic() < latest:
            seen = self._begun
            await asyncio.sleep(_QUIET_S)

    def unary(
        self, rpc: str, request_type: type[RequestT], handler: Handler[RequestT, ResponseT]
    ) -> grpc.RpcMethodHandler[RequestT | Undecodable, ResponseT]:
        """Return the method handler of a unary rpc.

        Args:
            rpc: its name, for metrics and the log.
            request_type: the generated class of its request.
            handler: answers it.
        """

        async def call(
            request: RequestT | Undecodable, context: grpc.aio.ServicerContext[RequestT, ResponseT]
        ) -> ResponseT:
            started = time.perf_counter()
            self._begun += 1
            code = grpc.StatusCode.CANCELLED  # of a call whose caller left: no line below is reached
            try:
                response = await self._answer(handler, request, context.time_remaining())
                code = grpc.StatusCode.OK
            except Exception as error:
                code = code_of(error)
                log_if_ours(error, rpc)
                status = rpc_status.to_status(status_of(error))
                await context.abort(status.code, status.details, status.trailing_metadata)
            finally:
                self._metrics.call_ended(rpc, code.name, time.perf_counter() - started)
            return response

        return grpc.unary_unary_rpc_method_handler(
            call,
            request_deserializer=Decoder(request_type),
            response_serializer=_serialize,
        )

    async def _answer(
        self, handler: Handler[RequestT, ResponseT], request: RequestT | Undecodable, remaining_s: float | None
    ) -> ResponseT:
        if self._turning_away:
            raise Stopping
        if isinstance(request, Undecodable):
            raise request.error
        allowed_s = self._default_deadline_s if remaining_s is None else remaining_s
        return await handler(request, asyncio.get_running_loop().time() + allowed_s)


def _serialize(response: Message) -> bytes:
    return response.SerializeToString()
