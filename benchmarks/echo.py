"""A bare asyncio gRPC server to compare with: no message is parsed, nothing is computed.

``python -m benchmarks.echo`` serves on any free port and prints it. A request's first four bytes say how
many bytes to answer (little-endian), so that both messages can be as long as those of a real call.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import grpc

METHOD = "/benchmarks.Echo/Echo"
SMALLEST_REQUEST = 4

_SERVICE, _RPC = METHOD[1:].split("/")


def echo_request(request_bytes: int, response_bytes: int) -> bytes:
    """Return a request of a length, at least 4 bytes, that asks for an answer of a length."""
    return response_bytes.to_bytes(SMALLEST_REQUEST, "little").ljust(request_bytes, b"x")


async def _echo(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:  # noqa: ARG001
    return b"x" * int.from_bytes(request[:SMALLEST_REQUEST], "little")


async def _serve() -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {_RPC: grpc.unary_unary_rpc_method_handler(_echo)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"ready port={port}", flush=True)
    await stopped.wait()
    await server.stop(None)


if __name__ == "__main__":
    asyncio.run(_serve())
