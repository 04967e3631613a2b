"""The rate of one caller: what may be asked at once, what comes back, and what a large call leaves behind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfsense.serving.rate_limit import RateLimit


def test_a_burst_passes_and_the_next_query_waits_for_its_share() -> None:
    limit = RateLimit(rate=10, burst=3, now=0.0)
    assert [limit.take(1, 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limit.take(1, 0.0) == pytest.approx(0.1)


def test_whoever_waits_as_told_is_let_through() -> None:
    limit = RateLimit(rate=7, burst=2, now=0.0)
    limit.take(2, 0.0)
    wait = limit.take(2, 0.0)
    assert limit.take(2, wait * 0.99) > 0
    assert limit.take(2, wait + 1e-9) == 0.0


def test_a_refused_call_takes_nothing() -> None:
    limit = RateLimit(rate=1, burst=10, now=0.0)
    limit.take(8, 0.0)
    for _ in range(100):
        assert limit.take(5, 0.0) == pytest.approx(3.0)
    assert limit.take(2, 0.0) == 0.0


def test_a_call_larger_than_the_burst_passes_when_the_bucket_is_full_and_leaves_a_debt() -> None:
    limit = RateLimit(rate=100, burst=50, now=0.0)
    assert limit.take(1000, 0.0) == 0.0
    assert limit.take(1, 0.0) == pytest.approx(9.51)  # 950 owed and one more, at 100 a second
    assert limit.take(1, 9.52) == 0.0


def test_a_quiet_time_saves_up_one_burst_and_no_more() -> None:
    limit = RateLimit(rate=10, burst=5, now=0.0)
    assert [limit.take(1, 3600.0) for _ in range(5)] == [0.0] * 5
    assert limit.take(1, 3600.0) > 0


def test_another_rate_refills_nobody() -> None:
    limit = RateLimit(rate=1, burst=10, now=0.0)
    limit.take(10, 0.0)
    faster = limit.changed(rate=100, burst=1000, now=0.0)
    assert faster.take(1, 0.0) == pytest.approx(0.01)
    assert (faster.rate, faster.burst) == (100, 1000)


@given(
    st.lists(st.tuples(st.floats(0, 2), st.integers(1, 200)), min_size=1, max_size=60),
    st.floats(0.5, 50),
    st.floats(1, 100),
)
def test_no_caller_gets_more_than_burst_and_rate_allow_and_one_call(
    calls: list[tuple[float, int]], rate: float, burst: float
) -> None:
    limit, now, passed, largest = RateLimit(rate, burst, 0.0), 0.0, 0, 0
    for pause, cost in calls:
        now += pause
        if limit.take(cost, now) == 0.0:
            passed, largest = passed + cost, max(largest, cost)
    assert passed <= burst + rate * now + largest + 1e-6
