"""One run against one server: what the callers saw, and what it cost the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import echo
from benchmarks.finding import BenchmarkFailed
from benchmarks.load.arrivals import poisson
from benchmarks.load.generator import Caller, LoadGenerator
from benchmarks.load.played import OK, Played
from benchmarks.load.processor_time import ProcessorTime
from benchmarks.load.query_mix import QueryMix
from shelfsense.v1 import query_understanding_pb2 as pb

IN_FLIGHT = 64
"""Requests in flight that are taken to fill a server: more than an engine batch takes in a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Cost:
    """A run and its cost.

    Attributes:
        played: what the callers saw.
        cpu_s: CPU seconds of the server.
        engine_cpu_s: of its engine's threads among them.
    """

    played: Played
    cpu_s: float
    engine_cpu_s: float

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU per answer."""
        return self.cpu_s / self.played.codes[OK] * 1e6

    @property
    def engine_cpu_us(self) -> float:
        """Of them, microseconds of the engine."""
        return self.engine_cpu_s / self.played.codes[OK] * 1e6


def costed(pid: int, run: Callable[[], Played]) -> Cost:
    """Carry out a run and read what it cost a process.

    Raises:
        BenchmarkFailed: nothing was answered, so that there is nothing to divide by.
    """
    before = ProcessorTime.of(pid)
    played = run()
    after = ProcessorTime.of(pid)
    if not played.latencies:
        raise BenchmarkFailed(f"no request was answered: {dict(played.codes)}")
    return Cost(played, after.since(before), after.engine_since(before))


def at_rate(generator: LoadGenerator, caller: Caller, mix: QueryMix, rate: float, seconds: float, seed: int) -> Played:
    """Play requests of a mix as they arrive at a rate."""
    arrivals = poisson(rate, seconds, seed=seed)
    return generator.play(caller, mix.requests(len(arrivals)), arrivals)


def filled(generator: LoadGenerator, caller: Caller, mix: QueryMix, seconds: float) -> Played:
    """Keep a server full with requests of a mix."""
    return generator.keep_asking(caller, mix.requests(int(8000 * seconds)), seconds, in_flight=IN_FLIGHT)


def capacity(generator: LoadGenerator, caller: Caller, mix: QueryMix, seconds: float) -> float:
    """Return the answers per second of a full server, after a second of warming.

    Raises:
        BenchmarkFailed: it answered nothing.
    """
    filled(generator, caller, mix, min(1.0, seconds))
    found = filled(generator, caller, mix, seconds)
    if not found.latencies:
        raise BenchmarkFailed(f"the server answered nothing: {dict(found.codes)}")
    return found.answers_per_second


def is_cache_hit(answer: bytes) -> bool:
    """Return whether an `UnderstandResponse` says that it came from the cache."""
    return pb.UnderstandResponse.FromString(answer).info.cache_hit


def as_echoes(requests: Sequence[bytes], answers: Sequence[bytes]) -> list[bytes]:
    """Return requests to the bare echo as long as these, for answers as long as those, which are used in turn."""
    return [
        echo.echo_request(max(echo.SMALLEST_REQUEST, len(request)), len(answers[i % len(answers)]))
        for i, request in enumerate(requests)
    ]
