"""Queries per second beside infinity-emb and LitServe, with the same weights on the same core."""

from __future__ import annotations

import os
import signal
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from benchmarks.finding import BenchmarkFailed, Finding, Floor, Setting, missed
from benchmarks.load.generator import BATCH_UNDERSTAND, CLASSIFY, EMBED, LoadGenerator
from benchmarks.load.http_load import keep_posting
from benchmarks.load.measuring import IN_FLIGHT
from benchmarks.load.played import Played
from benchmarks.load.query_mix import batch_request, load_queries, understand_request
from benchmarks.load.rounds import ROUNDS, interleaved, median_ratio
from benchmarks.load.servers import served
from benchmarks.machine import pinned, two_cores
from benchmarks.peers.environment import versions
from benchmarks.peers.folders import exported
from benchmarks.peers.served import infinity, infinity_requests, litserve, litserve_requests
from benchmarks.processes import Running

_SECONDS = 3.0
_QUERIES = 4096
_BATCH = 64
_OURS, _OURS_BATCH, _VECTOR, _TYPES = "Understand", "BatchUnderstand of 64", "Embed", "Classify"
_INFINITY, _INFINITY_BATCH = "infinity-emb", "infinity-emb, 64 a request"
_LITSERVE_VECTOR, _LITSERVE_TYPES = "LitServe, dynamic int8", "LitServe, the bundle's own graph"


def measure(setting: Setting) -> Finding:
    """Keep every server full in turn."""
    queries, source = load_queries()
    queries = queries[:_QUERIES]
    folder = exported(setting.bundle)
    seconds = setting.seconds(_SECONDS)
    batches = [queries[i : i + _BATCH] for i in range(0, len(queries), _BATCH)]
    with (
        served(setting, cache_mb=0) as ours,
        infinity(folder) as infinity_server,
        litserve("vectors", folder / "int8") as litserve_vectors,
        litserve("types", setting.bundle) as litserve_types,
        pinned(two_cores()[1]),
        LoadGenerator() as generator,
    ):
        single, many = generator.caller(ours.target), generator.caller(ours.target, BATCH_UNDERSTAND)
        vector, types = generator.caller(ours.target, EMBED), generator.caller(ours.target, CLASSIFY)
        singles, all_batches = [understand_request(each) for each in queries], [batch_request(each) for each in batches]
        to_infinity, to_litserve = infinity_requests(queries, 1), litserve_requests(queries)
        batches_to_infinity = infinity_requests(queries, _BATCH)
        ways: dict[str, Callable[[int], Played]] = {
            _OURS: lambda _: generator.keep_asking(single, singles, seconds, in_flight=IN_FLIGHT),
            _INFINITY: lambda _: keep_posting(infinity_server.target, to_infinity, seconds, in_flight=IN_FLIGHT),
            _VECTOR: lambda _: generator.keep_asking(vector, singles, seconds, in_flight=IN_FLIGHT),
            _LITSERVE_VECTOR: lambda _: keep_posting(
                litserve_vectors.target, to_litserve, seconds, in_flight=IN_FLIGHT
            ),
            _TYPES: lambda _: generator.keep_asking(types, singles, seconds, in_flight=IN_FLIGHT),
            _LITSERVE_TYPES: lambda _: keep_posting(litserve_types.target, to_litserve, seconds, in_flight=IN_FLIGHT),
            _OURS_BATCH: lambda _: generator.keep_asking(many, all_batches, seconds, in_flight=2),
            _INFINITY_BATCH: lambda _: keep_posting(infinity_server.target, batches_to_infinity, seconds, in_flight=2),
        }
        of = {
            _INFINITY: infinity_server,
            _INFINITY_BATCH: infinity_server,
            _LITSERVE_VECTOR: litserve_vectors,
            _LITSERVE_TYPES: litserve_types,
        }
        everybody = (ours.running, infinity_server, litserve_vectors, litserve_types)
        ways = {name: partial(_alone, way, of.get(name, ours.running), everybody) for name, way in ways.items()}
        for name, way in ways.items():
            if not (first := way(0)).latencies or first.broken:
                raise BenchmarkFailed(f"{name} did not answer as it should: {dict(first.codes)}")
        found = interleaved(ways, setting.times(ROUNDS))
    return _finding(found, source)


def _alone(way: Callable[[int], Played], server: Running, everybody: Sequence[Running], number: int) -> Played:
    """Load one server while the others stand still: some of them poll when nobody asks, on the same core."""
    others = [each for each in everybody if each is not server]
    try:
        for each in others:
            os.killpg(each.pid, signal.SIGSTOP)
        return way(number)
    finally:
        for each in others:
            os.killpg(each.pid, signal.SIGCONT)


def _finding(found: Mapping[str, Sequence[Played]], source: str) -> Finding:
    speeds = {
        name: [played.answers_per_second * (_BATCH if "64" in name else 1) for played in runs]
        for name, runs in found.items()
    }
    floors = tuple(
        Floor(f"{one} over {other}, queries/s", median_ratio(speeds[one], speeds[other]), least)
        for one, other, least in (
            (_VECTOR, _INFINITY, 1.5),
            (_OURS, _INFINITY, 1.5),
            (_OURS_BATCH, _INFINITY_BATCH, 1.5),
            (_VECTOR, _LITSERVE_VECTOR, 3.0),
            (_TYPES, _LITSERVE_TYPES, 3.0),
            (_OURS, _LITSERVE_TYPES, 3.0),
        )
    )
    peers = versions(("infinity-emb", "litserve", "optimum", "transformers", "onnxruntime", "torch"))
    answers = {
        _OURS: "types, heads",
        _OURS_BATCH: "types, heads",
        _INFINITY: "a vector",
        _INFINITY_BATCH: "a vector",
        _VECTOR: "a vector",
        _LITSERVE_VECTOR: "a vector",
        _TYPES: "types",
        _LITSERVE_TYPES: "five types",
    }
    return Finding(
        title="Beside other servers",
        claim="Queries per second of servers around the same weights in int8, each served the way fastest for it.",
        columns=("queries per second", "answers", "median", "lowest", "highest", "p99 ms"),
        rows=tuple(
            (
                name,
                answers[name],
                *(f"{each:,.0f}" for each in (statistics.median(speed), min(speed), max(speed))),
                f"{statistics.median(played.latency(99) for played in found[name]):,.0f}",
            )
            for name, speed in speeds.items()
        ),
        figures={floor.figure: floor.value for floor in floors},
        notes=(
            (
                f"{source.capitalize()}; medians of {len(found[_OURS])} rounds; {IN_FLIGHT} single requests in flight, or 2 "
                "batches; all servers on one core, one thread, the others stopped meanwhile, ours with the cache off. infinity-emb and the first "
                "LitServe run the encoder and mean pooling in ONNX Runtime's dynamic int8, the second LitServe the "
                "bundle's own graph, which is ours. None of them has our locale "
                "rules, tree, thresholds or head index to answer from. "
                + ", ".join(f"{name} {version}" for name, version in peers.items())
                + "."
            ),
        ),
        faults=missed(floors),
        floors=floors,
    )
