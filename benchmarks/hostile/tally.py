"""What became of hostile calls, and what among it nobody promised."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

PROMISED = frozenset(
    ("OK", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "UNIMPLEMENTED", "DEADLINE_EXCEEDED", "CANCELLED")
)
"""The statuses that a hostile call may meet; the last but one where its deadline was short, the last where we left."""

_OF_ITEMS = {0: "OK", 3: "INVALID_ARGUMENT", 4: "DEADLINE_EXCEEDED", 8: "RESOURCE_EXHAUSTED"}
_MOST_FAULTS = 20  # that are told in full


@dataclass(slots=True)
class Tally:
    """Counts of calls and of the queries of batches.

    Attributes:
        calls: by status.
        items: by status.
        connections: that were broken off or sent no HTTP/2.
        slowest_s: the longest that a call took to be answered or refused.
        faults: what was against the promise, the first few.
    """

    calls: Counter[str] = field(default_factory=Counter)
    items: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    slowest_s: float = 0.0
    faults: list[str] = field(default_factory=list)

    def call(self, what: str, status: str, seconds: float, *, allowed: frozenset[str] = PROMISED) -> None:
        """Count a call.

        Args:
            what: it was, for a fault.
            status: by its name.
            seconds: until it ended.
            allowed: the statuses that it may meet.
        """
        self.calls[status] += 1
        self.slowest_s = max(self.slowest_s, seconds)
        if status not in allowed:
            self.fault(f"{what} met {status} after {seconds:.2f} s")

    def item(self, code: int, message: str) -> None:
        """Count a query of a batch, by its code; 0 where it was answered."""
        self.items[_OF_ITEMS.get(code, str(code))] += 1
        if code not in _OF_ITEMS:
            self.fault(f"a query of a batch met {code}: {message}")

    def fault(self, what: str) -> None:
        """Note what nobody promised."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(what)
