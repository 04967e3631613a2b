"""What gRPC leaves of the speed of a loop without a server, in batches; and what the cache adds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from benchmarks.finding import BenchmarkFailed, Finding, Floor, Setting, missed
from benchmarks.load.generator import BATCH_UNDERSTAND, Caller, LoadGenerator
from benchmarks.load.query_mix import QueryMix, batch_request, load_queries
from benchmarks.load.rounds import ROUNDS, interleaved, median_ratio
from benchmarks.load.servers import CACHE_MB, served
from benchmarks.machine import pinned, two_cores
from shelfsense.bundle import Bundle
from shelfsense.query import Query
from shelfsense.understander import Understander
from shelfsense.v1 import query_understanding_pb2 as pb

_BATCH = 64
_BATCHES = 16
_HITS = 0.8
_OFFLINE, _ONE, _TWO, _CACHED = "offline loop", "1 in flight", "2 in flight", "80 % cache hits"


def measure(setting: Setting) -> Finding:
    """Answer the same batches offline and over gRPC, and batches of often asked queries from the cache."""
    queries, source = load_queries()
    new, again = QueryMix(queries), QueryMix(queries, hits=_HITS, seed=1)
    count = setting.times(_BATCHES)
    batches = [new.queries(_BATCH) for _ in range(count)]
    requests = [batch_request(batch) for batch in batches]
    server_core, client_core = two_cores()
    with pinned(server_core):
        understander = Understander.load(Bundle.open(setting.bundle))
    with (
        served(setting, cache_mb=0) as plain,
        served(setting, cache_mb=CACHE_MB) as caching,
        pinned(client_core),
        LoadGenerator() as generator,
    ):
        to_plain = generator.caller(plain.target, BATCH_UNDERSTAND, channels=1)
        to_caching = generator.caller(caching.target, BATCH_UNDERSTAND, channels=1)
        generator.ask_all(generator.caller(caching.target), again.often(), in_flight=16)

        def over_grpc(caller: Caller, asked: Sequence[bytes], in_flight: int) -> float:
            played = generator.ask_all(caller, asked, in_flight=in_flight)
            if played.errors or any(_has_error(answer) for answer in played.samples):
                raise BenchmarkFailed(f"not every query was answered: {dict(played.codes)}")
            return len(asked) * _BATCH / played.seconds

        ways: dict[str, Callable[[int], float]] = {
            _OFFLINE: lambda _: _offline(understander, batches),
            _ONE: lambda _: over_grpc(to_plain, requests, 1),
            _TWO: lambda _: over_grpc(to_plain, requests, 2),
            _CACHED: lambda _: over_grpc(to_caching, again.batches(count, _BATCH), 2),
        }
        for way in ways.values():
            way(0)
        speeds = interleaved(ways, setting.times(ROUNDS))
    return _finding(speeds, source)


def _offline(understander: Understander, batches: Sequence[Sequence[Query]]) -> float:
    """Return the queries per second of a loop over the batches, on the server's core."""
    with pinned(two_cores()[0]):
        began = time.perf_counter()
        for batch in batches:
            understander.understand(batch)
        return len(batches) * _BATCH / (time.perf_counter() - began)


def _has_error(answer: bytes) -> bool:
    return any(item.HasField("error") for item in pb.BatchUnderstandResponse.FromString(answer).items)


def _finding(speeds: dict[str, list[float]], source: str) -> Finding:
    wire = median_ratio(speeds[_TWO], speeds[_OFFLINE])
    cached = median_ratio(speeds[_CACHED], speeds[_TWO])
    floors = (
        Floor(f"BatchUnderstand of {_BATCH} over the offline loop", wire, 0.85),
        Floor("batches with 80 % cache hits over none", cached, 3.0),
    )
    names = {
        _OFFLINE: "offline loop, `Understander.understand` of 64",
        _ONE: "BatchUnderstand of 64, cache off, 1 in flight",
        _TWO: "BatchUnderstand of 64, cache off, 2 in flight",
        _CACHED: "BatchUnderstand of 64, 80 % cache hits, 2 in flight",
    }
    return Finding(
        title="Batches over gRPC",
        claim="How much of the speed of a loop in one process the service keeps.",
        columns=("queries per second", "median", "lowest", "highest"),
        rows=tuple(
            (name, *(f"{each:,.0f}" for each in (statistics.median(speeds[key]), min(speeds[key]), max(speeds[key]))))
            for key, name in names.items()
        ),
        figures={"wire_over_offline": wire, "cached_over_new": cached}
        | {name: statistics.median(found) for name, found in speeds.items()},
        notes=(
            (
                f"{source.capitalize()}. Medians of {len(speeds[_OFFLINE])} rounds; loop and server on one core, the client "
                "on another. The floor is held against 2 in flight, so that the server always has a batch to go on with."
            ),
        ),
        faults=missed(floors),
        floors=floors,
    )
