"""An OpenTelemetry collector that throws everything away; ``python -m benchmarks.trace_sink`` prints its port."""

from __future__ import annotations

from benchmarks import bare_server
from benchmarks.bare_server import Context

_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


async def _forget(request: bytes, context: Context) -> bytes:  # noqa: ARG001
    return b""  # an ExportTraceServiceResponse that has no complaint


if __name__ == "__main__":
    bare_server.run(_METHOD, _forget)
