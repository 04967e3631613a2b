"""Between plain Python and the messages of `shelfsense.v1`: the only file of the client that knows protobuf."""

from __future__ import annotations

from collections.abc import Iterable

import grpc

from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense_client.errors import InvalidArgument
from shelfsense_client.request import AnswerOptions, Query, ReformulateOptions
from shelfsense_client.results import (
    AnswerInfo,
    BundleRole,
    ClassifyResponse,
    DescribeModelResponse,
    ItemError,
    LoadBundleResponse,
    LoadedBundle,
    LocaleDescription,
    ProductType,
    ProductTypeDescription,
    ReformulateResponse,
    Reformulation,
    UnderstandResponse,
)

_ROLES: dict[BundleRole, pb.BundleRole] = {
    "serving": pb.BUNDLE_ROLE_SERVING,
    "canary": pb.BUNDLE_ROLE_CANARY,
    "shadow": pb.BUNDLE_ROLE_SHADOW,
}
_ROLE_NAMES = {value: name for name, value in _ROLES.items()}


def query_message(query: Query) -> pb.Query:
    """Return a query's message; what no UTF-8 string can hold goes as bytes, for the service to refuse."""
    # A lone surrogate in a tag would fail here, in our own process; spelt out, the service says what is wrong.
    message = pb.Query(locale=query.locale.encode("utf-8", "backslashreplace").decode(), truncate=query.truncate)
    if isinstance(query.text, bytes):
        message.text_utf8 = query.text
        return message
    try:
        message.text = query.text
    except UnicodeEncodeError:
        message.text_utf8 = query.text.encode("utf-8", "surrogatepass")
    return message


def options_message(options: AnswerOptions | ReformulateOptions) -> pb.Options:
    """Return the options' message.

    Raises:
        InvalidArgument: naming the option, when its value does not fit the wire (a negative count).
        TypeError: for an option that does not exist.
    """
    message = pb.Options()
    for name, value in options.items():
        if name not in pb.Options.DESCRIPTOR.fields_by_name:
            known = ", ".join(pb.Options.DESCRIPTOR.fields_by_name)
            raise TypeError(f"there is no option '{name}'; the options are {known}")
        try:
            setattr(message, name, value)
        except ValueError:
            fact = f"is {value!r}; send a small whole number from 0 up"
            raise InvalidArgument(grpc.StatusCode.INVALID_ARGUMENT, fact, field=f"options.{name}") from None
    return message


def load_bundle_message(path: str, role: BundleRole, share: float | None) -> pb.LoadBundleRequest:
    """Return the message that asks for a bundle to be loaded.

    Raises:
        InvalidArgument: naming the field, when its value does not fit the wire.
    """
    if role not in _ROLES:
        fact = f"is {role!r}; send {', '.join(_ROLES)}"
        raise InvalidArgument(grpc.StatusCode.INVALID_ARGUMENT, fact, field="role")
    try:
        return pb.LoadBundleRequest(path=path, role=_ROLES[role], share=share)
    except UnicodeEncodeError:
        fact = "is no UTF-8, which the wire needs; give the folder another name"
        raise InvalidArgument(grpc.StatusCode.INVALID_ARGUMENT, fact, field="path") from None


def read_understand(message: pb.UnderstandResponse) -> UnderstandResponse:
    """Return the understanding a message holds."""
    return UnderstandResponse(
        product_types=_product_types(message.product_types),
        reformulations=_reformulations(message.reformulations),
        info=_info(message.info),
    )


def read_classify(message: pb.ClassifyResponse) -> ClassifyResponse:
    """Return the product types a message holds."""
    return ClassifyResponse(product_types=_product_types(message.product_types), info=_info(message.info))


def read_reformulate(message: pb.ReformulateResponse) -> ReformulateResponse:
    """Return the reformulations a message holds."""
    return ReformulateResponse(reformulations=_reformulations(message.reformulations), info=_info(message.info))


def read_embed(message: pb.EmbedResponse) -> tuple[float, ...]:
    """Return the vector a message holds."""
    return tuple(message.vector)


def read_batch(message: pb.BatchUnderstandResponse) -> list[UnderstandResponse | ItemError]:
    """Return a batch's answers and errors, in its order."""
    return [_item(item) for item in message.items]


def read_description(message: pb.DescribeModelResponse) -> DescribeModelResponse:
    """Return the description of the model a message holds."""
    return DescribeModelResponse(
        bundle_version=message.bundle_version,
        label_space=message.label_space,
        locales=tuple(
            LocaleDescription(
                locale=each.locale,
                evidence=each.evidence,
                thresholds=tuple(each.thresholds),
                reformulation_threshold=each.reformulation_threshold,
                reformulation_evidence=each.reformulation_evidence,
                heads=each.heads,
            )
            for each in message.locales
        ),
        product_types=tuple(
            ProductTypeDescription(id=each.id, parent_id=each.parent_id, name=each.name, level=each.level)
            for each in message.product_types
        ),
        embedding_width=message.embedding_width,
        product_type_target_precision=message.product_type_target_precision,
        reformulation_target_precision=message.reformulation_target_precision,
    )


def read_load_bundle(message: pb.LoadBundleResponse) -> LoadBundleResponse:
    """Return the loaded bundle a message holds."""
    return LoadBundleResponse(
        bundle_version=message.bundle_version,
        previous_bundle_version=message.previous_bundle_version,
        load_us=message.load_us,
    )


def read_end_trial(message: pb.EndTrialResponse) -> str:
    """Return the version that serves, as a message says."""
    return message.bundle_version


def read_bundles(message: pb.DescribeBundlesResponse) -> tuple[LoadedBundle, ...]:
    """Return the bundles a message holds."""
    return tuple(
        LoadedBundle(
            bundle_version=each.bundle_version,
            role=_ROLE_NAMES.get(each.role, "unspecified"),
            share=each.share,
            queries=each.queries,
            compared=each.compared,
            other_first_type=each.other_first_type,
            other_accepted_types=each.other_accepted_types,
            other_reformulation=each.other_reformulation,
        )
        for each in message.bundles
    )


def _item(item: pb.BatchUnderstandItem) -> UnderstandResponse | ItemError:
    if item.WhichOneof("result") == "answer":
        return read_understand(item.answer)
    return ItemError(code=item.error.code, field=item.error.field, message=item.error.message)


def _product_types(messages: Iterable[pb.ProductType]) -> tuple[ProductType, ...]:
    return tuple(
        ProductType(
            id=each.id,
            path=tuple(each.path),
            level=each.level,
            probability=each.probability,
            threshold=each.threshold,
            accepted=each.accepted,
        )
        for each in messages
    )


def _reformulations(messages: Iterable[pb.Reformulation]) -> tuple[Reformulation, ...]:
    return tuple(
        Reformulation(
            query=each.query,
            locale=each.locale,
            score=each.score,
            accepted=each.accepted,
            volume=each.volume,
            volume_is_estimate=each.volume_is_estimate,
            refusal=each.refusal,
        )
        for each in messages
    )


def _info(message: pb.AnswerInfo) -> AnswerInfo:
    return AnswerInfo(
        bundle_version=message.bundle_version,
        locale_used=message.locale_used,
        cache_hit=message.cache_hit,
        truncated=message.truncated,
        queue_us=message.queue_us,
        inference_us=message.inference_us,
        overrides=tuple(message.overrides),
    )
