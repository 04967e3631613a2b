"""The six rpcs of `shelfsense.v1.QueryUnderstanding`: what each asks for, and nothing else.

Handlers return serialised answers and raise; `calls` translates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc

from shelfsense.errors import InvalidQuery
from shelfsense.query import Query
from shelfsense.serving import wire
from shelfsense.serving.answering import Answering, Outcome
from shelfsense.serving.bundles import Bundles
from shelfsense.serving.calls import Calls
from shelfsense.serving.kinds import CLASSIFY, EMBED, REFORMULATE, UNDERSTAND, Kind
from shelfsense.serving.status import item_error
from shelfsense.v1 import query_understanding_pb2 as pb

SERVICE = pb.DESCRIPTOR.services_by_name["QueryUnderstanding"].full_name

# Reading 1,024 queries takes some milliseconds; single queries get in between every so many.
_BREATH = 64


class QueryUnderstandingService:
    """Answers the calls of one server.

    Args:
        answering: answers queries.
        bundles: what is loaded.
        calls: what stands around every handler.
    """

    def __init__(self, answering: Answering, bundles: Bundles, calls: Calls) -> None:
        self._answering = answering
        self._bundles = bundles
        self._calls = calls

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the service's handlers, to be added to a server."""
        calls = self._calls
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Understand": calls.unary("Understand", pb.UnderstandRequest, self.understand),
                "Classify": calls.unary("Classify", pb.ClassifyRequest, self.classify),
                "Reformulate": calls.unary("Reformulate", pb.ReformulateRequest, self.reformulate),
                "Embed": calls.unary("Embed", pb.EmbedRequest, self.embed),
                "BatchUnderstand": calls.unary(
                    "BatchUnderstand", pb.BatchUnderstandRequest, self.batch_understand, cost=_queries
                ),
                "DescribeModel": calls.unary(
                    "DescribeModel", pb.DescribeModelRequest, self.describe_model, cost=_no_query
                ),
            },
        )

    async def understand(self, request: pb.UnderstandRequest, expires: float) -> bytes:
        """Answer with product types and reformulations."""
        return await self._one(request, UNDERSTAND, expires)

    async def classify(self, request: pb.ClassifyRequest, expires: float) -> bytes:
        """Answer with product types alone."""
        return await self._one(request, CLASSIFY, expires)

    async def reformulate(self, request: pb.ReformulateRequest, expires: float) -> bytes:
        """Answer with reformulations alone."""
        return await self._one(request, REFORMULATE, expires)

    async def embed(self, request: pb.EmbedRequest, expires: float) -> bytes:
        """Answer with the query's vector."""
        return await self._one(request, EMBED, expires)

    async def batch_understand(self, request: pb.BatchUnderstandRequest, expires: float) -> bytes:
        """Answer many queries in their order, an error for each that has none."""
        wire.check_batch(request.queries)
        options = wire.options_of(request)
        messages: Sequence[pb.Query] = request.queries
        queries: dict[int, Query] = {}
        outcomes: dict[int, Outcome] = {}
        for place, message in enumerate(messages):
            if place % _BREATH == 0:
                await asyncio.sleep(0)
            try:
                queries[place] = wire.read_query(message)
            except InvalidQuery as error:
                outcomes[place] = error
        outcomes |= await self._answering.all(queries, UNDERSTAND, options, expires=expires)
        return b"".join(self._item(outcomes[place], message) for place, message in enumerate(messages))

    async def describe_model(self, request: pb.DescribeModelRequest, expires: float) -> bytes:  # noqa: ARG002
        """Answer with what the serving bundle is and promises."""
        return self._bundles.serving.description

    async def _one(self, request: wire.SingleRequest, kind: Kind, expires: float) -> bytes:
        options = wire.options_of(request)
        message = wire.query_of(request)
        try:
            return await self._answering.one(wire.read_query(message), kind, options, expires=expires)
        except InvalidQuery as error:
            raise wire.as_sent(error, message) from None

    def _item(self, outcome: Outcome, message: pb.Query) -> bytes:
        if isinstance(outcome, bytes):
            return wire.item_answer(outcome)
        error = wire.as_sent(outcome, message) if isinstance(outcome, InvalidQuery) else outcome
        self._calls.failed(error, "BatchUnderstand")
        return wire.item_error(item_error(error))


def _queries(request: pb.BatchUnderstandRequest) -> int:
    return len(request.queries)


def _no_query(request: pb.DescribeModelRequest) -> int:  # noqa: ARG001
    return 0
