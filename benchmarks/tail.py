"""The slowest answers at half of what the server can do, beside what the engine and gRPC cost in any case."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import numpy as np

from benchmarks import echo
from benchmarks.finding import Finding, Floor, Setting, missed
from benchmarks.load.arrivals import poisson
from benchmarks.load.generator import Caller, LoadGenerator
from benchmarks.load.measuring import as_echoes, capacity
from benchmarks.load.played import Played
from benchmarks.load.query_mix import QueryMix, load_queries
from benchmarks.load.queue_simulation import measure_costs, simulate
from benchmarks.load.rounds import ROUNDS
from benchmarks.load.servers import bare, served
from benchmarks.machine import pinned, two_cores
from shelfsense.bundle import Bundle
from shelfsense.understander import Understander

_SECONDS = 6.0
_REPEATS = 8


@dataclass(frozen=True, slots=True)
class _Round:
    """One round; the three parts had the same arrivals."""

    ours: Played
    echoed: Played
    engine_p50: float
    engine_p99: float

    @property
    def ratio(self) -> float:
        return self.ours.latency(99) / (self.engine_p99 + self.echoed.latency(99))


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the rounds are made with."""

    generator: LoadGenerator
    ours: Caller
    echo: Caller
    mix: QueryMix
    understander: Understander
    answers: list[bytes]
    rate: float
    seconds: float
    repeats: int


def measure(setting: Setting) -> Finding:
    """Play the same arrivals to the server, to the echo, and to a simulated queue before the measured engine."""
    queries, source = load_queries()
    mix = QueryMix(queries)
    server_core, client_core = two_cores()
    with pinned(server_core):
        understander = Understander.load(Bundle.open(setting.bundle))
    with served(setting, cache_mb=0) as plain, bare() as echoing, pinned(client_core), LoadGenerator() as generator:
        to_plain = generator.caller(plain.target)
        full = capacity(generator, to_plain, mix, setting.seconds(_SECONDS))
        parts = _Parts(
            generator,
            to_plain,
            generator.caller(echoing.target, echo.METHOD),
            mix,
            understander,
            generator.ask_all(to_plain, mix.requests(1024), in_flight=16).samples,
            full / 2,
            setting.seconds(_SECONDS),
            setting.times(_REPEATS),
        )
        rounds = [_round(parts, number) for number in range(setting.times(ROUNDS))]
    return _finding(rounds, full, source)


def _round(parts: _Parts, number: int) -> _Round:
    arrivals = poisson(parts.rate, parts.seconds, seed=number)
    requests = parts.mix.requests(len(arrivals))
    ours = parts.generator.play(parts.ours, requests, arrivals)
    echoed = parts.generator.play(parts.echo, as_echoes(requests, parts.answers), arrivals)
    with pinned(two_cores()[0]):
        costs = measure_costs(parts.understander, parts.mix.queries, parts.repeats)
    # Several draws of the costs for the same arrivals: one alone has few samples behind its 99th percentile.
    simulated = [each for draw in range(8) for each in simulate(arrivals, costs, seed=draw)]
    p50, p99 = (float(each) for each in np.percentile(simulated, (50, 99)))
    return _Round(ours, echoed, p50, p99)


def _finding(rounds: list[_Round], full: float, source: str) -> Finding:
    ratio = statistics.median(each.ratio for each in rounds)
    errors = sum(each.ours.errors + each.echoed.errors for each in rounds)
    floors = (Floor("p99 at half of saturation over engine alone + echo", ratio, 1.3, at_most=True),)

    def middle(values: list[float]) -> str:
        return f"{statistics.median(values):.2f}"

    ours_p50, ours_p99 = ([each.ours.latency(p) for each in rounds] for p in (50, 99))
    echo_p50, echo_p99 = ([each.echoed.latency(p) for each in rounds] for p in (50, 99))
    return Finding(
        title="Tail at half of saturation",
        claim="How much later than engine and gRPC alone would allow the slowest hundredth is answered, cache off.",
        columns=("milliseconds, from when a request was to be sent", "p50", "p99"),
        rows=(
            (
                f"Understand, {full / 2:,.0f} of at most {full:,.0f} requests/s arriving",
                middle(ours_p50),
                middle(ours_p99),
            ),
            (
                "the same arrivals through the engine alone, simulated from its measured batch costs",
                middle([each.engine_p50 for each in rounds]),
                middle([each.engine_p99 for each in rounds]),
            ),
            ("bare echo, the same arrivals", middle(echo_p50), middle(echo_p99)),
            ("p99 over the sum of the two below it", "", middle([each.ratio for each in rounds])),
        ),
        figures={"ratio": ratio, "saturation_per_s": full, "p99_ms": statistics.median(ours_p99)},
        notes=(
            (
                f"{source.capitalize()}; Poisson arrivals; medians of {len(rounds)} rounds. The generator sent 99 % of its "
                f"requests within {statistics.median(np.percentile(each.ours.late, 99) for each in rounds):.2f} ms of their time, "
                "which counts as latency, for the echo too."
            ),
        ),
        faults=(*missed(floors), *((f"{errors} calls failed",) if errors else ())),
        floors=floors,
    )
