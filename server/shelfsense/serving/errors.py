"""Errors that only a service has, and how any error is written to the log."""

from __future__ import annotations

import traceback

from shelfsense.errors import ShelfsenseError


class Overloaded(ShelfsenseError):
    """The queue has no room for a request.

    Args:
        waiting: queries that wait already.
        retry_after_s: seconds until the queue is expected to have drained.
    """

    def __init__(self, waiting: int, retry_after_s: float) -> None:
        super().__init__(f"{waiting} queries wait already; retry in {retry_after_s:.2f} s")
        self.retry_after_s = retry_after_s


class DeadlineExceeded(ShelfsenseError):
    """The caller's time, or the server's own limit, ran out before the answer was there."""

    def __init__(self) -> None:
        super().__init__("the deadline passed before the answer was there; allow more time, or ask less at once")


class Stopping(ShelfsenseError):
    """The server answers what it has begun, and nothing new."""

    def __init__(self) -> None:
        super().__init__("the server is stopping; ask another replica")


class AddressUnavailable(ShelfsenseError):
    """A port that cannot be listened on."""

    def __init__(self, address: str) -> None:
        super().__init__(f"cannot listen on {address}; choose another --host or --port (0 = any), or stop its user")


def trace(error: BaseException) -> str:
    """Return an error's type and stack for the log, without its message, which may quote a query."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    cause = error.__cause__
    return f"{type(error).__module__}.{type(error).__qualname__}\n{frames}" + (trace(cause) if cause else "")
