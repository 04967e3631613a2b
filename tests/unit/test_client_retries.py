"""The retry policy of the client, against decisions worked out by hand."""

from __future__ import annotations

import grpc
import pytest

from shelfsense_client.errors import DeadlineExceeded, Overloaded, Unavailable
from shelfsense_client.retries import Attempts, RetryBudget, RetryPolicy

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
CANCELLED = grpc.StatusCode.CANCELLED
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED

POLICY = RetryPolicy(attempts=3, first_delay=0.1, longest_delay=0.15)


def decide(
    *failures: grpc.StatusCode,
    retry_after: float | None = None,
    budget: RetryBudget | None = None,
    time_left: float = 10.0,
    jitter: float = 1.0,
) -> float | None:
    return POLICY.delay(
        failures, retry_after=retry_after, budget=budget or RetryBudget(), time_left=time_left, jitter=jitter
    )


def test_unavailable_backs_off_exponentially_up_to_the_longest_delay() -> None:
    assert decide(UNAVAILABLE) == pytest.approx(0.1)
    assert decide(UNAVAILABLE, UNAVAILABLE) == pytest.approx(0.15)  # 0.2, capped


def test_jitter_is_full() -> None:
    assert decide(UNAVAILABLE, jitter=0.0) == 0.0
    assert decide(UNAVAILABLE, jitter=0.3) == pytest.approx(0.03)


def test_the_third_attempt_is_the_last() -> None:
    assert decide(UNAVAILABLE, UNAVAILABLE, UNAVAILABLE) is None


def test_what_a_stopping_server_had_not_begun_is_retried_like_a_server_that_is_not_there() -> None:
    assert decide(CANCELLED, retry_after=None) == decide(UNAVAILABLE, retry_after=None) is not None


def test_overload_is_retried_once_and_not_before_the_delay_it_asks_for() -> None:
    assert decide(EXHAUSTED, retry_after=0.5, jitter=0.0) == pytest.approx(0.5)
    assert decide(EXHAUSTED, retry_after=0.5, jitter=0.5) == pytest.approx(0.55)
    assert decide(EXHAUSTED, EXHAUSTED, retry_after=0.5) is None
    assert decide(UNAVAILABLE, EXHAUSTED, retry_after=0.5, jitter=0.0) == pytest.approx(0.5)


def test_exhaustion_without_retry_info_is_a_message_too_large_and_final() -> None:
    assert decide(EXHAUSTED) is None


@pytest.mark.parametrize(
    "code",
    [code for code in grpc.StatusCode if code not in (UNAVAILABLE, CANCELLED, EXHAUSTED)],
    ids=lambda code: str(code.name),
)
def test_every_other_status_is_final(code: grpc.StatusCode) -> None:
    assert decide(code, retry_after=0.01) is None


def test_no_attempt_starts_at_or_past_the_deadline() -> None:
    assert decide(EXHAUSTED, retry_after=0.5, time_left=0.5, jitter=0.0) is None
    assert decide(EXHAUSTED, retry_after=0.5, time_left=0.51, jitter=0.0) == pytest.approx(0.5)


def test_a_retry_refused_for_its_deadline_costs_no_token() -> None:
    budget = RetryBudget(reserve=1.0)
    assert decide(UNAVAILABLE, budget=budget, time_left=0.01) is None
    assert decide(UNAVAILABLE, budget=budget) is not None


def test_the_budget_allows_one_retry_in_ten_calls() -> None:
    budget = RetryBudget(share=0.1, reserve=1.0)
    assert budget.take()
    for _ in range(9):
        budget.count_call()
    assert not budget.take()  # 0.9 tokens
    budget.count_call()
    assert budget.take()  # 1.0
    assert not budget.take()


def test_the_budget_saves_up_no_more_than_its_reserve() -> None:
    budget = RetryBudget(share=0.1, reserve=2.0)
    for _ in range(1_000):
        budget.count_call()
    assert [budget.take() for _ in range(3)] == [True, True, False]


def test_one_attempt_switches_retries_off() -> None:
    policy = RetryPolicy(attempts=1)
    delay = policy.delay([UNAVAILABLE], retry_after=None, budget=RetryBudget(), time_left=1.0, jitter=0.0)
    assert delay is None


class Failure(grpc.RpcError):
    """An attempt that failed with a status and no details."""

    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__()
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return "told so"

    def trailing_metadata(self) -> tuple[()]:
        return ()


def test_attempts_end_with_the_error_of_the_last_failure() -> None:
    attempts = Attempts(POLICY, RetryBudget(), deadline=5.0, clock=lambda: 0.0)
    assert 0.0 <= attempts.delay_after(Failure(UNAVAILABLE)) <= 0.1
    with pytest.raises(Overloaded, match="RESOURCE_EXHAUSTED: told so"):
        attempts.delay_after(Failure(EXHAUSTED))


def test_a_client_out_of_budget_fails_at_the_first_failure() -> None:
    budget = RetryBudget(reserve=0.0)
    with pytest.raises(Unavailable):
        Attempts.begin(POLICY, budget, timeout=5.0).delay_after(Failure(UNAVAILABLE))


def test_time_left_shrinks_with_the_clock_and_never_below_zero() -> None:
    now = 100.0
    attempts = Attempts(POLICY, RetryBudget(), deadline=100.5, clock=lambda: now)
    assert attempts.time_left() == pytest.approx(0.5)
    now = 101.0
    assert attempts.time_left() == 0.0


def test_with_no_time_left_there_is_no_attempt() -> None:
    attempts = Attempts(POLICY, RetryBudget(), deadline=5.0, clock=lambda: 5.0, failures=[UNAVAILABLE])
    with pytest.raises(DeadlineExceeded, match="no time is left for an attempt; before, the service answered UNAVAIL"):
        attempts.timeout()
