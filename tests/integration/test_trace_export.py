"""Traces on their way to a collector: the real exporter, and a collector on a free port."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from shelfsense.serving.tracing import Tracing


class Collector(TraceServiceServicer):
    """Keeps what is sent to it."""

    def __init__(self) -> None:
        self.resources: list[Any] = []

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002 -- as the stub calls it
        self.resources += request.resource_spans
        return otlp.ExportTraceServiceResponse()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    collector, server = Collector(), grpc.server(ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    yield collector
    server.stop(None).wait()


def call(tracing: Tracing) -> None:
    with tracing.call("Understand", lambda: None) as span:
        tracing.stages(300, 1200, 100)
        tracing.note("red shoes", locale="en")
        span.ended("OK")


def test_spans_reach_the_collector_by_the_end_and_hold_no_query(collector: Collector) -> None:
    tracing = Tracing.to_collector(log_queries=False)
    call(tracing)
    tracing.close()
    (resource,) = collector.resources
    facts = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert facts["service.name"] == "shelfsense"
    names = sorted(span.name for scope in resource.scope_spans for span in scope.spans)
    assert names == ["answer", "inference", "queue", "shelfsense.v1.QueryUnderstanding/Understand"]
    assert "red shoes" not in str(resource)


def test_the_operators_own_variables_are_obeyed(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop-queries")
    tracing = Tracing.to_collector(log_queries=False)
    call(tracing)
    tracing.close()
    (resource,) = collector.resources
    assert "shop-queries" in [each.value.string_value for each in resource.resource.attributes]
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    silent = Tracing.to_collector(log_queries=False)
    call(silent)
    silent.close()
    assert len(collector.resources) == 1
