"""How soon a server answers after its start, and what it holds in memory."""

from __future__ import annotations

import statistics
import subprocess
import sys
from dataclasses import dataclass

from benchmarks.finding import Finding, Setting
from benchmarks.processes import Running, serving
from benchmarks.queries import sample_queries
from shelfsense.bundle import Bundle
from shelfsense_client import Client

_STARTS = 5
_QUERIES = 500
_TRAINING_ONLY = ("torch", "transformers", "onnx")


@dataclass(frozen=True, slots=True)
class _Memory:
    ready_mb: float
    after_mb: float
    peak_mb: float


def measure(setting: Setting) -> Finding:
    """Start the server several times; in the last, ask queries and look at its memory."""
    starts, queries = setting.times(_STARTS), setting.times(_QUERIES)
    seconds = []
    for _ in range(starts - 1):
        with serving(setting.bundle) as server:
            seconds.append(server.seconds)
    with serving(setting.bundle) as server:
        seconds.append(server.seconds)
        memory = _memory_after(server, queries)
        found = sorted({*_imported_by_the_command(), *filter(server.has_mapped, _TRAINING_ONLY)})
    disk_mb = sum(entry["bytes"] for entry in Bundle.open(setting.bundle).manifest["files"].values()) / 1e6
    return Finding(
        title="Start and memory",
        claim="How soon `shelfsense serve` is ready and how much memory it takes; it never loads torch.",
        columns=("figure", "value"),
        rows=(
            (f"process start to ready line, median of {starts}", f"{statistics.median(seconds):.2f} s"),
            ("fastest and slowest start", f"{min(seconds):.2f} to {max(seconds):.2f} s"),
            ("resident memory when ready", f"{memory.ready_mb:.0f} MB"),
            (f"resident memory after {queries:,} queries", f"{memory.after_mb:.0f} MB"),
            ("largest resident memory until then", f"{memory.peak_mb:.0f} MB"),
            ("bundle on disk", f"{disk_mb:.1f} MB"),
            (f"{', '.join(_TRAINING_ONLY)} loaded", ", ".join(found) or "no"),
        ),
        figures={
            "ready_s": statistics.median(seconds),
            "ready_slowest_s": max(seconds),
            "memory_ready_mb": memory.ready_mb,
            "memory_after_queries_mb": memory.after_mb,
            "memory_peak_mb": memory.peak_mb,
            "queries": queries,
            "bundle_mb": disk_mb,
            "torch_loaded": "torch" in found,
        },
        notes=(
            (
                "MB is 1,000,000 bytes; resident memory is VmRSS. Loaded means imported by the command line, "
                "or a native library mapped by the server that answered the queries."
            ),
        ),
        faults=tuple(f"{name} is loaded" for name in found),
    )


def _memory_after(server: Running, count: int) -> _Memory:
    ready_mb = server.memory_mb()
    with Client(server.target, timeout=10) as client:
        for query in sample_queries(count):
            client.understand(query.text, locale=query.locale)
    return _Memory(ready_mb, server.memory_mb(), server.memory_mb("VmHWM"))


def _imported_by_the_command() -> list[str]:
    script = f"import sys, shelfsense.cli.app; print(*(m for m in {_TRAINING_ONLY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split()
