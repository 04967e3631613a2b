"""What every call has around its handler: decoding, a caller who may ask, a deadline, one way to fail, span and count.

In one function rather than in interceptors of gRPC, which cost more than all of this together.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from grpc_status import rpc_status

from shelfsense.serving.decoding import Decoder, Undecodable
from shelfsense.serving.errors import RateExceeded
from shelfsense.serving.metrics import Metrics
from shelfsense.serving.request_log import RequestLog
from shelfsense.serving.status import code_of, log_if_ours, status_of
from shelfsense.serving.tokens import Tokens
from shelfsense.serving.tracing import Tracing

RequestT = TypeVar("RequestT", bound=Message)

_OK, _CANCELLED = grpc.StatusCode.OK.name, grpc.StatusCode.CANCELLED.name

Handler = Callable[[RequestT, float], Awaitable[bytes]]
"""Answers a request before a time on the event loop's clock with a serialised message, or raises one of our errors."""


def one(request: Message) -> int:  # noqa: ARG001
    """Return what most calls take from a token's rate: one query."""
    return 1


class Calls:
    """Makes gRPC method handlers from handlers that know nothing of gRPC.

    Args:
        metrics: counts the calls.
        default_deadline_s: seconds for a call whose caller named no deadline.
        tokens: who may ask; None: anybody.
        tracing: makes their spans; None: there are none.
        log: has a line for some of them; None: for none.
    """

    def __init__(
        self,
        metrics: Metrics,
        default_deadline_s: float,
        *,
        tokens: Tokens | None = None,
        tracing: Tracing | None = None,
        log: RequestLog | None = None,
    ) -> None:
        self._metrics = metrics
        self._default_deadline_s = default_deadline_s
        self._tokens = tokens
        self._tracing = tracing or Tracing()
        self._log = log or RequestLog()
        self.in_flight = 0

    def unary(
        self,
        rpc: str,
        request_type: type[RequestT],
        handler: Handler[RequestT],
        cost: Callable[[RequestT], int] = one,
    ) -> grpc.RpcMethodHandler[RequestT | Undecodable, bytes]:
        """Return the method handler of a unary rpc.

        Args:
            rpc: its name, for metrics and the log.
            request_type: the generated class of its request.
            handler: answers it.
            cost: queries that a request takes from its token's rate.
        """

        async def call(request: RequestT | Undecodable, context: grpc.aio.ServicerContext[RequestT, bytes]) -> bytes:
            started = time.perf_counter()
            self.in_flight += 1
            code = _CANCELLED  # of a call whose caller left: no line below is reached
            with self._tracing.call(rpc, context.invocation_metadata) as span:
                try:
                    response = await handler(self._admitted(request, context, cost), self._expiry(context))
                    code = _OK
                except Exception as error:
                    code = code_of(error).name
                    self.failed(error, rpc)
                    status = rpc_status.to_status(status_of(error))
                    await context.abort(status.code, status.details, status.trailing_metadata)
                finally:
                    self.in_flight -= 1
                    span.ended(code)
                    seconds = time.perf_counter() - started
                    self._metrics.call_ended(rpc, code, seconds)
                    self._log.call_ended(rpc, code, seconds, lambda: _text_of(request))
            return response

        return grpc.unary_unary_rpc_method_handler(call, request_deserializer=Decoder(request_type))

    def failed(self, error: BaseException, rpc: str) -> None:
        """Count a failure that has a count of its own, and write to the log what no caller should meet.

        Args:
            error: why a call, or one query of many, has no answer.
            rpc: the call's.
        """
        if isinstance(error, RateExceeded):
            self._metrics.shed("rate")
        elif log_if_ours(error, rpc):
            self._metrics.fault()

    def _admitted(
        self,
        request: RequestT | Undecodable,
        context: grpc.aio.ServicerContext[Any, Any],
        cost: Callable[[RequestT], int],
    ) -> RequestT:
        if self._tokens is not None:
            # Whoever has no token learns nothing of what is wrong with the request.
            spent = 1 if isinstance(request, Undecodable) else cost(request)
            self._tokens.authorise(context.invocation_metadata(), spent)
        if isinstance(request, Undecodable):
            raise request.error
        return request

    def _expiry(self, context: grpc.aio.ServicerContext[Any, Any]) -> float:
        remaining_s = context.time_remaining()
        allowed_s = self._default_deadline_s if remaining_s is None else remaining_s
        return asyncio.get_running_loop().time() + allowed_s


def _text_of(request: object) -> str:
    """Return the text of a request about one query, empty where it is about none or about many."""
    return getattr(getattr(request, "query", None), "text", "")
