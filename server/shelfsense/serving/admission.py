"""Whether a call is let in: decided before anything was done for it, by what waits and how fast that drains.

Calls are refused for three reasons. The queue is full. The answer would come after the deadline. Or the queue has
been standing: a burst may fill it, but one that does not drain is no burst, it only makes every answer late; then
no more may wait than keeps the engine busy (Nichols & Jacobson, "Controlling Queue Delay", ACM Queue 10(5), 2012,
applied where calls come in instead of where they leave).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from shelfsense.serving.batch_cost import BatchCost, Pace
from shelfsense.serving.errors import Overloaded
from shelfsense.serving.waiting_room import Line, WaitingRoom

ShedReason: TypeAlias = Literal["queue_full", "limit", "deadline"]
"""Why a call was not let in: no room, a standing queue, or a deadline that would pass first."""

_SHORTEST_RETRY_S = 0.05
_LONGEST_RETRY_S = 5.0
_PATIENT = 0.25  # of the time a caller has, that it may wait in a standing queue


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """The bounds of what waits.

    Attributes:
        max_queue_tokens: most tokens waiting in one line; a call of more is let in where nobody waits.
        burst_s: seconds of work that may wait in a burst of single calls.
        standing_s: seconds of work that may wait where the queue has been standing: about four batches, so that
            the engine never lacks one.
        patient_s: seconds of work that may wait all the same before a caller with four times as long to live.
        patience_s: seconds after which a queue that was not nearly empty once is a standing one.
    """

    max_queue_tokens: int
    burst_s: float = 1.0
    standing_s: float = 0.06
    patience_s: float = 0.5
    patient_s: float = 0.2


class Admission:
    """Lets calls in, or refuses them.

    Args:
        room: where they wait.
        cost: of a batch.
        pace: how fast the room drains.
        limits: the bounds.
        on_shed: called with the reason for each call refused.

    Attributes:
        busy_until: when the batch that runs is expected to end.
        lenient: let a queue stand for a while, as when something else has the core that soon leaves it; deadlines
            and the hard bound still count.
    """

    def __init__(
        self,
        room: WaitingRoom[Any, Any],
        cost: BatchCost,
        pace: Pace,
        limits: AdmissionLimits,
        on_shed: Callable[[ShedReason], None],
    ) -> None:
        self._room = room
        self._cost = cost
        self._pace = pace
        self._limits = limits
        self._on_shed = on_shed
        self._nearly_empty_s = limits.standing_s / 4
        self._bursting = True
        self._drained = 0.0  # when the line of single calls was last seen nearly empty
        self.busy_until = 0.0
        self.lenient = False

    @property
    def limit_s(self) -> float:
        """The seconds of work that single calls may have waiting, as of the last one that came."""
        return self._limits.burst_s if self._bursting else self._limits.standing_s

    def admit(self, queries: int, tokens: float, *, bulk: bool, expires: float, now: float) -> None:
        """Return where a call may come in.

        Args:
            queries: of the call.
            tokens: of the call; a guess will do.
            bulk: whether it waits in the line for bulk.
            expires: when its caller stops waiting.
            now: the time, on the same clock.

        Raises:
            Overloaded: it may not.
        """
        line = self._room.bulk if bulk else self._room.single
        units = tokens + self._cost.per_query * queries
        wait_s = self._wait_s(line, now)
        if not bulk and wait_s <= self._nearly_empty_s:
            self._drained = now
        self._bursting = now - self._drained <= self._limits.patience_s
        if not line.queries:
            if wait_s <= 0:  # nothing to wait for: what the pace says of the call itself is tried, not believed
                return
        elif line.units + units > self._limits.max_queue_tokens:
            self._refuse("queue_full", wait_s, now)
        if now + wait_s + self._own_s(line, units, queries) > expires:
            self._refuse("deadline", wait_s, now)
        # Whoever has time may use some of it: a caller of one in sixty-four at a time is no overload.
        if (
            not bulk
            and not self.lenient
            and wait_s > max(self.limit_s, min(self._limits.patient_s, _PATIENT * (expires - now)))
        ):
            self._refuse("limit", wait_s, now)

    def _wait_s(self, line: Line[Any, Any], now: float) -> float:
        """Return the seconds until a call that comes now is the first of its line."""
        return line.units * self._pace.draining / self._share(line) + max(0.0, self.busy_until - now)

    def _own_s(self, line: Line[Any, Any], units: float, queries: int) -> float:
        """Return the seconds from then until the call is answered, which is when its last batch ends."""
        if queries > 1:
            units = units / self._share(line)
        return (self._cost.per_batch + max(units, min(line.units, self._room.most_units))) * self._pace.draining

    def _share(self, line: Line[Any, Any]) -> float:
        """Return the share of the engine that a line can count on."""
        if line is self._room.single:
            return line.share if self._room.bulk.queries else 1.0
        # Single calls that wait for a moment take little; only where they stand is bulk left with its share.
        return 1.0 if self._bursting else line.share

    def _refuse(self, reason: ShedReason, wait_s: float, now: float) -> None:
        self._on_shed(reason)
        # What has lasted for a while is expected to last as long again.
        lasted_s = min(now - self._drained, _LONGEST_RETRY_S) if not self._bursting else 0.0
        raise Overloaded(len(self._room), max(_SHORTEST_RETRY_S, wait_s, lasted_s))
