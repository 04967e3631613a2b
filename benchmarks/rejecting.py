"""A bare asyncio gRPC server that refuses every call as overload, with the time to come back in.

``python -m benchmarks.rejecting`` serves on any free port and prints it. What it costs is what a refusal costs
at least, whoever refuses.
"""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from google.rpc.code_pb2 import RESOURCE_EXHAUSTED
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from benchmarks import bare_server
from benchmarks.bare_server import Context
from benchmarks.echo import METHOD


async def _reject(request: bytes, context: Context) -> bytes:  # noqa: ARG001
    # Made anew for every call, as the time in it would be.
    status = Status(code=RESOURCE_EXHAUSTED, message="no room; try again later")
    status.details.add().Pack(RetryInfo(retry_delay=Duration(nanos=50_000_000)))
    refusal = rpc_status.to_status(status)
    await context.abort(refusal.code, refusal.details, refusal.trailing_metadata)
    raise AssertionError  # abort has raised


if __name__ == "__main__":
    bare_server.run(METHOD, _reject)
