"""What can go wrong with a call, one class per cause a caller acts on, with the facts the service gave.

The field and the delay come from google.rpc details (BadRequest, RetryInfo) in the trailing metadata.
"""

from __future__ import annotations

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2
from grpc_status import rpc_status


class ShelfsenseClientError(Exception):
    """A call that was not answered.

    Attributes:
        code: the gRPC status of the last attempt.
        field: the request field at fault, as in ``query.text`` or ``options.top_k``; empty where none is.
        message: the fact and the next step, as the service states them.
        retry_after: seconds the service asks callers to wait; None where it does not say.
    """

    def __init__(
        self, code: grpc.StatusCode, message: str, *, field: str = "", retry_after: float | None = None
    ) -> None:
        where = f"{field}: " if field and not message.startswith(f"{field}:") else ""
        super().__init__(f"{code.name}: {where}{message}")
        self.code = code
        self.field = field
        self.message = message
        self.retry_after = retry_after


class InvalidArgument(ShelfsenseClientError):
    """The request cannot be answered as it stands; sending it again will not help."""


class Refused(ShelfsenseClientError):
    """The server will not do what it is told, and goes on as before: a bundle that is not whole, a trial that is none."""


class Unauthenticated(ShelfsenseClientError):
    """The service asks for a token, and knows none like the one that came, if any."""


class Overloaded(ShelfsenseClientError):
    """The service has more work than it accepts, the token's rate is used up, or the message is too large."""


class Unavailable(ShelfsenseClientError):
    """No server, or one that is starting, draining or without its engine."""


class DeadlineExceeded(ShelfsenseClientError):
    """No answer within the timeout."""


class Unimplemented(ShelfsenseClientError):
    """The server is older than this client and does not know the call."""


_CLASSES = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.FAILED_PRECONDITION: Refused,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Overloaded,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.CANCELLED: Unavailable,  # by a server that stops; see `retries`
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.UNIMPLEMENTED: Unimplemented,
}


def from_rpc_error(error: grpc.RpcError) -> ShelfsenseClientError:
    """Return the error a failed attempt stands for; sync and asyncio attempts fail alike.

    Args:
        error: what a gRPC call raised; it carries its status, as grpc's own errors do.
    """
    code = error.code()
    field, message, retry_after = "", error.details() or code.name, None
    try:
        status = rpc_status.from_call(error)
    except (ValueError, DecodeError):  # a proxy's details, at odds with the status: the status is what counts
        status = None
    for detail in status.details if status is not None else ():
        bad_request, retry_info = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(bad_request) and bad_request.field_violations:
            violation = bad_request.field_violations[0]
            field, message = violation.field, violation.description or message
        elif detail.Unpack(retry_info):
            retry_after = retry_info.retry_delay.ToTimedelta().total_seconds()
    return _CLASSES.get(code, ShelfsenseClientError)(code, message, field=field, retry_after=retry_after)
