"""An asyncio gRPC server of one method that reads and writes bytes: what gRPC itself costs, and no more."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import grpc

Context: TypeAlias = grpc.aio.ServicerContext[bytes, bytes]
Handler: TypeAlias = Callable[[bytes, Context], Awaitable[bytes]]


def run(method: str, handler: Handler) -> None:
    """Serve a method on any free port, print the port, and stop on SIGTERM.

    Args:
        method: as in ``/package.Service/Method``.
        handler: answers it.
    """
    asyncio.run(_serve(method, handler))


async def _serve(method: str, handler: Handler) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    service, rpc = method[1:].split("/")
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {rpc: grpc.unary_unary_rpc_method_handler(handler)}
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"ready port={port}", flush=True)
    await stopped.wait()
    await server.stop(None)
