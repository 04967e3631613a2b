"""The Prometheus figures of one server, and the page that shows them. Holds no query text."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

_LATENCY_BUCKETS_S = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """The figures of one server, in a registry of its own so that two servers may share a process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "shelfsense_calls", "Calls by rpc and status code.", ["rpc", "code"], registry=self.registry
        )
        self._call_seconds = Histogram(
            "shelfsense_call_seconds",
            "Seconds from a decoded request to its response.",
            ["rpc"],
            buckets=_LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self._batch_queries = Histogram(
            "shelfsense_batch_queries", "Queries per engine batch.", buckets=_BATCH_BUCKETS, registry=self.registry
        )
        self._engine_seconds = Counter(
            "shelfsense_engine_seconds", "Seconds the engine has been busy.", registry=self.registry
        )
        self._queue = Gauge("shelfsense_queue_queries", "Queries waiting for the engine.", registry=self.registry)
        self._engine_up = Gauge("shelfsense_engine_up", "1 while the engine works, else 0.", registry=self.registry)

    def watch(self, waiting: Callable[[], float], healthy: Callable[[], bool]) -> None:
        """Read queue and engine where they are, whenever the page is asked for."""
        self._queue.set_function(waiting)
        self._engine_up.set_function(lambda: float(healthy()))

    def call_ended(self, rpc: str, code: str, seconds: float) -> None:
        """Count one call."""
        self._calls.labels(rpc, code).inc()
        self._call_seconds.labels(rpc).observe(seconds)

    def batch_ended(self, queries: int, seconds: float) -> None:
        """Count one batch of the engine."""
        self._batch_queries.observe(queries)
        self._engine_seconds.inc(seconds)


class MetricsPage:
    """The HTTP page with the figures, at ``/metrics``.

    Args:
        metrics: the figures.
        host: address to listen on.
        port: port to listen on.

    Raises:
        OSError: the port cannot be listened on.
    """

    def __init__(self, metrics: Metrics, host: str, port: int) -> None:
        self._server, self._thread = start_http_server(port, host, metrics.registry)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
