"""Three times as many requests as the server can answer: what is still answered in time, and how the rest fails."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field

from benchmarks import echo
from benchmarks.finding import Finding, Floor, Setting, missed
from benchmarks.load.arrivals import poisson
from benchmarks.load.generator import Caller, LoadGenerator
from benchmarks.load.measuring import capacity, filled
from benchmarks.load.played import OK, Played
from benchmarks.load.processor_time import ProcessorTime
from benchmarks.load.query_mix import QueryMix, load_queries
from benchmarks.load.rounds import ROUNDS
from benchmarks.load.servers import bare, served
from benchmarks.machine import pinned, two_cores
from benchmarks.processes import Running
from shelfsense_client.calls import DEFAULT_TIMEOUT

_SECONDS = 5.0
_TIMES = 3.0
_NEVER = ("INTERNAL", "UNKNOWN")
_STAGE = "shelfsense_stage_seconds"
_READ = "shelfsense_batch_queries_sum"
_LIMIT_MS = DEFAULT_TIMEOUT * 1000


@dataclass(slots=True)
class _Found:
    """What the rounds found.

    Attributes:
        offered: requests per second.
        overs: what callers saw of them.
        fulls: answers per second of the full server, each just before.
        reject_s: CPU seconds of a bare rejection, each just after.
        wasted: queries that the engine read and nobody was answered with.
        late: queries that the engine read after their deadline.
    """

    offered: float
    overs: list[Played] = field(default_factory=list)
    fulls: list[float] = field(default_factory=list)
    reject_s: list[float] = field(default_factory=list)
    wasted: float = 0.0
    late: float = 0.0

    def left(self) -> list[float]:
        """Return, per round, the answers per second that rejecting leaves: answers / full + rejections x cost = 1."""
        rounds = zip(self.fulls, self.reject_s, strict=True)
        return [max(0.0, full * (1 - self.offered * cost) / (1 - full * cost)) for full, cost in rounds]

    def goodput(self) -> list[float]:
        """Return, per round, the answers per second that came in time."""
        return [played.within(_LIMIT_MS) / played.seconds for played in self.overs]


def measure(setting: Setting) -> Finding:
    """Offer three times the capacity, with the client's own deadline; beside it, fill it, and have a bare server reject."""
    queries, source = load_queries()
    mix = QueryMix(queries)
    seconds = setting.seconds(_SECONDS)
    with (
        served(setting, cache_mb=0) as plain,
        bare("benchmarks.rejecting") as rejecting,
        pinned(two_cores()[1]),
        LoadGenerator() as generator,
    ):
        to_plain = generator.caller(plain.target)
        to_rejecting = generator.caller(rejecting.target, echo.METHOD)
        found = _Found(_TIMES * capacity(generator, to_plain, mix, seconds))
        for number in range(setting.times(ROUNDS)):
            found.fulls.append(filled(generator, to_plain, mix, seconds / 2).answers_per_second)
            arrivals = poisson(found.offered, seconds, seed=number)
            read = plain.metric(_READ)
            found.overs.append(generator.play(to_plain, mix.requests(len(arrivals)), arrivals, limit_s=DEFAULT_TIMEOUT))
            found.wasted += max(0.0, plain.metric(_READ) - read - found.overs[-1].codes[OK])
            found.reject_s.append(_rejection_s(rejecting, generator, to_rejecting, found.offered, seconds / 2))
        # All calls have one deadline, so what waited for longer was begun too late.
        in_time = plain.metric(f"{_STAGE}_bucket", stage="queue", le=str(DEFAULT_TIMEOUT))
        found.late = plain.metric(f"{_STAGE}_count", stage="queue") - in_time
    return _finding(found, source)


def _rejection_s(server: Running, generator: LoadGenerator, caller: Caller, rate: float, seconds: float) -> float:
    """Return what a rejection costs the bare server at a rate, in CPU seconds."""
    arrivals = poisson(rate, seconds, seed=0)
    before = ProcessorTime.of(server.pid)
    played = generator.play(caller, [b"rejected"] * len(arrivals), arrivals)
    return ProcessorTime.of(server.pid).since(before) / played.count


def _finding(found: _Found, source: str) -> Finding:
    left, goodput = found.left(), found.goodput()
    kept = statistics.median(got / most if most else float("inf") for got, most in zip(goodput, left, strict=True))
    codes: Counter[str] = sum((played.codes for played in found.overs), Counter())
    floors = (
        Floor("goodput at 3 x capacity over what rejecting leaves", kept, 0.9),
        Floor("work started after its deadline", found.late, 0, at_most=True),
        Floor("calls that ended as INTERNAL or UNKNOWN", sum(codes[code] for code in _NEVER), 0, at_most=True),
    )
    rejection_us = statistics.median(found.reject_s) * 1e6
    return Finding(
        title="Three times the capacity",
        claim="What is answered in time when three times as many requests arrive as can be answered, cache off.",
        columns=("per second", "median"),
        rows=(
            ("answers when full, 64 in flight", f"{statistics.median(found.fulls):,.0f}"),
            ("requests offered", f"{found.offered:,.0f}"),
            ("left, once a bare server has rejected the others", f"{statistics.median(left):,.0f}"),
            (f"answered within {DEFAULT_TIMEOUT:g} s", f"{statistics.median(goodput):,.0f}"),
            (
                "p99 of those answers, milliseconds",
                f"{statistics.median(each.latency(99) for each in found.overs):,.0f}",
            ),
            *((f"ended as {code}, share", f"{count / codes.total():.1%}") for code, count in codes.most_common()),
        ),
        figures={"goodput_kept": kept, "offered_per_s": found.offered, "rejection_us": rejection_us},
        notes=(
            (
                f"{source.capitalize()}; medians of {len(left)} rounds. A rejection costs the bare server "
                f"{rejection_us:,.0f} µs of CPU. Deadlines are the shipped client's. Work started late is what had waited that "
                f"long for the engine, by `{_STAGE}` of the metrics page; the engine read {found.wasted:,.0f} queries in "
                "time whose callers had left before the answer."
            ),
        ),
        faults=missed(floors),
        floors=floors,
    )
