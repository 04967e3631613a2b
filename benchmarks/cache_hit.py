"""How long an answer from the cache takes, beside a bare echo."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks import echo
from benchmarks.finding import Finding, Floor, Setting, missed
from benchmarks.load.arrivals import poisson
from benchmarks.load.generator import Caller, LoadGenerator
from benchmarks.load.measuring import as_echoes, is_cache_hit
from benchmarks.load.played import Played
from benchmarks.load.query_mix import QueryMix, load_queries
from benchmarks.load.rounds import ROUNDS, interleaved
from benchmarks.load.servers import bare, served
from benchmarks.machine import pinned, two_cores

_SECONDS = 2.0
_RATE = 500.0  # about what a busy shop asks one process, and far from the limit of either server
_ALONE, _ARRIVING, _ECHO_ALONE, _ECHO_ARRIVING = "one", "arriving", "echo one", "echo arriving"


def measure(setting: Setting) -> Finding:
    """Ask what is in the cache, one after another and as it arrives, an echo after each."""
    queries, source = load_queries()
    mix = QueryMix(queries, hits=1.0)
    seconds, rounds = setting.seconds(_SECONDS), setting.times(ROUNDS)
    with served(setting) as caching, bare() as echoing, pinned(two_cores()[1]), LoadGenerator() as generator:
        ours = generator.caller(caching.target, channels=1)
        bare_one = generator.caller(echoing.target, echo.METHOD, channels=1)
        generator.ask_all(ours, mix.often(), in_flight=16)
        answers = generator.ask_all(ours, mix.requests(1024), in_flight=4).samples
        requests = mix.requests(5000)
        echoes = as_echoes(requests, answers)

        def arriving(caller: Caller, asked: Sequence[bytes], number: int) -> Played:
            arrivals = poisson(_RATE, seconds, seed=number)
            return generator.play(caller, asked[: len(arrivals)], arrivals)

        found = interleaved(
            {
                _ALONE: lambda _: generator.keep_asking(ours, requests, seconds, in_flight=1),
                _ECHO_ALONE: lambda _: generator.keep_asking(bare_one, echoes, seconds, in_flight=1),
                _ARRIVING: lambda n: arriving(ours, requests, n),
                _ECHO_ARRIVING: lambda n: arriving(bare_one, echoes, n),
            },
            rounds,
        )
    return _finding(found, source)


def _finding(found: dict[str, list[Played]], source: str) -> Finding:
    def ratio(ours: str, bare_one: str, percentile: float) -> float:
        pairs = zip(found[ours], found[bare_one], strict=True)
        return statistics.median(a.latency(percentile) / b.latency(percentile) for a, b in pairs)

    floors = tuple(
        Floor(f"cache hit over bare echo, {way}, p{percentile}", ratio(*names, percentile), limit, at_most=True)
        for way, names in {
            "one at a time": (_ALONE, _ECHO_ALONE),
            f"{_RATE:,.0f} requests/s arriving": (_ARRIVING, _ECHO_ARRIVING),
        }.items()
        for percentile, limit in ((50, 1.3), (99, 2.0))
    )
    hits = min(each.share(is_cache_hit) for name in (_ALONE, _ARRIVING) for each in found[name])
    errors = sum(each.errors for runs in found.values() for each in runs)
    faults = [*missed(floors)]
    faults += [f"only {hits:.0%} of the answers of one round came from the cache"] if hits < 1 else []
    faults += [f"{errors} calls failed"] if errors else []
    return Finding(
        title="An answer from the cache",
        claim="How long a query takes whose answer is known, beside a bare asyncio gRPC echo of the same lengths.",
        columns=("milliseconds", "p50", "p99"),
        rows=(
            ("cache hit, one at a time", *_cells(found[_ALONE])),
            ("bare echo, one at a time", *_cells(found[_ECHO_ALONE])),
            (f"cache hit, {_RATE:,.0f} requests/s arriving", *_cells(found[_ARRIVING])),
            (f"bare echo, {_RATE:,.0f} requests/s arriving", *_cells(found[_ECHO_ARRIVING])),
        ),
        figures={floor.figure: floor.value for floor in floors},
        notes=(f"{source.capitalize()}, Zipf. Medians of {len(found[_ALONE])} rounds; one connection.",),
        faults=tuple(faults),
        floors=floors,
    )


def _cells(runs: Sequence[Played]) -> tuple[str, str]:
    p50, p99 = (statistics.median(each.latency(percentile) for each in runs) for percentile in (50, 99))
    return f"{p50:.3f}", f"{p99:.3f}"
