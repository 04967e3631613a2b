"""OpenTelemetry traces: a span for each call under its caller's, and one for each stage inside.

Off unless asked for, and then a call passes through here in half a microsecond. Where and how traces are sent is said
by OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME`, ...).
A span never holds a query's text, unless the operator said so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Protocol, Self, TypeAlias

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shelfsense.errors import MissingExtra
from shelfsense.v1 import query_understanding_pb2 as pb

Metadata: TypeAlias = Iterable[tuple[str, str | bytes]]
"""A call's metadata, as gRPC hands it over."""

_SERVICE = pb.DESCRIPTOR.services_by_name["QueryUnderstanding"].full_name
_HEADERS = frozenset(("traceparent", "tracestate"))
_US = 1000  # nanoseconds
_LAST_WORDS_S = 3.0
# Statuses that are the server's doing, by OpenTelemetry's conventions for gRPC servers.
_SERVERS_OWN = frozenset(("UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"))


class CallSpan(Protocol):
    """What stands around one call; ``with`` begins and ends it."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        """End."""

    def ended(self, code: str) -> None:
        """Note the call's status code, by its name."""


class Tracing:
    """Makes the spans of one server.

    Args:
        tracer: makes them; None: there are none.
        log_queries: whether they may hold query texts.
        close: sends what is left to send.
    """

    def __init__(
        self, tracer: Tracer | None = None, *, log_queries: bool = False, close: Callable[[], None] | None = None
    ) -> None:
        self._tracer = tracer
        self._log_queries = log_queries
        self._close = close
        self._propagator = TraceContextTextMapPropagator()

    @classmethod
    def to_collector(cls, *, log_queries: bool) -> Tracing:
        """Return tracing that sends spans in batches over OTLP, from a thread of its own.

        Raises:
            MissingExtra: OpenTelemetry's SDK or its exporter is not installed.
        """
        try:
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 -- an extra
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        except ImportError as error:
            raise MissingExtra("tracing", error.name or "opentelemetry.sdk") from error
        resource = Resource.create()  # from OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES
        if str(resource.attributes["service.name"]).startswith("unknown_service"):
            resource = resource.merge(Resource({"service.name": "shelfsense"}))
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(
            provider.get_tracer("shelfsense.serving"),
            log_queries=log_queries,
            close=lambda: _within(_LAST_WORDS_S, provider.shutdown),
        )

    @property
    def on(self) -> bool:
        """Whether there are spans at all."""
        return self._tracer is not None

    def call(self, rpc: str, metadata: Callable[[], Metadata | None]) -> CallSpan:
        """Return what stands around one call.

        Args:
            rpc: its name.
            metadata: reads the call's metadata, whose ``traceparent`` names the caller's span; not called while off.
        """
        if self._tracer is None:
            return _NO_SPAN
        return _TracedCall(self._tracer, rpc, self._callers(metadata()))

    def stages(self, queue_us: int, inference_us: int, answer_us: int) -> None:
        """Note how long one query took, as spans inside that of the call; at the moment its answer is made.

        Args:
            queue_us: microseconds it waited.
            inference_us: microseconds in the networks.
            answer_us: microseconds its answer took to make.
        """
        if self._tracer is None or not trace.get_current_span().is_recording():
            return
        end = time.time_ns()
        for stage, took_us in (("answer", answer_us), ("inference", inference_us), ("queue", queue_us)):
            begin = end - took_us * _US
            self._tracer.start_span(stage, start_time=begin).end(end)
            end = begin

    def note(self, text: str, **attributes: str | bool | float) -> None:
        """Note facts about the call's query on its span.

        Args:
            text: of the query; left out unless the operator wants query texts.
            attributes: anything else but texts, such as ``locale`` and ``cache_hit``.
        """
        if self._tracer is None:
            return
        span = trace.get_current_span()
        span.set_attributes({f"shelfsense.{name}": value for name, value in attributes.items()})
        if self._log_queries:
            span.set_attribute("shelfsense.query", text)

    def close(self) -> None:
        """Send what is left to send; a collector that is silent is waited for 3 s at most."""
        if self._close is not None:
            self._close()

    def _callers(self, metadata: Metadata | None) -> Context:
        carrier = {key: value for key, value in metadata or () if key in _HEADERS and isinstance(value, str)}
        # An empty context, so that a call never becomes the child of whatever span the task happens to have.
        return self._propagator.extract(carrier, Context())


class _TracedCall:
    """A call with a span, which is the current one inside."""

    def __init__(self, tracer: Tracer, rpc: str, context: Context) -> None:
        method = f"{_SERVICE}/{rpc}"
        facts = {"rpc.system.name": "grpc", "rpc.method": method}
        self._span: Span = tracer.start_span(method, context, SpanKind.SERVER, facts)
        # Neither the error nor its message goes on the span: a message may quote a query.
        self._current = trace.use_span(
            self._span, end_on_exit=True, record_exception=False, set_status_on_exception=False
        )

    def __enter__(self) -> Self:
        self._current.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self._current.__exit__(kind, error, stack)

    def ended(self, code: str) -> None:
        self._span.set_attribute("rpc.response.status_code", code)
        if code in _SERVERS_OWN:
            self._span.set_status(StatusCode.ERROR)


class _NoSpan:
    """Nothing, at no cost."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        pass

    def ended(self, code: str) -> None:
        pass


_NO_SPAN = _NoSpan()


def _within(seconds: float, end: Callable[[], None]) -> None:
    """Call something, and leave it to itself where it takes too long: a stop must not wait for a collector."""
    ending = threading.Thread(target=end, name="end of tracing", daemon=True)
    ending.start()
    ending.join(seconds)
