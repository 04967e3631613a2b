"""One Prometheus page from those of several worker processes: text in, text out.

Counters and histograms are summed. A worker that was started again counts from 0, and one that is down has no
page, but a sum must never fall, or `rate()` takes the rest for new events: what a process counted before it ended
is kept and added. Gauges that are amounts are summed; all others are told of each worker, with a label of its own.
"""

from __future__ import annotations

import threading
from collections import Counter as Sums
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

SUMMED_GAUGES = frozenset(
    f"shelfsense_{name}"
    for name in ("queue_queries", "queue_tokens", "calls_in_flight", "cache_entries", "cache_bytes")
)
"""Gauges that are amounts: two queues of three queries are six queries waiting."""

_GROWING = frozenset(("counter", "histogram"))
_STARTED = "process_start_time_seconds"
_WORKERS = "shelfsense_workers_up"

_Key: TypeAlias = tuple[str, str, tuple[tuple[str, str], ...]]
"""A family's name, a sample's name, and its labels."""


class MergedMetrics:
    """Merges the pages of the workers of one server, and remembers what those that ended had counted."""

    def __init__(self) -> None:
        self._workers: dict[str, _Worker] = {}
        self._described: dict[str, tuple[str, str]] = {}  # family: help, type
        self._reading = threading.Lock()  # two readers at once, one with older pages, would let a sum fall

    def page(self, expositions: Mapping[str, bytes]) -> bytes:
        """Return one page of several, in Prometheus' text form.

        Args:
            expositions: the page of each worker that runs, by the worker's id. The id is that of its place, not of
                its process: a worker started again has the id of the one it replaces.

        Raises:
            ValueError: one of them is no Prometheus page.
        """
        read = {worker: _families(page) for worker, page in expositions.items()}
        with self._reading:
            merged = self._merged(read)
        up = Metric(_WORKERS, "Workers whose figures are on this page.", "gauge")
        up.add_sample(_WORKERS, {}, len(read))
        registry = CollectorRegistry()
        registry.register(_Families([*merged.values(), up]))
        return generate_latest(registry)

    def _merged(self, read: Mapping[str, list[Metric]]) -> dict[str, Metric]:
        for families in read.values():
            self._described.update((each.name, (each.documentation, each.type)) for each in families)
        merged = {name: Metric(name, *described) for name, described in self._described.items()}
        for worker, families in read.items():
            self._workers.setdefault(worker, _Worker()).read(families)
            _add_single(merged, families, worker)
        for (family, name, labels), value in self._sums(read.values()).items():
            merged[family].add_sample(name, dict(labels), value)
        return merged

    def _sums(self, read: Iterable[Iterable[Metric]]) -> Sums[_Key]:
        sums: Sums[_Key] = Sums()
        for worker in self._workers.values():
            sums.update(worker.ended)
            sums.update(worker.running)
        for families in read:
            sums.update(_samples(each for each in families if each.name in SUMMED_GAUGES))
        return sums


class _Worker:
    """What one worker's processes have counted.

    Attributes:
        ended: of those that ended, by sample.
        running: of the one whose page was read last.
    """

    def __init__(self) -> None:
        self.ended: Sums[_Key] = Sums()
        self.running: dict[_Key, float] = {}
        self._started = 0.0

    def read(self, families: Iterable[Metric]) -> None:
        """Take note of the worker's newest page."""
        now = _samples(each for each in families if each.type in _GROWING)
        starts = (sample.value for each in families if each.name == _STARTED for sample in each.samples)
        started = next(starts, 0.0)
        if started != self._started:
            self.ended.update(self.running)
        self.running, self._started = now, started


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _families(page: bytes) -> list[Metric]:
    try:
        return list(_parsed(page))
    except (ValueError, IndexError, KeyError) as error:
        raise ValueError("a worker's figures are no Prometheus page; see that all workers run one version") from error


def _parsed(page: bytes) -> Iterator[Metric]:
    yield from text_string_to_metric_families(page.decode())


def _samples(families: Iterable[Metric]) -> dict[_Key, float]:
    return {
        (family.name, each.name, tuple(each.labels.items())): each.value
        for family in families
        for each in family.samples
    }


def _add_single(merged: Mapping[str, Metric], families: Iterable[Metric], worker: str) -> None:
    """Add what is told of each worker: every gauge that is no amount."""
    for family in families:
        if family.type not in _GROWING and family.name not in SUMMED_GAUGES:
            for each in family.samples:
                merged[family.name].add_sample(each.name, {**each.labels, "worker": worker}, each.value)
