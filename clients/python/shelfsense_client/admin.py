"""The operator's client: changes and describes what a running server serves, on its admin port.

Knows how such a call is driven and nothing of what it means; that is `calls.py`.
"""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import Self, TypeVar

import grpc

from shelfsense.v1.query_understanding_pb2_grpc import AdminStub
from shelfsense_client import calls
from shelfsense_client.calls import CHANNEL_OPTIONS, DEFAULT_ADMIN_TIMEOUT, Call
from shelfsense_client.errors import DeadlineExceeded, from_rpc_error
from shelfsense_client.results import BundleRole, LoadBundleResponse, LoadedBundle
from shelfsense_client.retries import Attempts, RetryBudget, RetryPolicy
from shelfsense_client.tls import Tls, call_metadata, channel_credentials

Answer = TypeVar("Answer")


class AdminClient:
    """Changes what a server serves; ``with AdminClient("localhost:50052") as admin: ...``, safe to share between threads.

    Every method takes ``timeout``, the seconds for all of a call, and raises a `ShelfsenseClientError`: `Refused`,
    `Unauthenticated`, `Unavailable`, ... A change is sent once the server has answered that it is there, and then
    tried again only where it was turned away before it began (`Overloaded`): after any other failure,
    `describe_bundles` tells what became of it.

    Args:
        target: ``host:port`` of the admin port, or any gRPC target.
        timeout: default seconds of a call; a bundle of millions of heads takes minutes to load.
        tls: certificates of a connection over TLS; None: plain text.
        token: the bearer token of every call, where the port asks for one; sent over TLS or to this machine only.
        credentials: gRPC's own, in place of ``tls``, for what that does not cover.
    """

    def __init__(
        self,
        target: str,
        *,
        timeout: float = DEFAULT_ADMIN_TIMEOUT,
        tls: Tls | None = None,
        token: str | None = None,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        secured = channel_credentials(target, credentials, tls, token)
        self._metadata = call_metadata(token)
        self._timeout = timeout
        self._policy = RetryPolicy()
        self._budget = RetryBudget()
        if secured is None:
            self._channel = grpc.insecure_channel(target, options=CHANNEL_OPTIONS)
        else:
            self._channel = grpc.secure_channel(target, secured, options=CHANNEL_OPTIONS)
        self._stub = AdminStub(self._channel)  # type: ignore[no-untyped-call]  # generated

    def load_bundle(
        self,
        path: str | os.PathLike[str] = "",
        role: BundleRole = "serving",
        share: float | None = None,
        *,
        timeout: float | None = None,
    ) -> LoadBundleResponse:
        """Have the server verify and load a bundle; return once it has taken its place.

        Args:
            path: folder on the server's machine; empty: the folder the server was started with, read again.
            role: ``serving``, or on trial as ``canary`` or ``shadow``, in place of any other trial.
            share: of the queries, above 0 to 1, for a trial; None: 0.01.
            timeout: seconds; the server goes on loading when they are over.

        Raises:
            Refused: the bundle is not what it should be; what was served before is served on.
        """
        return self._change(calls.load_bundle(os.fspath(path), role, share), timeout)

    def end_trial(self, promote: bool = False, *, timeout: float | None = None) -> str:  # noqa: FBT001, FBT002  reads as the rpc
        """Make the bundle on trial the one that serves, or drop it, and return the version that serves then.

        Raises:
            Refused: no bundle is on trial.
        """
        return self._change(calls.end_trial(promote), timeout)

    def describe_bundles(self, *, timeout: float | None = None) -> tuple[LoadedBundle, ...]:
        """Return what is loaded, the serving bundle first, and how a bundle on trial compares."""
        return self._ask(calls.describe_bundles(), self._begin(timeout))

    def close(self) -> None:
        """Close the channel; the server goes on with a change that is under way."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self, timeout: float | None) -> Attempts:
        return Attempts.begin(self._policy, self._budget, self._timeout if timeout is None else timeout)

    def _change(self, call: Call[Answer], timeout: float | None) -> Answer:
        """Send a change; a question first, which may be asked again, finds out whether anybody is there to take it."""
        reaching = self._begin(timeout)
        self._ask(calls.describe_bundles(), reaching)
        return self._ask(call, self._begin(reaching.time_left()), changes=True)

    def _ask(self, call: Call[Answer], attempts: Attempts, *, changes: bool = False) -> Answer:
        method = getattr(self._stub, call.method)
        while True:
            timeout = attempts.timeout()
            try:
                return call.read(method(call.request, timeout=timeout, metadata=self._metadata))
            except grpc.RpcError as error:
                if changes and error.code() is grpc.StatusCode.UNAVAILABLE:  # it may have begun
                    raise from_rpc_error(error) from error
                if changes and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                    fact = (
                        f"no answer within {timeout:.3g} s; the server goes on, DescribeBundles tells when it is done"
                    )
                    raise DeadlineExceeded(error.code(), fact) from error
                delay = attempts.delay_after(error)
            time.sleep(delay)
