"""The servers that are loaded: ours with chosen settings, and bare ones to compare with."""

from __future__ import annotations

import os
import socket
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.finding import ROOT, BenchmarkFailed, Setting
from benchmarks.machine import two_cores
from benchmarks.processes import COMMAND, Running, started

CACHE_MB = 8
"""A cache that holds what is asked often and not all that is asked once: about 4,000 answers, of 15,000 queries, so that
a query asked once is a miss also when its turn comes again."""


@dataclass(frozen=True, slots=True)
class Served:
    """A server of ours that runs.

    Attributes:
        running: its process.
        metrics_port: of its metrics page.
    """

    running: Running
    metrics_port: int

    @property
    def target(self) -> str:
        """Where it listens."""
        return self.running.target

    @property
    def pid(self) -> int:
        """Its process."""
        return self.running.pid

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a figure of the metrics page over all its labels but those named.

        Raises:
            BenchmarkFailed: the page has no such figure.
        """
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as page:
            families = text_string_to_metric_families(page.read().decode("utf-8"))
        found = [
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        if not found:
            raise BenchmarkFailed(f"the metrics page has no {name} {labels or ''}")
        return sum(found)


@contextmanager
def served(setting: Setting, **settings: str | int | Path) -> Iterator[Served]:
    """Serve the bundle with its metrics page, on the server's core.

    Args:
        setting: says which bundle.
        **settings: of the server, by their names, as ``cache_mb=0``.
    """
    metrics_port = free_port()
    chosen = {"bundle": setting.bundle, "port": 0, "metrics_port": metrics_port, **settings}
    variables = {f"SHELFSENSE_{name.upper()}": str(value) for name, value in chosen.items()}
    with started([COMMAND, "serve"], core=two_cores()[0], environment={**os.environ, **variables}) as running:
        yield Served(running, metrics_port)


def bare(module: str = "benchmarks.echo") -> AbstractContextManager[Running]:
    """Serve one of the bare servers, on the server's core."""
    return started([sys.executable, "-m", module], core=two_cores()[0], folder=ROOT)


def free_port() -> int:
    """Return a port that nobody listens on right now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
