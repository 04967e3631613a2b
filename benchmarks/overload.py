"""Three times as many requests as the server can answer: what is still answered in time, and how the rest fails."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence

from benchmarks import echo
from benchmarks.finding import Finding, Floor, Setting, missed
from benchmarks.load.arrivals import poisson
from benchmarks.load.generator import LoadGenerator
from benchmarks.load.measuring import capacity, filled
from benchmarks.load.played import Played
from benchmarks.load.query_mix import QueryMix, load_queries
from benchmarks.load.rounds import ROUNDS
from benchmarks.load.servers import bare, served
from benchmarks.load.processor_time import ProcessorTime
from benchmarks.machine import pinned, two_cores
from shelfsense_client.calls import DEFAULT_TIMEOUT

_SECONDS = 5.0
_TIMES = 3.0
_NEVER = ("INTERNAL", "UNKNOWN")
_LATE = "shelfsense_late_starts_total"  # work begun after its deadline had passed


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
        offered = _TIMES * capacity(generator, to_plain, mix, seconds)

        def over(number: int) -> Played:
            arrivals = poisson(offered, seconds, seed=number)
            return generator.play(to_plain, mix.requests(len(arrivals)), arrivals, limit_s=DEFAULT_TIMEOUT)

        def rejected(number: int) -> float:
            arrivals = poisson(offered, seconds / 2, seed=number)
            before = ProcessorTime.of(rejecting.pid)
            played = generator.play(to_rejecting, mix.requests(len(arrivals)), arrivals)
            return ProcessorTime.of(rejecting.pid).since(before) / played.count

        overs, fulls, costs = [], [], []
        for number in range(setting.times(ROUNDS)):
            fulls.append(filled(generator, to_plain, mix, seconds / 2).answers_per_second)
            overs.append(over(number))
            costs.append(rejected(number))
        late = plain.metric(_LATE)
    return _finding(overs, fulls, costs, offered, late, source)


def _left(full: float, offered: float, reject_s: float) -> float:
    """Return the answers per second that rejecting the others leaves: answers / full + rejections x cost = 1."""
    return max(0.0, full * (1 - offered * reject_s) / (1 - full * reject_s))


def _finding(
    overs: Sequence[Played], fulls: Sequence[float], costs: Sequence[float], offered: float, late: float, source: str
) -> Finding:
    left = [_left(full, offered, cost) for full, cost in zip(fulls, costs, strict=True)]
    kept = statistics.median(
        played.within(DEFAULT_TIMEOUT * 1000) / played.seconds / most if most else float("inf")
        for played, most in zip(overs, left, strict=True)
    )
    codes: Counter[str] = sum((played.codes for played in overs), Counter())
    never = sum(codes[code] for code in _NEVER)
    floors = (
        Floor("goodput at 3 x capacity over what rejecting leaves", kept, 0.9),
        Floor("work started after its deadline", late, 0, at_most=True),
        Floor("calls that ended as INTERNAL or UNKNOWN", never, 0, at_most=True),
    )
    goodput = statistics.median(each.within(DEFAULT_TIMEOUT * 1000) / each.seconds for each in overs)
    return Finding(
        title="Three times the capacity",
        claim="What is answered in time when three times as many requests arrive as can be answered, cache off.",
        columns=("per second", "median"),
        rows=(
            ("answers when full, 64 in flight", f"{statistics.median(fulls):,.0f}"),
            ("requests offered", f"{offered:,.0f}"),
            ("left, once a bare server has rejected the others", f"{statistics.median(left):,.0f}"),
            (f"answered within {DEFAULT_TIMEOUT:g} s", f"{goodput:,.0f}"),
            ("p99 of those answers, milliseconds", f"{statistics.median(each.latency(99) for each in overs):,.0f}"),
            *((f"ended as {code}, share", f"{count / codes.total():.1%}") for code, count in codes.most_common()),
        ),
        figures={"goodput_kept": kept, "offered_per_s": offered, "reject_us": statistics.median(costs) * 1e6},
        notes=(
            (
                f"{source.capitalize()}; medians of {len(overs)} rounds. A rejection costs the bare server "
                f"{statistics.median(costs) * 1e6:,.0f} µs of CPU. Deadlines are the shipped client's. Work started late "
                f"is `{_LATE}` of the metrics page."
            ),
        ),
        faults=missed(floors),
        floors=floors,
    )
