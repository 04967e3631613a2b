"""One port for several processes: the kernel gives each new connection to one of those that listen on it.

The address is held by a socket that is bound and never listens, so no connection reaches it. It keeps the port
while workers come and go, finds out which one "any" is, and keeps others out: two services on one port
would each get half of the calls.
"""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

from shelfsense.serving.errors import AddressUnavailable


class SharedPort:
    """A port that is held for processes of this user that ask for it with ``SO_REUSEPORT`` (Linux 3.9).

    Args:
        holder: bound to it, not listening.
    """

    def __init__(self, holder: socket.socket) -> None:
        self._holder = holder
        self.port = int(holder.getsockname()[1])

    @classmethod
    def claim(cls, host: str, port: int) -> SharedPort:
        """Hold a port; 0 takes any free one.

        Raises:
            AddressUnavailable: someone has it, alone or shared, or the system shares no ports.
        """
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            holder = socket.socket(family, kind, protocol)
        except OSError as error:
            raise AddressUnavailable(f"{host}:{port}") from error
        try:
            # Bound as one that does not share, which fails where anyone has the port; shared from then on.
            # Connections of a server that has just ended are in nobody's way: hence SO_REUSEADDR, for the moment.
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(address)
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        except (OSError, AttributeError) as error:
            holder.close()
            raise AddressUnavailable(f"{host}:{port}") from error
        return cls(holder)

    def close(self) -> None:
        """Let go of the port."""
        self._holder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.close()
