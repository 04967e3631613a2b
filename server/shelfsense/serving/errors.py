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


class Unauthenticated(ShelfsenseError):
    """A call without a token that is known and still valid.

    Args:
        fact: what is wrong with it; never the token itself.
    """

    def __init__(self, fact: str) -> None:
        super().__init__(f"{fact}; send the metadata 'authorization: Bearer TOKEN', the operator gives out tokens")


class RateExceeded(ShelfsenseError):
    """A caller asks more than its token allows.

    Args:
        name: the token's name.
        rate: queries per second that it allows.
        retry_after_s: seconds until the same call will be let through, if nothing else is asked meanwhile.
    """

    def __init__(self, name: str, rate: float, retry_after_s: float) -> None:
        super().__init__(
            f"the token '{name}' allows {rate:g} queries per second; retry in {retry_after_s:.2f} s, or ask for more"
        )
        self.retry_after_s = retry_after_s


class AdminExposed(ShelfsenseError):
    """The admin port would take orders from the network and ask for nothing.

    Args:
        host: the address it would listen on.
    """

    def __init__(self, host: str) -> None:
        super().__init__(
            f"the admin port would listen on {host} and ask for nothing; set --admin-tokens or "
            "--admin-client-authority, or leave --admin-host at 127.0.0.1"
        )


def trace(error: BaseException) -> str:
    """Return an error's type and stack for the log, without its message, which may quote a query."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    cause = error.__cause__
    return f"{type(error).__module__}.{type(error).__qualname__}\n{frames}" + (trace(cause) if cause else "")


class NothingStaged(ShelfsenseError):
    """A change of bundles that has nothing to change to."""

    def __init__(self) -> None:
        super().__init__("no second bundle is loaded; call LoadBundle first")
