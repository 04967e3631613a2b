"""Spans of a call: whose children they are, what they hold, and what they never hold."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from shelfsense.errors import MissingExtra
from shelfsense.serving.tracing import Metadata, Tracing

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Spans:
    """Keeps the spans that a tracing makes."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._provider = TracerProvider(shutdown_on_exit=False)
        self._provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def tracing(self, *, log_queries: bool = False) -> Tracing:
        return Tracing(self._provider.get_tracer("test"), log_queries=log_queries)

    def named(self, name: str) -> ReadableSpan:
        (found,) = [each for each in self._exporter.get_finished_spans() if each.name.endswith(name)]
        return found


@pytest.fixture
def spans() -> Iterator[Spans]:
    spans = Spans()
    yield spans
    spans._provider.shutdown()


def called() -> Metadata:
    """Return a call's metadata with a caller's span, among what other tools send."""
    return (("user-agent", "grpc"), ("trace-bin", b"\x00"), ("traceparent", f"00-{TRACE}-{CALLER}-01"))


def test_a_call_is_a_child_of_its_callers_span(spans: Spans) -> None:
    with spans.tracing().call("Understand", called) as span:
        span.ended("OK")
    made = spans.named("QueryUnderstanding/Understand")
    assert made.kind is SpanKind.SERVER
    assert made.context is not None
    assert made.parent is not None
    assert (f"{made.context.trace_id:032x}", f"{made.parent.span_id:016x}") == (TRACE, CALLER)
    assert made.attributes is not None
    assert made.attributes["rpc.response.status_code"] == "OK"


@pytest.mark.parametrize("metadata", [None, (), (("traceparent", "nonsense"),), (("traceparent", b"\xff"),)])
def test_a_call_without_a_callers_span_begins_a_trace(spans: Spans, metadata: Metadata | None) -> None:
    with spans.tracing().call("Understand", lambda: metadata):
        pass
    assert spans.named("Understand").parent is None


def test_a_callers_choice_not_to_record_is_kept(spans: Spans) -> None:
    with spans.tracing().call("Understand", lambda: (("traceparent", f"00-{TRACE}-{CALLER}-00"),)):
        spans.tracing().stages(1, 2, 3)
    assert spans._exporter.get_finished_spans() == ()


def test_stages_lie_within_the_call_one_after_the_other(spans: Spans) -> None:
    tracing = spans.tracing()
    with tracing.call("Understand", lambda: None):
        tracing.stages(queue_us=300, inference_us=1200, answer_us=100)
    call = spans.named("Understand")
    queue, inference, answer = (spans.named(each) for each in ("queue", "inference", "answer"))
    assert call.context is not None
    assert {each.parent.span_id for each in (queue, inference, answer) if each.parent} == {call.context.span_id}
    assert (queue.end_time, inference.end_time) == (inference.start_time, answer.start_time)
    assert queue.end_time is not None
    assert queue.start_time is not None
    assert queue.end_time - queue.start_time == 300_000


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("OK", StatusCode.UNSET),
        ("INVALID_ARGUMENT", StatusCode.UNSET),
        ("RESOURCE_EXHAUSTED", StatusCode.UNSET),
        ("UNAVAILABLE", StatusCode.ERROR),
        ("DEADLINE_EXCEEDED", StatusCode.ERROR),
    ],
)
def test_only_what_is_the_servers_doing_is_an_error(spans: Spans, code: str, status: StatusCode) -> None:
    with spans.tracing().call("Understand", lambda: None) as span:
        span.ended(code)
    assert spans.named("Understand").status.status_code is status


def test_neither_a_query_nor_an_errors_message_reaches_a_span(spans: Spans) -> None:
    tracing = spans.tracing()

    def fail() -> None:
        with tracing.call("Understand", lambda: None):
            tracing.note("red shoes", locale="en", cache_hit=False)
            raise ValueError("red shoes")

    with pytest.raises(ValueError):
        fail()
    made = spans.named("Understand")
    assert "red shoes" not in made.to_json()
    assert made.attributes is not None
    assert made.attributes["shelfsense.locale"] == "en"


def test_a_query_is_on_its_span_where_the_operator_wants_it(spans: Spans) -> None:
    tracing = spans.tracing(log_queries=True)
    with tracing.call("Understand", lambda: None):
        tracing.note("red shoes")
    attributes = spans.named("Understand").attributes
    assert attributes is not None
    assert attributes["shelfsense.query"] == "red shoes"


def test_tracing_that_is_off_does_not_even_read_the_metadata() -> None:
    def metadata() -> Metadata:
        raise AssertionError

    tracing = Tracing()
    with tracing.call("Understand", metadata) as span:
        tracing.stages(1, 2, 3)
        tracing.note("red shoes", locale="en")
        span.ended("OK")
    tracing.close()
    assert not tracing.on


def test_without_the_sdk_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(MissingExtra, match=r"shelfsense\[tracing\]"):
        Tracing.to_collector(log_queries=False)
