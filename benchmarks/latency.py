"""How long one query takes over gRPC, beside what gRPC alone takes for messages of the same lengths."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from benchmarks import echo
from benchmarks.finding import ROOT, Finding, Setting
from benchmarks.machine import pinned, two_cores
from benchmarks.processes import Running, serving, started
from benchmarks.queries import sample_queries
from benchmarks.spread import Spread
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense.v1.query_understanding_pb2_grpc import QueryUnderstandingStub

_QUERIES = 2500
_WARMING = 200
_LIMIT_S = 10


@dataclass(slots=True)
class _Timings:
    """In milliseconds, one of each per query."""

    understand: list[float] = field(default_factory=list)
    echo: list[float] = field(default_factory=list)
    queued: list[float] = field(default_factory=list)
    inference: list[float] = field(default_factory=list)
    cache_hits: int = 0


def measure(setting: Setting) -> Finding:
    """Ask one query after another, an echo after each."""
    queries, warming = setting.times(_QUERIES), setting.times(_WARMING)
    requests = [
        pb.UnderstandRequest(query=pb.Query(text=each.text, locale=each.locale))
        for each in sample_queries(queries + warming)
    ]
    server_core, client_core = two_cores()
    bare = started([sys.executable, "-m", "benchmarks.echo"], core=server_core, folder=ROOT)
    with serving(setting.bundle, core=server_core) as server, bare as echoing, pinned(client_core):
        timings = _ask_all(server, echoing, requests, warming)
    return _finding(timings, pinned_apart=server_core is not None)


def _ask_all(server: Running, echoing: Running, requests: Sequence[pb.UnderstandRequest], warming: int) -> _Timings:
    """Return the timings of all requests but the first `warming`, which also connect."""
    timings = _Timings()
    with grpc.insecure_channel(server.target) as to_server, grpc.insecure_channel(echoing.target) as to_echo:
        understand = QueryUnderstandingStub(to_server).Understand  # type: ignore[no-untyped-call]  # generated
        bare: grpc.UnaryUnaryMultiCallable[bytes, bytes] = to_echo.unary_unary(echo.METHOD)
        for i, request in enumerate(requests):
            if i == warming:
                timings = _Timings()
            answer, took = _timed(understand, request)
            timings.understand.append(took)
            timings.queued.append(answer.info.queue_us / 1000)
            timings.inference.append(answer.info.inference_us / 1000)
            timings.cache_hits += answer.info.cache_hit
            alike = echo.echo_request(request.ByteSize(), answer.ByteSize())
            timings.echo.append(_timed(bare, alike)[1])
    return timings


def _timed(call: Callable[..., Any], request: pb.UnderstandRequest | bytes) -> tuple[Any, float]:
    """Return the answer of a call and its milliseconds."""
    began = time.perf_counter()
    answer = call(request, timeout=_LIMIT_S)
    return answer, (time.perf_counter() - began) * 1000


def _finding(timings: _Timings, *, pinned_apart: bool) -> Finding:
    understand, bare = Spread.of(timings.understand), Spread.of(timings.echo)
    over = understand.p50 - bare.p50
    return Finding(
        title="Latency of one query",
        claim="What one `Understand` at a time takes over gRPC, and how much of that gRPC alone would take.",
        columns=("milliseconds", "p50", "p95", "p99"),
        rows=(
            ("Understand over gRPC", *understand.cells()),
            ("bare asyncio gRPC echo, same message lengths", *bare.cells()),
            ("difference of the medians", f"{over:.2f}", "", ""),
            ("of Understand: in the queue", *Spread.of(timings.queued).cells()),
            ("of Understand: in the engine", *Spread.of(timings.inference).cells()),
        ),
        figures={
            "queries": understand.count,
            "understand_p50_ms": understand.p50,
            "understand_p95_ms": understand.p95,
            "understand_p99_ms": understand.p99,
            "echo_p50_ms": bare.p50,
            "echo_p95_ms": bare.p95,
            "echo_p99_ms": bare.p99,
            "difference_of_p50_ms": over,
            "inference_p50_ms": Spread.of(timings.inference).p50,
            "cache_hits": timings.cache_hits,
            "pinned": pinned_apart,
        },
        notes=(
            (
                f"{understand.count:,} different queries of our head and tail lists, every locale alike, each followed by "
                f"one echo; {timings.cache_hits:,} answers came from a cache. Understand includes writing and reading "
                "its messages in the client, the echo does not."
            ),
            "Both servers ran on one core, the client on another." if pinned_apart else "Cores were not assigned.",
        ),
        faults=("answers came from a cache",) if timings.cache_hits else (),
    )
