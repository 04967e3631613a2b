"""A bare asyncio gRPC server that refuses every call as overload, with the time to come back in.

``python -m benchmarks.rejecting`` serves on any free port and prints it. What it costs is what a refusal costs
at least, whoever refuses.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.code_pb2 import RESOURCE_EXHAUSTED
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from benchmarks.echo import METHOD

_SERVICE, _RPC = METHOD[1:].split("/")


def _refusal() -> grpc.Status:
    status = Status(code=RESOURCE_EXHAUSTED, message="no room; try again later")
    status.details.add().Pack(RetryInfo(retry_delay=Duration(nanos=50_000_000)))
    return rpc_status.to_status(status)


async def _reject(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:  # noqa: ARG001
    refusal = _refusal()  # made anew for every call, as the time in it would be
    await context.abort(refusal.code, refusal.details, refusal.trailing_metadata)
    return b""  # type: ignore[unreachable]  # abort raises; ruff wants the return


async def _serve() -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {_RPC: grpc.unary_unary_rpc_method_handler(_reject)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"ready port={port}", flush=True)
    await stopped.wait()
    await server.stop(None)


if __name__ == "__main__":
    asyncio.run(_serve())
