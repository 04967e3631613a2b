"""From errors to gRPC statuses: one table, with the details that clients can act on."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status

from shelfsense.errors import BundleRefused, EngineUnavailable, InputRefused, InvalidQuery
from shelfsense.serving.errors import (
    DeadlineExceeded,
    NothingStaged,
    Overloaded,
    RateExceeded,
    Stopping,
    Unauthenticated,
    trace,
)
from shelfsense.v1 import query_understanding_pb2 as pb

STATUS_CODES: Mapping[type[Exception], grpc.StatusCode] = {
    InvalidQuery: grpc.StatusCode.INVALID_ARGUMENT,
    Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
    EngineUnavailable: grpc.StatusCode.UNAVAILABLE,
    Stopping: grpc.StatusCode.UNAVAILABLE,
    RateExceeded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    InputRefused: grpc.StatusCode.FAILED_PRECONDITION,
    BundleRefused: grpc.StatusCode.FAILED_PRECONDITION,
    NothingStaged: grpc.StatusCode.FAILED_PRECONDITION,
}
"""Every error a caller may meet. One that is missing here is a fault of ours: UNAVAILABLE, and logged."""

_OURS = "the server could not answer; retry, and see its log for the reason"
_QUERY_FIELDS = frozenset(pb.Query.DESCRIPTOR.fields_by_name)
_OPTION_FIELDS = frozenset(pb.Options.DESCRIPTOR.fields_by_name)
_log = logging.getLogger(__name__)


def code_of(error: BaseException) -> grpc.StatusCode:
    """Return the status code of an error."""
    found = (STATUS_CODES[kind] for kind in type(error).__mro__ if kind in STATUS_CODES)
    return next(found, grpc.StatusCode.UNAVAILABLE)


def status_of(error: BaseException) -> Status:
    """Return the status of a call that failed: code, message and ``google.rpc`` details."""
    status = Status(code=code_of(error).value[0], message=_message(error))
    details: list[Message] = []
    if isinstance(error, InvalidQuery):
        path = wire_path(error.field)
        status.message = f"{path}: {error.message}"
        details.append(BadRequest(field_violations=[BadRequest.FieldViolation(field=path, description=error.message)]))
    if isinstance(error, Overloaded | RateExceeded):
        details.append(RetryInfo(retry_delay=_duration(error.retry_after_s)))
    for detail in details:
        status.details.add().Pack(detail)
    return status


def item_error(error: BaseException) -> pb.ItemError:
    """Return the error of one query of a batch; its field is the query's own, without a path."""
    if isinstance(error, InvalidQuery):
        return pb.ItemError(code=code_of(error).value[0], field=error.field, message=error.message)
    return pb.ItemError(code=code_of(error).value[0], message=_message(error))


def wire_path(field: str) -> str:
    """Return the path from the request's root to a field of a query or of the options."""
    if field in _QUERY_FIELDS:
        return f"query.{field}"
    if field in _OPTION_FIELDS:
        return f"options.{field}"
    return field


def log_if_ours(error: BaseException, rpc: str) -> bool:
    """Write an error that the table does not know to the log, without the query; return whether it is one."""
    ours = not isinstance(error, tuple(STATUS_CODES))
    if ours:
        _log.error("%s failed: %s", rpc, trace(error))
    return ours


def _message(error: BaseException) -> str:
    return str(error) if isinstance(error, tuple(STATUS_CODES)) else _OURS


def _duration(seconds: float) -> Duration:
    # Rounded up to a millisecond: a client that obeys must not come too early.
    duration = Duration()
    duration.FromMilliseconds(math.ceil(seconds * 1000))
    return duration
