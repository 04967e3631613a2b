"""Between the protobuf messages and the plain dataclasses, both ways. Knows no gRPC."""

from __future__ import annotations

from collections.abc import Iterable, Sized

from shelfsense.engines.engine import EngineRow
from shelfsense.errors import InvalidQuery
from shelfsense.model_description import ModelDescription
from shelfsense.product_types import ProductTypes
from shelfsense.query import DEFAULT_REFORMULATIONS, DEFAULT_TOP_K, Options, Query
from shelfsense.serving.kinds import CLASSIFY, EMBED, REFORMULATE, UNDERSTAND, Kind
from shelfsense.serving.message_bytes import Embedded
from shelfsense.serving.product_type_bytes import ProductTypeBytes
from shelfsense.text import decode_text
from shelfsense.understanding import Reformulation, Understanding
from shelfsense.v1 import query_understanding_pb2 as pb

MAX_BATCH_QUERIES = 1024
"""Most queries of one BatchUnderstand, as the contract says."""

_INFO = {kind: Embedded(kind.response, "info") for kind in (UNDERSTAND, CLASSIFY, REFORMULATE, EMBED)}
_TYPES = {kind: ProductTypeBytes(kind.response) for kind in (UNDERSTAND, CLASSIFY)}
_ITEM = Embedded(pb.BatchUnderstandResponse, "items")
_ITEM_ANSWER = Embedded(pb.BatchUnderstandItem, "answer")
_DEFAULT_OPTIONS = Options()

SingleRequest = pb.UnderstandRequest | pb.ClassifyRequest | pb.ReformulateRequest | pb.EmbedRequest
"""The requests that ask about one query."""


def query_of(request: SingleRequest) -> pb.Query:
    """Return the query of a request.

    Raises:
        InvalidQuery: on field ``query``, when it is absent.
    """
    if not request.HasField("query"):
        raise InvalidQuery("query", "is absent; send the shopper's query")
    return request.query


def read_query(message: pb.Query) -> Query:
    """Return a query as the core takes it; the text itself is checked there.

    Raises:
        InvalidQuery: on field ``text`` when there is none, ``text_utf8`` when it is not UTF-8.
    """
    sent_as = message.WhichOneof("value")
    if sent_as is None:
        raise InvalidQuery("text", "is absent; send the words the shopper typed")
    text = message.text if sent_as == "text" else decode_text(message.text_utf8)
    return Query(text, message.locale, message.truncate)


def as_sent(error: InvalidQuery, message: pb.Query) -> InvalidQuery:
    """Return the core's error about a query, naming the field the caller used for the text."""
    if error.field == "text" and message.WhichOneof("value") == "text_utf8":
        return InvalidQuery("text_utf8", error.message)
    return error


def options_of(request: SingleRequest | pb.BatchUnderstandRequest) -> Options:
    """Return the options of a request.

    Raises:
        InvalidQuery: on the number that is out of range.
    """
    if isinstance(request, pb.EmbedRequest) or not request.HasField("options"):
        return _DEFAULT_OPTIONS
    return read_options(request.options)


def read_options(message: pb.Options) -> Options:
    """Return the options of a request, absent numbers at their defaults.

    Raises:
        InvalidQuery: on the number that is out of range.
    """
    return Options(
        top_k=message.top_k if message.HasField("top_k") else DEFAULT_TOP_K,
        max_reformulations=(
            message.max_reformulations if message.HasField("max_reformulations") else DEFAULT_REFORMULATIONS
        ),
        precise=message.precise,
        cross_locale=message.cross_locale,
        include_refused=message.include_refused,
    )


def check_batch(queries: Sized) -> None:
    """Check the number of queries of a batch.

    Raises:
        InvalidQuery: on field ``queries``, when there are none or too many.
    """
    if not 1 <= len(queries) <= MAX_BATCH_QUERIES:
        raise InvalidQuery("queries", f"holds {len(queries)} queries; send 1 to {MAX_BATCH_QUERIES}")


def info(
    kind: Kind, answer: Understanding, *, cache_hit: bool = False, queue_us: int = 0, inference_us: int = 0
) -> bytes:
    """Return a serialised answer in which only its `AnswerInfo` is set."""
    return _INFO[kind](
        pb.AnswerInfo(
            bundle_version=answer.bundle_version,
            locale_used=answer.locale_used,
            cache_hit=cache_hit,
            truncated=answer.truncated,
            queue_us=queue_us,
            inference_us=inference_us,
            overrides=answer.overrides,
        ).SerializeToString()
    )


def vector(row: EngineRow) -> bytes:
    """Return a serialised `EmbedResponse` without its `AnswerInfo`."""
    return pb.EmbedResponse(vector=row.embedding.tolist()).SerializeToString()


def body(kind: Kind, answer: Understanding) -> bytes:
    """Return a serialised answer of product types, reformulations or both, without its `AnswerInfo`."""
    types = _TYPES[kind](answer.product_types) if kind.product_types else b""
    if not (kind.reformulations and answer.reformulations):
        return types
    return types + kind.response(reformulations=reformulations(answer.reformulations)).SerializeToString()


def understand_response(answer: Understanding, *, queue_us: int = 0, inference_us: int) -> pb.UnderstandResponse:
    """Return the whole answer for one query, as a message."""
    how = info(UNDERSTAND, answer, queue_us=queue_us, inference_us=inference_us)
    return pb.UnderstandResponse.FromString(body(UNDERSTAND, answer) + how)


def item_answer(answer: bytes) -> bytes:
    """Return a serialised `BatchUnderstandResponse` that holds one serialised answer."""
    return _ITEM(_ITEM_ANSWER(answer))


def item_error(error: pb.ItemError) -> bytes:
    """Return a serialised `BatchUnderstandResponse` that holds one error."""
    return _ITEM(pb.BatchUnderstandItem(error=error).SerializeToString())


def reformulations(answers: Iterable[Reformulation]) -> list[pb.Reformulation]:
    """Return reformulations as messages."""
    return [pb.Reformulation(**each._asdict()) for each in answers]


def describe_response(model: ModelDescription, types: ProductTypes) -> pb.DescribeModelResponse:
    """Return the description of the loaded bundle."""
    return pb.DescribeModelResponse(
        bundle_version=model.bundle_version,
        label_space=model.label_space,
        locales=[
            pb.LocaleDescription(
                locale=each.locale,
                evidence=each.evidence,
                thresholds=each.thresholds,
                reformulation_threshold=each.reformulation_threshold,
                reformulation_evidence=each.reformulation_evidence,
                heads=each.heads,
            )
            for each in model.locales
        ],
        product_types=[
            pb.ProductTypeDescription(id=node.id, parent_id=node.parent_id, name=node.name, level=int(level))
            for node, level in zip(types.nodes, types.level, strict=True)
        ],
        embedding_width=model.embedding_width,
        product_type_target_precision=model.product_type_target_precision,
        reformulation_target_precision=model.reformulation_target_precision,
    )
