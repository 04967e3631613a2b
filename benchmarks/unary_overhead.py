"""What the server adds to its engine for one query, beside what a bare echo costs; and what the cache saves."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks import echo
from benchmarks.finding import Finding, Floor, Setting, missed
from benchmarks.load.arrivals import poisson
from benchmarks.load.generator import LoadGenerator
from benchmarks.load.measuring import Cost, as_echoes, at_rate, capacity, costed, filled, is_cache_hit
from benchmarks.load.query_mix import QueryMix, load_queries
from benchmarks.load.rounds import ROUNDS, interleaved, median_ratio
from benchmarks.load.servers import CACHE_MB, bare, served
from benchmarks.machine import pinned, two_cores

_SECONDS = 3.0
_HITS = 0.8
_ALONE, _ECHO, _CACHED, _FULL = "Understand", "echo", "cached", "full"


def measure(setting: Setting) -> Finding:
    """Load ours and the echo at one rate, and ours with and without the cache until it is full."""
    queries, source = load_queries()
    rounds, seconds = setting.times(ROUNDS), setting.seconds(_SECONDS)
    new, again = QueryMix(queries), QueryMix(queries, hits=_HITS, seed=1)
    with (
        served(setting, cache_mb=0) as plain,
        served(setting, cache_mb=CACHE_MB) as caching,
        bare() as echoing,
        pinned(two_cores()[1]),
        LoadGenerator() as generator,
    ):
        to_plain, to_caching = generator.caller(plain.target), generator.caller(caching.target)
        to_echo = generator.caller(echoing.target, echo.METHOD)
        rate = capacity(generator, to_plain, new, seconds) / 2
        answers = generator.ask_all(to_plain, new.requests(1024), in_flight=16).samples
        generator.ask_all(to_caching, again.often(), in_flight=16)

        def echoed(number: int) -> Cost:
            arrivals = poisson(rate, seconds, seed=number)
            requests = as_echoes(new.requests(len(arrivals)), answers)
            return costed(echoing.pid, lambda: generator.play(to_echo, requests, arrivals))

        found = interleaved(
            {
                _ALONE: lambda n: costed(plain.pid, lambda: at_rate(generator, to_plain, new, rate, seconds, n)),
                _ECHO: echoed,
                _FULL: lambda _: costed(plain.pid, lambda: filled(generator, to_plain, new, seconds)),
                _CACHED: lambda _: costed(caching.pid, lambda: filled(generator, to_caching, again, seconds)),
            },
            rounds,
        )
    return _finding(found, rate, source)


def _finding(found: Mapping[str, Sequence[Cost]], rate: float, source: str) -> Finding:
    ours, echoes, full, cached = (found[name] for name in (_ALONE, _ECHO, _FULL, _CACHED))
    added = median_ratio([each.cpu_us - each.engine_cpu_us for each in ours], [each.cpu_us for each in echoes])
    per_cpu = median_ratio([1 / each.cpu_us for each in cached], [1 / each.cpu_us for each in full])
    per_second = median_ratio(
        [each.played.answers_per_second for each in cached], [each.played.answers_per_second for each in full]
    )
    hits = statistics.median(each.played.share(is_cache_hit) for each in cached)
    floors = (
        Floor("server CPU less engine CPU, per Understand, over the bare echo's", added, 1.5, at_most=True),
        Floor("answers per CPU second, 80 % cache hits over none", per_cpu, 2.0),
    )
    errors = sum(each.played.errors for each in (*ours, *echoes)) + sum(each.played.broken for each in (*full, *cached))
    return Finding(
        title="What the server adds to one query",
        claim="CPU of the server beside that of its engine and of a bare asyncio gRPC echo of the same message lengths.",
        columns=("µs of CPU per answer", "all", "engine", "the rest", "answers/s"),
        rows=(
            _row(f"Understand, cache off, {rate:,.0f} requests/s arriving", ours),
            _row("bare echo, the same arrivals", echoes, has_engine=False),
            _row("Understand, cache off, 64 in flight", full),
            _row("Understand, 80 % cache hits, 64 in flight", cached),
        ),
        figures={"added_over_echo": added, "hits_per_cpu": per_cpu, "hits_per_second": per_second, "hit_share": hits},
        notes=(
            (
                f"{source.capitalize()}. Medians of {len(ours)} rounds. {hits:.0%} of the answers of the last row "
                f"came from the cache; their rate was {per_second:.2f} times that of the row above."
            ),
        ),
        faults=(*missed(floors), *((f"{errors} calls failed",) if errors else ())),
        floors=floors,
    )


def _row(name: str, costs: Sequence[Cost], *, has_engine: bool = True) -> tuple[str, ...]:
    whole = statistics.median(each.cpu_us for each in costs)
    engine = statistics.median(each.engine_cpu_us for each in costs)
    rate = statistics.median(each.played.answers_per_second for each in costs)
    if not has_engine:
        return name, f"{whole:,.0f}", "", f"{whole:,.0f}", f"{rate:,.0f}"
    return name, f"{whole:,.0f}", f"{engine:,.0f}", f"{whole - engine:,.0f}", f"{rate:,.0f}"
