"""Which of those that wait are the next batch: bounds, like lengths together, and nobody waits for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfsense.serving.batch_choice import Bounds, choose
from shelfsense.serving.batch_cost import BatchCost, Pace

PADDED, PACKED = BatchCost(padding=1.0), BatchCost(padding=0.1)
LENGTHS = st.one_of(st.integers(3, 12), st.integers(3, 64))


@dataclass
class Waiter:
    """One that waits, and the batches that ran meanwhile."""

    tokens: int
    born: int = 0
    passed: int = 0


def waiters(lengths: Sequence[int]) -> list[Waiter]:
    return [Waiter(tokens, born) for born, tokens in enumerate(lengths)]


def chosen(lengths: Sequence[int], cost: BatchCost = PADDED, *, units: float = 1000, passes: int = 3) -> list[int]:
    return choose(waiters(lengths), cost, Bounds(units, 10_000, passes))


def test_few_of_like_lengths_are_one_batch() -> None:
    assert chosen([8, 7, 9, 8]) == [0, 1, 2, 3]


def test_a_long_one_does_not_pad_the_short_ones() -> None:
    assert chosen([8, 8, 64, 8, 7]) == [0, 1, 3, 4]
    assert chosen([64, *[8] * 9, 60]) == [0, 10]


def test_where_padding_is_cheap_the_queue_is_served_as_it_comes() -> None:
    assert chosen([8, 12, 16, 8, 7], PACKED) == [0, 1, 2, 3, 4]


def test_a_batch_ends_where_its_cost_would_pass_the_bound() -> None:
    # 12 a run, 8.5 each.
    assert chosen([8] * 9, units=12 + 3 * 8.5) == [0, 1, 2]


def test_one_beyond_every_bound_is_a_batch_of_its_own() -> None:
    assert choose(waiters([64, 8]), PADDED, Bounds(1, 1, 3)) == [0]


def test_who_was_passed_over_too_often_goes_first_whatever_the_padding() -> None:
    queue = [Waiter(8), Waiter(60, passed=1), Waiter(8), Waiter(8)]
    queue[0].passed = 1
    assert choose(queue, PADDED, Bounds(1000, 10_000, 1))[:2] == [0, 1]
    queue = [Waiter(8, passed=1), Waiter(60, passed=1), Waiter(8), Waiter(8)]
    # The second does not fit, and then nobody younger may go before it.
    assert choose(queue, PADDED, Bounds(60, 10_000, 1)) == [0]


@given(
    st.lists(LENGTHS, min_size=1, max_size=60), st.floats(0, 400), st.floats(1, 400), st.sampled_from([0.0, 0.1, 1.0])
)
def test_every_batch_keeps_its_bounds_and_has_the_oldest(
    lengths: list[int], units: float, tokens: float, padding: float
) -> None:
    cost = BatchCost(padding=padding)
    places = choose(waiters(lengths), cost, Bounds(units, tokens, 3))
    assert places[0] == 0
    assert places == sorted(set(places))
    size = len(places), sum(lengths[i] for i in places), max(lengths[i] for i in places)
    if len(places) > 1:
        assert cost.units(*size) <= units
        assert cost.tokens(*size) <= tokens


@given(
    st.lists(st.lists(LENGTHS, max_size=12), min_size=1, max_size=40),
    st.integers(0, 4),
    st.floats(20, 200),
    st.sampled_from([0.1, 1.0]),
)
def test_nobody_is_passed_over_more_often_than_allowed_nor_waits_longer_than_those_before_him_and_that(
    arrivals: list[list[int]], passes: int, units: float, padding: float
) -> None:
    """Some come before each batch.

    Who waits is overtaken in `passes` batches at most; all other batches that run meanwhile are of older ones, so
    that there are at most as many of them as were ahead.
    """
    queue: list[Waiter] = []
    ahead: dict[int, int] = {}
    waited: dict[int, int] = {}
    overtaken: dict[int, int] = {}
    born, coming = 0, iter(arrivals)
    while (new := next(coming, None)) is not None or queue:
        for tokens in new or []:
            ahead[born], waited[born], overtaken[born] = len(queue), 0, 0
            queue.append(Waiter(tokens, born))
            born += 1
        if not queue:
            continue
        places = set(choose(queue, BatchCost(padding=padding), Bounds(units, 1000, passes)))
        youngest = max(queue[place].born for place in places)
        queue = [each for place, each in enumerate(queue) if place not in places]
        for each in queue:
            waited[each.born] += 1
            overtaken[each.born] += each.born < youngest
    assert all(overtaken[each] <= passes for each in range(born))
    assert all(waited[each] <= passes + ahead[each] for each in range(born))


def test_a_cost_is_the_runs_the_queries_their_tokens_and_the_padding() -> None:
    cost = BatchCost(per_batch=10, per_query=1, padding=0.5)
    assert cost.units(2, 8, 6) == 10 + 2 + 8 + 0.5 * 4
    assert cost.alone(6) == cost.units(1, 6, 6)


def test_a_pace_follows_what_is_measured_and_one_stall_moves_it_little() -> None:
    pace = Pace()
    for _ in range(3):
        pace.learn(100, running_s=0.01, cycle_s=0.02, tokens_per_query=8)
    assert (pace.running, pace.draining, pace.tokens_per_query) == pytest.approx((1e-4, 2e-4, 8))
    pace.learn(100, running_s=5.0, cycle_s=5.0, tokens_per_query=8)
    assert pace.running == pytest.approx(1.3e-4)
    for _ in range(100):
        pace.learn(100, running_s=0.03, cycle_s=0.03, tokens_per_query=8)
    assert pace.running == pytest.approx(3e-4, rel=0.01)
