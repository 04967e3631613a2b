"""What the precise mode adds to one query: the same queries over gRPC, each with and without it.

Most queries have few heads that pass the gates, so the re-ranker's longest answer is timed apart: as many
candidates as it ever gets for one query.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from benchmarks.finding import BenchmarkFailed, Finding, Setting
from benchmarks.machine import pinned, two_cores
from benchmarks.processes import Running, serving
from benchmarks.queries import sample_queries
from benchmarks.spread import Spread
from shelfsense.bundle import Bundle
from shelfsense.engines.reranker import RERANKER
from shelfsense.pair_input import pair_input
from shelfsense.query import Options, Query
from shelfsense.reformulation.precise_reformulator import MOST_CANDIDATES
from shelfsense.reranking import Shortlist
from shelfsense.thresholds import THRESHOLDS, Thresholds
from shelfsense.understander import Understander
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense.v1.query_understanding_pb2_grpc import QueryUnderstandingStub

_QUERIES = 1500
_WARMING = 100
_FULL = 300
_LIMIT_S = 10


@dataclass(slots=True)
class _Timings:
    """In milliseconds, one of each per query, and how many heads were re-ranked."""

    plain: list[float] = field(default_factory=list)
    precise: list[float] = field(default_factory=list)
    candidates: list[float] = field(default_factory=list)
    shortlist: list[float] = field(default_factory=list)
    rerank: list[float] = field(default_factory=list)
    full: list[float] = field(default_factory=list)


def measure(setting: Setting) -> Finding:
    """Ask one query after another, plainly and precisely in turn; then re-rank full shortlists.

    Raises:
        BenchmarkFailed: the bundle has no re-ranker, or no locale to use it for.
    """
    bundle = Bundle.open(setting.bundle)
    precise = {tag for tag, entry in _thresholds(bundle).by_locale.items() if entry.precise}
    if not bundle.has(RERANKER) or not precise:
        raise BenchmarkFailed(f"{setting.bundle} has no {RERANKER} or no precise scores; name another with --bundle")
    queries, warming = setting.times(_QUERIES), setting.times(_WARMING)
    asked = [query for query in sample_queries(2 * (queries + warming)) if query.locale in precise][: queries + warming]
    timings = _Timings()
    server_core, client_core = two_cores()
    with serving(setting.bundle, core=server_core) as server, pinned(client_core):
        _ask_all(server, asked, warming, timings)
    with pinned(server_core):
        _rerank_all(bundle, asked[: setting.times(_FULL)], timings)
    return _finding(timings, setting.bundle, pinned_apart=server_core is not None)


def _thresholds(bundle: Bundle) -> Thresholds:
    return Thresholds.from_json(bundle.read(THRESHOLDS))


def _ask_all(server: Running, asked: Sequence[Query], warming: int, timings: _Timings) -> None:
    """Time all queries but the first `warming`, which also connect."""
    with grpc.insecure_channel(server.target) as channel:
        understand = QueryUnderstandingStub(channel).Understand  # type: ignore[no-untyped-call]  # generated
        for i, query in enumerate(asked):
            for precise, into in ((False, timings.plain), (True, timings.precise)):
                message = pb.Query(text=query.text, locale=query.locale)
                request = pb.UnderstandRequest(query=message, options=pb.Options(precise=precise))
                began = time.perf_counter()
                understand(request, timeout=_LIMIT_S)
                if i >= warming:
                    into.append((time.perf_counter() - began) * 1e3)


def _rerank_all(bundle: Bundle, asked: Sequence[Query], timings: _Timings) -> None:
    """Time both steps of the second pass, and the second for as many candidates as there ever are."""
    understander, options = Understander.load(bundle), Options(precise=True)
    prepared = [understander.prepare(query) for query in asked]
    for i, each in enumerate(prepared):
        row = understander.infer([each]).rows()[0]
        began = time.perf_counter()
        shortlist = understander.shortlist(each, row, options)
        timings.shortlist.append((time.perf_counter() - began) * 1e3)
        if shortlist is None:
            raise BenchmarkFailed(f"{each.locale} has a precise score, but the re-ranker is not used for it")
        timings.candidates.append(len(shortlist.pairs))
        timings.rerank.append(_reranked(understander, shortlist))
        heads = [prepared[(i + 1 + k) % len(prepared)] for k in range(MOST_CANDIDATES)]
        pairs = tuple(pair_input(each.token_ids, head.token_ids) for head in heads)
        timings.full.append(_reranked(understander, Shortlist((), pairs)))


def _reranked(understander: Understander, shortlist: Shortlist) -> float:
    """Return the milliseconds that re-ranking takes."""
    began = time.perf_counter()
    understander.rerank([shortlist])
    return (time.perf_counter() - began) * 1e3


def _finding(timings: _Timings, bundle: Path, *, pinned_apart: bool) -> Finding:
    plain, precise, full = (Spread.of(each) for each in (timings.plain, timings.precise, timings.full))
    candidates, added = sum(timings.candidates) / len(timings.candidates), precise.p50 - plain.p50
    size = (bundle / RERANKER).stat().st_size
    return Finding(
        title="The precise mode",
        claim="What one `Understand` at a time takes over gRPC with the re-ranker, and without it.",
        columns=("milliseconds", "p50", "p95", "p99"),
        rows=(
            ("Understand", *plain.cells()),
            ("Understand, precise", *precise.cells()),
            ("difference of the medians", f"{added:.2f}", "", ""),
            ("of it: finding and gating the candidates", *Spread.of(timings.shortlist).cells()),
            ("of it: the re-ranker", *Spread.of(timings.rerank).cells()),
            (f"the re-ranker on {MOST_CANDIDATES} candidates", *full.cells()),
        ),
        figures={
            "queries": plain.count,
            "plain_p50_ms": plain.p50,
            "precise_p50_ms": precise.p50,
            "precise_p95_ms": precise.p95,
            "precise_p99_ms": precise.p99,
            "added_p50_ms": added,
            "rerank_full_p50_ms": full.p50,
            "candidates": candidates,
            "reranker_bytes": size,
            "pinned": pinned_apart,
        },
        notes=(
            (
                f"{plain.count:,} different queries of our head and tail lists, every locale alike, each asked plainly and "
                f"then precisely. {candidates:.1f} heads of a query passed the gates on average and were re-ranked, "
                f"{MOST_CANDIDATES} at most; the last row pairs queries with other queries."
            ),
            f"`{RERANKER}` has {size / 1e6:.1f} MB; it reads the word table of `model.onnx`.",
            "The server ran on one core, the client on another." if pinned_apart else "Cores were not assigned.",
        ),
    )
