"""The figures of all workers on one page, asked of them when it is read."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from shelfsense.serving.merged_metrics import MergedMetrics
from shelfsense.serving.supervisor import Supervisor

_WITHIN_S = 2.0  # Prometheus itself waits 10; a worker that hangs is missing from the page and does not delay it


class WorkersMetrics(Collector):
    """Reads the workers' pages; itself read on a thread of its own.

    Args:
        supervisor: reaches the workers.
        loop: the supervisor's.
    """

    def __init__(self, supervisor: Supervisor, loop: asyncio.AbstractEventLoop) -> None:
        self._supervisor = supervisor
        self._loop = loop
        self._merged = MergedMetrics()
        self._own = CollectorRegistry()
        self._own.register(self)

    def exposition(self) -> bytes:
        """Return the page, in Prometheus' text form, without the workers that do not answer."""
        asking = self._supervisor.broadcast("metrics", within_s=_WITHIN_S)
        replies = asyncio.run_coroutine_threadsafe(asking, self._loop).result(2 * _WITHIN_S)
        pages = {str(reply.worker): str(reply.answer["page"]).encode() for reply in replies if reply.answer}
        return self._merged.page(pages) + generate_latest(self._own)

    def collect(self) -> list[CounterMetricFamily]:
        """Return what the supervisor itself knows."""
        restarts = CounterMetricFamily(
            "shelfsense_worker_restarts", "Worker processes that took another's place.", labels=["worker"]
        )
        for slot in self._supervisor.slots:
            restarts.add_metric([str(slot.number)], slot.restarts)
        return [restarts]
