"""The client for asyncio: the calls of `client.py`, awaited.

Knows how a call is driven and nothing of what it means; that is `calls.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import grpc
import grpc.aio

from shelfsense.v1.query_understanding_pb2_grpc import QueryUnderstandingStub
from shelfsense_client import calls, health
from shelfsense_client.calls import CHANNEL_OPTIONS, DEFAULT_BATCH_TIMEOUT, DEFAULT_TIMEOUT, Call
from shelfsense_client.request import AnswerOptions, Query, ReformulateOptions
from shelfsense_client.results import (
    ClassifyResponse,
    DescribeModelResponse,
    ItemError,
    ReformulateResponse,
    UnderstandResponse,
)
from shelfsense_client.retries import Attempts, RetryBudget, RetryPolicy
from shelfsense_client.tls import Tls, call_metadata, channel_credentials

Answer = TypeVar("Answer")

_CALLS_IN_FLIGHT = 16
"""Calls that `AsyncClient.embed` has open at once, enough to fill a batch at the server."""


class AsyncClient:
    """Asks a Shelfsense service; ``async with AsyncClient("localhost:50051") as client: ...``.

    Every method takes ``timeout``, the seconds for all attempts of a call together, and raises a
    `ShelfsenseClientError`: `InvalidArgument`, `Overloaded`, `Unavailable`, `DeadlineExceeded`, ...
    A client belongs to the event loop of its first call.

    Args:
        target: ``host:port``, or any gRPC target such as ``dns:///shelfsense:50051``.
        timeout: default seconds of a call about one query.
        batch_timeout: default seconds of each call of a batch, and of the description of the model.
        tls: certificates of a connection over TLS; None: plain text.
        token: the bearer token of every call, where the service asks for one; sent over TLS or to this machine only.
        credentials: gRPC's own, in place of ``tls``, for what that does not cover.
        retry_policy: which failures are tried again; the budget of 10 % bounds it in any case.
        channel_options: gRPC channel options on top of the client's own.
    """

    def __init__(
        self,
        target: str,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        batch_timeout: float = DEFAULT_BATCH_TIMEOUT,
        tls: Tls | None = None,
        token: str | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        retry_policy: RetryPolicy = RetryPolicy(),  # noqa: B008  frozen
        channel_options: Sequence[tuple[str, Any]] = (),
    ) -> None:
        self._target = target
        self._credentials = channel_credentials(target, credentials, tls, token)
        self._channel_options = (*CHANNEL_OPTIONS, *channel_options)
        self._channel: grpc.aio.Channel | None = None
        self._metadata = call_metadata(token)
        self._timeout = timeout
        self._batch_timeout = batch_timeout
        self._policy = retry_policy
        self._budget = RetryBudget()

    async def understand(
        self,
        text: str | bytes,
        *,
        locale: str = "",
        truncate: bool = False,
        timeout: float | None = None,
        **options: Unpack[AnswerOptions],
    ) -> UnderstandResponse:
        """Return product types and reformulations of one query."""
        return await self._answer(calls.understand(Query(text, locale, truncate), options), timeout)

    async def classify(
        self,
        text: str | bytes,
        *,
        locale: str = "",
        top_k: int | None = None,
        truncate: bool = False,
        timeout: float | None = None,
    ) -> ClassifyResponse:
        """Return the product types of one query."""
        return await self._answer(calls.classify(Query(text, locale, truncate), top_k), timeout)

    async def reformulate(
        self,
        text: str | bytes,
        *,
        locale: str = "",
        truncate: bool = False,
        timeout: float | None = None,
        **options: Unpack[ReformulateOptions],
    ) -> ReformulateResponse:
        """Return the reformulations of one query."""
        return await self._answer(calls.reformulate(Query(text, locale, truncate), options), timeout)

    async def embed(
        self,
        texts: Iterable[str | bytes],
        locale: str = "",
        *,
        truncate: bool = False,
        timeout: float | None = None,
    ) -> list[tuple[float, ...]]:
        """Return one unit vector per text, in order; ``timeout`` is for each text."""
        places = asyncio.Semaphore(_CALLS_IN_FLIGHT)

        async def vector(text: str | bytes) -> tuple[float, ...]:
            async with places:
                return await self._answer(calls.embed(Query(text, locale, truncate)), timeout)

        tasks = [asyncio.create_task(vector(text)) for text in texts]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:  # when one fails, nobody waits for the others
                task.cancel()

    async def batch_understand(
        self,
        queries: Iterable[Query | str | bytes],
        *,
        locale: str = "",
        truncate: bool = False,
        timeout: float | None = None,
        **options: Unpack[AnswerOptions],
    ) -> list[UnderstandResponse | ItemError]:
        """Return an answer or an error per query, in order, for any number of queries.

        Args:
            queries: texts, or `Query` for those with a locale of their own.
            locale: of the queries that are plain texts.
            truncate: for the queries that are plain texts.
            timeout: seconds for each call of up to 1,024 queries.
            **options: as of `understand`, for every query.
        """
        asked = (query if isinstance(query, Query) else Query(query, locale, truncate) for query in queries)
        answers: list[UnderstandResponse | ItemError] = []
        for call in calls.batch_understand(asked, options):
            batch = await self._answer(call, timeout)
            answers.extend(batch)
        return answers

    async def describe_model(self, *, timeout: float | None = None) -> DescribeModelResponse:
        """Return what the loaded bundle is and promises."""
        return await self._answer(calls.describe_model(), timeout)

    async def healthy(self, *, timeout: float = DEFAULT_TIMEOUT) -> bool:
        """Return whether the service answers queries right now; asks once, and never raises for a failed call."""
        check: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._connected().unary_unary(health.METHOD)
        try:
            return health.is_serving(await check(health.REQUEST, timeout=timeout))
        except grpc.RpcError:
            return False

    async def close(self) -> None:
        """Close the channel; calls still open are cancelled."""
        if self._channel is not None:
            await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _answer(self, call: Call[Answer], timeout: float | None) -> Answer:
        if timeout is None:
            timeout = self._batch_timeout if call.is_batch else self._timeout
        attempts = Attempts.begin(self._policy, self._budget, timeout)
        stub = QueryUnderstandingStub(self._connected())  # type: ignore[no-untyped-call]  # generated
        method = getattr(stub, call.method)
        while True:
            try:
                return call.read(await method(call.request, timeout=attempts.timeout(), metadata=self._metadata))
            except grpc.RpcError as error:
                delay = attempts.delay_after(error)
            await asyncio.sleep(delay)

    def _connected(self) -> grpc.aio.Channel:
        """Return the channel, made at the first call: it belongs to the event loop it is made in."""
        if self._channel is None:
            if self._credentials is None:
                self._channel = grpc.aio.insecure_channel(self._target, options=self._channel_options)
            else:
                self._channel = grpc.aio.secure_channel(self._target, self._credentials, options=self._channel_options)
        return self._channel
