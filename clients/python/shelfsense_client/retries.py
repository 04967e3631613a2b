"""When a failed attempt is tried again: one policy, which only decides, for both clients.

Full jitter after M. Brooker, "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015); the budget
keeps a service in trouble from being asked three times as much (Beyer et al., "Site Reliability
Engineering", 2016, chapter 21).
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import grpc

from shelfsense_client.errors import DeadlineExceeded, ShelfsenseClientError, from_rpc_error

_ELSEWHERE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
"""No server here, or one that stopped before it had begun: gRPC ends what it has read and not yet handed over as
CANCELLED. A call that its own caller cancels raises no status at all."""


class RetryBudget:
    """A token bucket that bounds retries to a share of the calls; shared by all threads of a client.

    Args:
        share: tokens that every call adds; a retry takes one.
        reserve: tokens at the start and at most, so that a fresh client may retry at all and a long
            quiet time does not save up a storm.
    """

    def __init__(self, share: float = 0.1, reserve: float = 3.0) -> None:
        self._share = share
        self._reserve = reserve
        self._tokens = reserve
        self._lock = threading.Lock()

    def count_call(self) -> None:
        """Add the share that one call brings."""
        with self._lock:
            self._tokens = min(self._reserve, self._tokens + self._share)

    def take(self) -> bool:
        """Take the token of one retry; False, with nothing taken, when there is none."""
        with self._lock:
            # The tolerance makes ten shares of 0.1 one token despite their binary rounding.
            if self._tokens < 1.0 - 1e-9:
                return False
            self._tokens -= 1.0
            return True


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Which failures are tried again, and after how long.

    Attributes:
        attempts: attempts in all when the service is unavailable; 1 switches every retry off.
        first_delay: upper bound of the first delay, in seconds; it doubles with every attempt.
        longest_delay: upper bound of any delay the policy chooses itself, in seconds.
    """

    attempts: int = 3
    first_delay: float = 0.05
    longest_delay: float = 1.0

    def delay(
        self,
        failures: Sequence[grpc.StatusCode],
        *,
        retry_after: float | None,
        budget: RetryBudget,
        time_left: float,
        jitter: float,
    ) -> float | None:
        """Return the seconds to wait before the next attempt, or None when there is to be none.

        Args:
            failures: the status of every attempt so far, the newest last; at least one.
            retry_after: seconds the service asked to wait with the newest failure, None where it did not.
            budget: pays for the retry; a token is taken only when the answer is a delay.
            time_left: seconds to the call's deadline; no attempt is started at or past it.
            jitter: 0 to 1, drawn anew for every decision.
        """
        chosen: float | None = None
        if len(failures) >= self.attempts:
            return None
        if failures[-1] in _ELSEWHERE:
            chosen = jitter * min(self.longest_delay, self.first_delay * 2 ** (len(failures) - 1))
        elif failures[-1] is grpc.StatusCode.RESOURCE_EXHAUSTED and retry_after is not None:
            # Without RetryInfo the message was too large rather than the service too busy. A little
            # jitter on top, so that callers turned away together do not come back together.
            first_time = failures.count(grpc.StatusCode.RESOURCE_EXHAUSTED) == 1
            chosen = retry_after + jitter * self.first_delay if first_time else None
        if chosen is None or chosen >= time_left or not budget.take():
            return None
        return chosen


@dataclass(slots=True)
class Attempts:
    """The attempts of one call, up to its deadline.

    Attributes:
        policy: decides about the next attempt.
        budget: of the client; the call has been counted when the attempts begin.
        deadline: in seconds of the clock.
        clock: monotonic seconds.
    """

    policy: RetryPolicy
    budget: RetryBudget
    deadline: float
    clock: Callable[[], float] = time.monotonic
    failures: list[grpc.StatusCode] = field(default_factory=list)

    @classmethod
    def begin(cls, policy: RetryPolicy, budget: RetryBudget, timeout: float) -> Attempts:
        """Count a call and start its clock; ``timeout`` seconds cover all attempts and the waits between."""
        budget.count_call()
        return cls(policy, budget, time.monotonic() + timeout)

    def time_left(self) -> float:
        """Return the seconds left to the deadline, at least 0."""
        return max(0.0, self.deadline - self.clock())

    def timeout(self) -> float:
        """Return the timeout of the next attempt, in seconds.

        Raises:
            DeadlineExceeded: nothing is left; gRPC takes a timeout of 0 for a few milliseconds more.
        """
        left = self.time_left()
        if left == 0.0:
            before = f"; before, the service answered {self.failures[-1].name}" if self.failures else ""
            fact = f"no time is left for an attempt{before}; allow a longer timeout"
            raise DeadlineExceeded(grpc.StatusCode.DEADLINE_EXCEEDED, fact)
        return left

    def delay_after(self, error: grpc.RpcError) -> float:
        """Return the seconds to wait before the next attempt.

        Raises:
            ShelfsenseClientError: what the failure means to the caller, when there is to be none.
        """
        failure: ShelfsenseClientError = from_rpc_error(error)
        self.failures.append(failure.code)
        delay = self.policy.delay(
            self.failures,
            retry_after=failure.retry_after,
            budget=self.budget,
            time_left=self.time_left(),
            jitter=random.random(),  # noqa: S311  spreads load; guards nothing
        )
        if delay is None:
            raise failure from error
        return delay
