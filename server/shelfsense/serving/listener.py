"""One gRPC port: claimed with errors of ours, and stopped in an order that fails no call."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import grpc

from shelfsense.serving import health
from shelfsense.serving.errors import AddressUnavailable
from shelfsense.serving.health import Health
from shelfsense.serving.reflection import SERVICE as REFLECTION
from shelfsense.serving.reflection import reflection_handlers


class Listener:
    """Listens on one port for one service, its health and its reflection.

    Args:
        service: the full name of the service.
        handlers: of that service.
        health_of: what is answered to those who ask after it.
        options: channel arguments.
    """

    def __init__(
        self,
        service: str,
        handlers: grpc.GenericRpcHandler,
        health_of: Health,
        options: Sequence[tuple[str, int]],
    ) -> None:
        self._server = grpc.aio.server(options=options)
        told = reflection_handlers((service, health.SERVICE, REFLECTION))
        self._server.add_generic_rpc_handlers((handlers, health_of.handlers(), told))

    def claim(self, host: str, port: int, credentials: grpc.ServerCredentials | None) -> int:
        """Claim a port and return its number.

        Args:
            host: address to listen on.
            port: its number; 0: any free one.
            credentials: of TLS; None: plain text.

        Raises:
            AddressUnavailable: it cannot be listened on.
        """
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        with claiming(f"{host}:{port}"):
            if credentials is None:
                return int(self._server.add_insecure_port(address))
            return int(self._server.add_secure_port(address, credentials))

    async def start(self) -> None:
        """Begin to answer."""
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Send callers elsewhere, and let calls in flight finish within so many seconds."""
        await self._server.stop(grace_s)


@contextlib.contextmanager
def claiming(address: str) -> Iterator[None]:
    """Turn the libraries' errors about a port into ours."""
    try:
        yield
    except (RuntimeError, OSError) as error:
        raise AddressUnavailable(address) from error
