"""A bare asyncio gRPC server to compare with: no message is parsed, nothing is computed.

``python -m benchmarks.echo`` serves on any free port and prints it. A request's first four bytes say how
many bytes to answer (little-endian), so that both messages can be as long as those of a real call.
"""

from __future__ import annotations

from benchmarks import bare_server
from benchmarks.bare_server import Context

METHOD = "/benchmarks.Echo/Echo"
SMALLEST_REQUEST = 4


def echo_request(request_bytes: int, response_bytes: int) -> bytes:
    """Return a request of a length, at least 4 bytes, that asks for an answer of a length."""
    return response_bytes.to_bytes(SMALLEST_REQUEST, "little").ljust(request_bytes, b"x")


async def _echo(request: bytes, context: Context) -> bytes:  # noqa: ARG001
    return b"x" * int.from_bytes(request[:SMALLEST_REQUEST], "little")


if __name__ == "__main__":
    bare_server.run(METHOD, _echo)
