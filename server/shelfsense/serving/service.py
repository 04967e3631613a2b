"""The six rpcs of `shelfsense.v1.QueryUnderstanding`: what each asks of the understander, and nothing else.

Handlers raise; `calls` translates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc

from shelfsense.errors import InvalidQuery
from shelfsense.query import Options
from shelfsense.serving import wire
from shelfsense.serving.batcher import Timed
from shelfsense.serving.calls import Calls
from shelfsense.serving.passes import Found, Passes
from shelfsense.serving.status import item_error, log_if_ours
from shelfsense.understander import Prepared, Understander
from shelfsense.understanding import Understanding
from shelfsense.v1 import query_understanding_pb2 as pb

SERVICE = pb.DESCRIPTOR.services_by_name["QueryUnderstanding"].full_name

# A batch of 1,024 keeps the event loop for 100 ms and more; single queries get in between every so many.
_BREATH = 16


class QueryUnderstandingService:
    """Answers the calls of one server.

    Args:
        understander: prepares and answers queries.
        passes: run its networks.
    """

    def __init__(self, understander: Understander, passes: Passes) -> None:
        self._understander = understander
        self._passes = passes
        self._description = wire.describe_response(understander.describe(), understander.product_types)

    def handlers(self, calls: Calls) -> grpc.GenericRpcHandler:
        """Return the service's handlers, to be added to a server."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Understand": calls.unary("Understand", pb.UnderstandRequest, self.understand),
                "Classify": calls.unary("Classify", pb.ClassifyRequest, self.classify),
                "Reformulate": calls.unary("Reformulate", pb.ReformulateRequest, self.reformulate),
                "Embed": calls.unary("Embed", pb.EmbedRequest, self.embed),
                "BatchUnderstand": calls.unary("BatchUnderstand", pb.BatchUnderstandRequest, self.batch_understand),
                "DescribeModel": calls.unary("DescribeModel", pb.DescribeModelRequest, self.describe_model),
            },
        )

    async def understand(self, request: pb.UnderstandRequest, expires: float) -> pb.UnderstandResponse:
        """Answer with product types and reformulations."""
        options = wire.read_options(request.options)
        prepared = self._prepare(wire.query_of(request))
        found = await self._passes.both(prepared, options, expires=expires)
        return wire.understand_response(self._answer(prepared, found.result, options), found)

    async def classify(self, request: pb.ClassifyRequest, expires: float) -> pb.ClassifyResponse:
        """Answer with product types alone."""
        options = wire.read_options(request.options)
        prepared = self._prepare(wire.query_of(request))
        found = await self._passes.first(prepared, expires=expires)
        answer = self._understander.answer(prepared, found.result, options, reformulations=False)
        return pb.ClassifyResponse(
            product_types=wire.product_types(answer.product_types), info=wire.answer_info(answer, found)
        )

    async def reformulate(self, request: pb.ReformulateRequest, expires: float) -> pb.ReformulateResponse:
        """Answer with reformulations alone."""
        options = wire.read_options(request.options)
        prepared = self._prepare(wire.query_of(request))
        found = await self._passes.both(prepared, options, expires=expires)
        answer = self._answer(prepared, found.result, options, product_types=False)
        return pb.ReformulateResponse(
            reformulations=wire.reformulations(answer.reformulations), info=wire.answer_info(answer, found)
        )

    async def embed(self, request: pb.EmbedRequest, expires: float) -> pb.EmbedResponse:
        """Answer with the query's vector."""
        prepared = self._prepare(wire.query_of(request))
        found = await self._passes.first(prepared, expires=expires)
        version = self._understander.bundle.version
        return pb.EmbedResponse(vector=found.result.embedding.tolist(), info=wire.vector_info(prepared, version, found))

    async def batch_understand(self, request: pb.BatchUnderstandRequest, expires: float) -> pb.BatchUnderstandResponse:
        """Answer many queries in their order, an error for each that has none."""
        wire.check_batch(request.queries)
        options = wire.read_options(request.options)
        outcomes = await self._prepare_all(request.queries)
        good = [each for each in outcomes if isinstance(each, Prepared)]
        found = iter(await self._passes.all(good, options, expires=expires))
        response = pb.BatchUnderstandResponse()
        for i, outcome in enumerate(outcomes):
            if i % _BREATH == 0:
                await asyncio.sleep(0)
            if isinstance(outcome, Exception):
                response.items.append(_failed_item(outcome))
            else:
                response.items.append(self._item(outcome, next(found), options))
        return response

    async def describe_model(self, request: pb.DescribeModelRequest, expires: float) -> pb.DescribeModelResponse:  # noqa: ARG002
        """Answer with what the loaded bundle is and promises."""
        return self._description

    def _answer(
        self, prepared: Prepared, found: Found, options: Options, *, product_types: bool = True
    ) -> Understanding:
        return self._understander.answer(
            prepared, found.row, options, product_types=product_types, reranked=found.reranked
        )

    def _prepare(self, message: pb.Query) -> Prepared:
        try:
            return self._understander.prepare(wire.read_query(message))
        except InvalidQuery as error:
            raise wire.as_sent(error, message) from None

    async def _prepare_all(self, messages: Sequence[pb.Query]) -> list[Prepared | Exception]:
        outcomes: list[Prepared | Exception] = []
        for i, message in enumerate(messages):
            if i % _BREATH == 0:
                await asyncio.sleep(0)
            try:
                outcomes.append(self._prepare(message))
            except Exception as error:
                outcomes.append(error)
        return outcomes

    def _item(
        self, prepared: Prepared, found: Timed[Found] | BaseException, options: Options
    ) -> pb.BatchUnderstandItem:
        if isinstance(found, BaseException):
            return _failed_item(found)
        try:
            answer = self._answer(prepared, found.result, options)
            return pb.BatchUnderstandItem(answer=wire.understand_response(answer, found))
        except Exception as error:
            return _failed_item(error)


def _failed_item(error: BaseException) -> pb.BatchUnderstandItem:
    log_if_ours(error, "BatchUnderstand")
    return pb.BatchUnderstandItem(error=item_error(error))
