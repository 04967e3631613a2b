"""Twenty minutes at 70 % of what the server can do: whether it grows, and whether it slows down."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import echo
from benchmarks.finding import Finding, Floor, Setting, missed
from benchmarks.load.arrivals import poisson
from benchmarks.load.generator import LoadGenerator
from benchmarks.load.measuring import as_echoes, capacity
from benchmarks.load.played import Played
from benchmarks.load.query_mix import QueryMix, load_queries
from benchmarks.load.servers import CACHE_MB, bare, served
from benchmarks.machine import pinned, two_cores

_MINUTES = 20
_SAMPLE_S = 10.0
_ECHO_S = 1.0  # of each sample; the server rests meanwhile
_SHARE = 0.7
_WARMING = 0.25  # of the time, in which caches fill and memory may grow


@dataclass(frozen=True, slots=True)
class _Sample:
    """Ten seconds: when they ended, resident MB then, and what callers saw of both servers."""

    at_s: float
    memory_mb: float
    ours: Played
    echoed: Played


def measure(setting: Setting) -> Finding:
    """Load the server and, a tenth of the time, the echo, with every tenth second's memory written down."""
    queries, source = load_queries()
    # Half of the queries again and again: the cache fills to its bound, and evicts.
    mix = QueryMix(queries, hits=0.5)
    samples_wanted = 8 if setting.quick else round(_MINUTES * 60 / _SAMPLE_S)
    seconds = setting.seconds(_SAMPLE_S - _ECHO_S)
    with (
        served(setting, cache_mb=CACHE_MB) as ours,
        bare() as echoing,
        pinned(two_cores()[1]),
        LoadGenerator() as generator,
    ):
        to_ours, to_echo = generator.caller(ours.target), generator.caller(echoing.target, echo.METHOD)
        generator.ask_all(to_ours, mix.often(), in_flight=16)
        rate = _SHARE * capacity(generator, to_ours, mix, seconds)
        answers = generator.ask_all(to_ours, mix.requests(1024), in_flight=16).samples
        began, samples = time.monotonic(), []
        for number in range(samples_wanted):
            arrivals = poisson(rate, seconds, seed=number)
            played = generator.play(to_ours, mix.requests(len(arrivals)), arrivals)
            few = poisson(rate, _ECHO_S, seed=number)
            echoed = generator.play(to_echo, as_echoes(mix.requests(len(few)), answers), few)
            samples.append(_Sample(time.monotonic() - began, ours.running.memory_mb(), played, echoed))
    return _finding(samples, rate, source)


def _finding(samples: Sequence[_Sample], rate: float, source: str) -> Finding:
    settled = samples[int(len(samples) * _WARMING) :]
    slope, middle = _slope(settled)
    quarter = max(1, len(samples) // 4)
    first, last = _p99s(samples[:quarter]), _p99s(samples[-quarter:])
    slower = (last[0] / last[1]) / (first[0] / first[1])
    errors = sum(sample.ours.errors for sample in samples)
    floors = (
        Floor("growth of resident memory per hour, share", slope / middle, 0.05, at_most=True),
        Floor("p99 relative to the echo, last quarter over first", slower, 1.3, at_most=True),
    )
    minutes = samples[-1].at_s / 60
    return Finding(
        title="A long time under load",
        claim=f"Whether {minutes:.0f} minutes at {_SHARE:.0%} of its limit make the server larger or slower.",
        columns=("", "first quarter", "last quarter"),
        rows=(
            ("p99 of Understand, ms", f"{first[0]:.2f}", f"{last[0]:.2f}"),
            ("p99 of the bare echo, ms", f"{first[1]:.2f}", f"{last[1]:.2f}"),
            (
                "resident memory, MB",
                *(
                    f"{statistics.median(s.memory_mb for s in part):.1f}"
                    for part in (samples[:quarter], samples[-quarter:])
                ),
            ),
        ),
        figures={"growth_per_hour": slope / middle, "slower": slower, "rate_per_s": rate, "minutes": minutes},
        notes=(
            (
                f"{source.capitalize()}, half of them asked again and again; {rate:,.0f} requests/s arriving, "
                f"{sum(s.ours.count for s in samples):,} in all, the echo in the last second of every ten. The slope of "
                f"memory is the least-squares line through the last {1 - _WARMING:.0%} of the samples."
            ),
        ),
        faults=(*missed(floors), *((f"{errors} calls failed",) if errors else ())),
        floors=floors,
    )


def _slope(samples: Sequence[_Sample]) -> tuple[float, float]:
    """Return MB per hour and the median MB."""
    times = [sample.at_s / 3600 for sample in samples]
    memory = [sample.memory_mb for sample in samples]
    return float(np.polyfit(times, memory, 1)[0]), statistics.median(memory)


def _p99s(samples: Sequence[_Sample]) -> tuple[float, float]:
    """Return the median p99 of ours and of the echo; of the samples, as one bad second should not decide."""
    ours, bare_one = ([part.latency(99) for part in parts] for parts in _both(samples))
    return statistics.median(ours), statistics.median(bare_one)


def _both(samples: Sequence[_Sample]) -> tuple[list[Played], list[Played]]:
    return [sample.ours for sample in samples], [sample.echoed for sample in samples]
