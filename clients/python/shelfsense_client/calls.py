"""Every call of the services as a value: the method, the request, and how its answer is read.

The clients drive these; what a call means is written here once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense_client import wire
from shelfsense_client.request import AnswerOptions, Query, ReformulateOptions, batches
from shelfsense_client.results import (
    BundleRole,
    ClassifyResponse,
    DescribeModelResponse,
    ItemError,
    LoadBundleResponse,
    LoadedBundle,
    ReformulateResponse,
    UnderstandResponse,
)

Answer = TypeVar("Answer")

DEFAULT_TIMEOUT = 1.0
"""Seconds for a call about one query, all attempts together: a search page cannot wait longer."""

DEFAULT_BATCH_TIMEOUT = 30.0
"""Seconds for a batch, which is up to a thousand queries' work, and for the description of a model."""

DEFAULT_ADMIN_TIMEOUT = 300.0
"""Seconds for an operator's call: a bundle of millions of heads takes minutes to verify and load."""

CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.enable_retries", 0),  # the retries are ours; gRPC's would multiply them outside the budget
    # gRPC's default of a second between connection attempts would outlast a call and all its retries.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    # A full batch with top_k 100 answers about 30 MB, past gRPC's default of 4 MiB.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
)
"""How a channel to the service is set up; a caller's own options come after these and win."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """One request to one method.

    Attributes:
        method: the method's name, an attribute of the stub.
        request: the message to send.
        read: turns the response message into the answer.
        is_batch: whether the default timeout is that of a batch.
    """

    method: str
    request: Message
    read: Callable[[Any], Answer]
    is_batch: bool = False


def understand(query: Query, options: AnswerOptions) -> Call[UnderstandResponse]:
    """Return the call for product types and reformulations of one query."""
    request = pb.UnderstandRequest(query=wire.query_message(query), options=wire.options_message(options))
    return Call("Understand", request, wire.read_understand)


def classify(query: Query, top_k: int | None) -> Call[ClassifyResponse]:
    """Return the call for product types alone."""
    options = wire.options_message({} if top_k is None else {"top_k": top_k})
    return Call("Classify", pb.ClassifyRequest(query=wire.query_message(query), options=options), wire.read_classify)


def reformulate(query: Query, options: ReformulateOptions) -> Call[ReformulateResponse]:
    """Return the call for reformulations alone."""
    request = pb.ReformulateRequest(query=wire.query_message(query), options=wire.options_message(options))
    return Call("Reformulate", request, wire.read_reformulate)


def embed(query: Query) -> Call[tuple[float, ...]]:
    """Return the call for a query's vector."""
    return Call("Embed", pb.EmbedRequest(query=wire.query_message(query)), wire.read_embed)


def batch_understand(
    queries: Iterable[Query], options: AnswerOptions
) -> Iterator[Call[list[UnderstandResponse | ItemError]]]:
    """Yield the calls for any number of queries, each of a size the service accepts."""
    message = wire.options_message(options)
    for batch in batches(queries):
        request = pb.BatchUnderstandRequest(queries=map(wire.query_message, batch), options=message)
        yield Call("BatchUnderstand", request, wire.read_batch, is_batch=True)


def describe_model() -> Call[DescribeModelResponse]:
    """Return the call for what the loaded bundle is and promises."""
    return Call("DescribeModel", pb.DescribeModelRequest(), wire.read_description, is_batch=True)


def load_bundle(path: str, role: BundleRole, share: float | None) -> Call[LoadBundleResponse]:
    """Return the operator's call that loads a bundle."""
    return Call("LoadBundle", wire.load_bundle_message(path, role, share), wire.read_load_bundle)


def end_trial(promote: bool) -> Call[str]:  # noqa: FBT001  as of the rpc
    """Return the operator's call that ends the trial of a second bundle."""
    return Call("EndTrial", pb.EndTrialRequest(promote=promote), wire.read_end_trial)


def describe_bundles() -> Call[tuple[LoadedBundle, ...]]:
    """Return the operator's call for what is loaded."""
    return Call("DescribeBundles", pb.DescribeBundlesRequest(), wire.read_bundles)
