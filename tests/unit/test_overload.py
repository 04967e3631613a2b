"""The queue and its admission under load, on a simulated clock: one engine, calls that come whatever happens."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from shelfsense.serving.admission import Admission, AdmissionLimits
from shelfsense.serving.batch_cost import BatchCost, Pace
from shelfsense.serving.errors import Overloaded
from shelfsense.serving.waiting_room import Call, Entry, WaitingRoom

SECONDS_PER_UNIT = 80e-6
LENGTHS = (4, 5, 6, 6, 7, 7, 8, 8, 9, 10, 11, 12, 15)


class Asked(Call):
    """A call of one query or more, and how many are not answered yet."""

    __slots__ = ("missing",)

    def __init__(self, since: float, expires: float, queries: int) -> None:
        super().__init__(expires, since, bulk=queries > 8)
        self.missing = queries


@dataclass
class Shop:
    """An engine that takes exactly what a batch costs, the room before it, and what became of the calls.

    Attributes:
        slowness: seconds of a batch over those of its cost.
        refusal_s: seconds of the one core that a refusal takes.
    """

    slowness: float = 1.0
    refusal_s: float = 0.0
    limits: AdmissionLimits = field(default_factory=lambda: AdmissionLimits(65536))
    seed: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.cost, self.pace = BatchCost(padding=0.1), Pace()
        self.room: WaitingRoom[Asked, None] = WaitingRoom(
            self.cost, self.pace, most_tokens=1024, target_s=0.015, most_passes=8, bulk_share=0.25
        )
        self.fate: Counter[str] = Counter()
        self.latencies: list[float] = []
        self.bulk_latencies: list[float] = []
        self.busy_s = 0.0
        self.engine_units = 0.0
        self.free_at = 0.0
        self.stolen_s = 0.0
        self.admission = Admission(
            self.room, self.cost, self.pace, self.limits, lambda reason: self.fate.update([reason])
        )

    def come(self, now: float, deadline_s: float, queries: int = 1) -> None:
        """Let one call come."""
        lengths = [self.chance.choice(LENGTHS) for _ in range(queries)]
        call = Asked(now, now + deadline_s, queries)
        self.fate["offered"] += 1
        try:
            self.admission.admit(queries, sum(lengths), bulk=call.bulk, expires=call.expires, now=now)
        except Overloaded:
            self.stolen_s += self.refusal_s
            return
        for place, length in enumerate(lengths):
            self.room.add(Entry(call, None, length, place))

    def run_batch(self, now: float) -> float | None:
        """Run the next batch and return when it ends, None where nobody waits."""
        taken = self.room.take(now, sure=True)
        self.fate["expired"] += len(taken.expired)
        self.fate["hopeless"] += len(taken.hopeless)
        if not taken.batch:
            return None
        assert all(entry.call.expires > now for entry in taken.batch)
        self.admission.busy_until = now + taken.units * self.pace.draining
        # One core: what refusing took, the batch did not have.
        seconds = taken.units * SECONDS_PER_UNIT * self.slowness * self.chance.uniform(0.8, 1.2) + self.stolen_s
        self.stolen_s = 0.0
        ends = now + seconds
        self.busy_s += seconds
        self.engine_units += taken.units
        mean = sum(entry.tokens for entry in taken.batch) / len(taken.batch)
        self.pace.learn(taken.units, running_s=seconds, cycle_s=seconds, tokens_per_query=mean)
        for entry in taken.batch:
            call = entry.call
            call.missing -= 1
            if not call.missing:
                late = ends > call.expires
                self.fate["late" if late else "in time"] += 1
                (self.bulk_latencies if call.bulk else self.latencies).append(ends - call.since)
        return ends

    def play(self, arrivals: list[tuple[float, float, int]], until: float) -> None:
        """Let calls (when, deadline in seconds, queries) come, and the engine run, until a time."""
        now, ends = 0.0, None
        waiting = iter([*arrivals, (float("inf"), 0.0, 1)])
        following = next(waiting)
        while now < until:
            if ends is None or following[0] < ends:
                now = following[0]
                if now >= until:
                    return
                self.come(*following)
                following = next(waiting)
                if ends is None:
                    ends = self.run_batch(now)
            else:
                now = ends
                ends = self.run_batch(now)


def capacity(*, slowness: float = 1.0) -> float:
    """Return the queries per second of full batches."""
    queries = 20
    units = BatchCost(padding=0.1).units(queries, round(queries * sum(LENGTHS) / len(LENGTHS)), 15)
    return queries / (units * SECONDS_PER_UNIT * slowness)


def poisson(rate: float, seconds: float, deadline_s: float, *, seed: int = 1) -> list[tuple[float, float, int]]:
    chance, now, found = random.Random(seed), 0.0, []
    while (now := now + chance.expovariate(rate)) < seconds:
        found.append((now, deadline_s, 1))
    return found


@pytest.mark.parametrize("deadline_s", [0.04, 0.1, 0.25, 1.0, 10.0])
def test_at_three_times_capacity_answers_in_time_are_as_many_as_the_engine_can_give(deadline_s: float) -> None:
    shop = Shop()
    shop.play(poisson(3 * capacity(), 10, deadline_s), 10)
    assert shop.fate["in time"] >= 0.9 * capacity() * 10
    assert shop.fate["late"] <= 0.02 * shop.fate["in time"]


def test_a_standing_queue_is_cut_so_that_nobody_waits_for_long() -> None:
    shop = Shop()
    shop.play(poisson(3 * capacity(), 10, 10.0), 10)
    settled = sorted(shop.latencies[len(shop.latencies) // 2 :])
    assert settled[int(0.99 * len(settled))] < 0.35  # what callers with ten seconds to live may wait, and a batch


def test_a_lenient_queue_refuses_nobody_whose_deadline_can_be_met() -> None:
    load = poisson(1.3 * capacity(), 4, 3.0)
    strict, lenient = Shop(), Shop()
    lenient.admission.lenient = True
    strict.play(load, 4)
    lenient.play(load, 4)
    assert strict.fate["limit"] > 0
    assert lenient.fate["limit"] == lenient.fate["deadline"] == lenient.fate["expired"] == 0


def test_a_burst_is_answered_whole() -> None:
    shop = Shop()
    calls = round(0.8 * capacity())
    shop.play([(1.0, 5.0, 1)] * calls, 5)
    assert shop.fate["in time"] == calls


@pytest.mark.parametrize("load", [0.5, 0.7, 0.9])
def test_below_capacity_nobody_is_refused(load: float) -> None:
    shop = Shop()
    shop.play(poisson(load * capacity(), 10, 1.0), 11)
    assert shop.fate["in time"] >= 0.999 * shop.fate["offered"]


def test_an_engine_that_becomes_slow_is_noticed_and_goodput_holds_at_its_new_pace() -> None:
    shop = Shop()
    arrivals = poisson(0.9 * capacity(), 20, 0.25)
    shop.play([each for each in arrivals if each[0] < 5], 5)
    shop.slowness = 3.0
    before = shop.fate["in time"]
    shop.play([each for each in arrivals if each[0] >= 5], 20)
    assert shop.fate["in time"] - before >= 0.85 * capacity(slowness=3.0) * 15


def test_single_calls_hardly_wait_for_a_bulk_call_and_bulk_is_answered() -> None:
    alone, beside = Shop(), Shop()
    arrivals = poisson(0.4 * capacity(), 10, 1.0)
    alone.play(arrivals, 10)
    bulk = [(0.5 + i, 10.0, 1024) for i in range(4)]
    beside.play(sorted([*arrivals, *bulk]), 10)
    assert len(beside.bulk_latencies) == 4
    p99 = [sorted(shop.latencies)[int(0.99 * len(shop.latencies))] for shop in (alone, beside)]
    assert p99[1] < p99[0] + 0.03  # two batches
    assert beside.fate["in time"] == beside.fate["offered"]


def test_bulk_gets_its_share_while_single_calls_ask_for_everything() -> None:
    shop = Shop()
    bulk = [(0.1, 60.0, 1024)]
    shop.play(sorted([*poisson(3 * capacity(), 10, 0.25), *bulk]), 10)
    # 1,024 queries at a quarter of the engine.
    assert shop.bulk_latencies[0] == pytest.approx(1024 / capacity() / 0.25, rel=0.25)
