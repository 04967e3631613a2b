"""Where queries wait for the engine: one line for single calls and one for bulk, each with its share of the engine.

Knows neither networks nor an event loop: it is told the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from shelfsense.serving.batch_choice import Bounds, choose
from shelfsense.serving.batch_cost import BatchCost, Pace

CallT = TypeVar("CallT", bound="Call")
ItemT = TypeVar("ItemT")

_WINDOW = 256  # of one line, among which a batch is chosen: ten full batches of queries as they come
_KEPT_DEAD = 1024  # entries of calls that are over, kept until a batch is chosen, beyond those that live
# Below eight times what a run costs whatever is in it, that would be more than an eighth of the engine's time.
_LEAST_RUNS = 8.0


class Call:
    """One or more items that are waited for together.

    Args:
        expires: when nobody waits any more, on the clock that the room is told.
        since: when it arrived.
        bulk: whether it waits in the line for bulk.

    Attributes:
        over: it was answered, or nobody waits for it.
        queries: of it, that wait.
        units: what those cost.
    """

    __slots__ = ("bulk", "expires", "over", "queries", "since", "units")

    def __init__(self, expires: float, since: float, *, bulk: bool) -> None:
        self.expires = expires
        self.since = since
        self.bulk = bulk
        self.over = False
        self.queries = 0
        self.units = 0.0


class Entry(Generic[CallT, ItemT]):
    """One item that waits.

    Args:
        call: that it is of.
        item: the item.
        tokens: its length.
        place: among the items of its call.
    """

    __slots__ = ("call", "item", "passed", "place", "tokens")

    def __init__(self, call: CallT, item: ItemT, tokens: int, place: int) -> None:
        self.call = call
        self.item = item
        self.tokens = tokens
        self.place = place
        self.passed = 0


class Line(Generic[CallT, ItemT]):
    """Those who wait for one kind of service, oldest first.

    Args:
        share: of the engine while the other line waits too.

    Attributes:
        queries: that wait.
        units: what they cost.
        served: what was served, divided by the share; the line with less is next.
    """

    __slots__ = ("entries", "queries", "served", "share", "units")

    def __init__(self, share: float) -> None:
        self.share = share
        self.entries: deque[Entry[CallT, ItemT]] = deque()
        self.queries = 0
        self.units = 0.0
        self.served = 0.0


@dataclass(slots=True)
class Taken(Generic[CallT, ItemT]):
    """What leaves the room.

    Attributes:
        batch: for the engine; empty where nobody waits.
        units: what it costs.
        expired: calls whose time has passed, and how many of their items waited.
        hopeless: calls that cannot be answered in their time, likewise.
    """

    batch: list[Entry[CallT, ItemT]] = field(default_factory=list)
    units: float = 0.0
    expired: list[tuple[CallT, int]] = field(default_factory=list)
    hopeless: list[tuple[CallT, int]] = field(default_factory=list)


class WaitingRoom(Generic[CallT, ItemT]):
    """Holds what waits, and chooses batches of it.

    Args:
        cost: of a batch.
        pace: how long that takes.
        most_tokens: of a batch, padding as the engine computes it.
        target_s: seconds that a batch may run.
        most_passes: in how many batches a younger item of a line may be preferred to an older one.
        bulk_share: of the engine, for bulk while single calls wait too; between 0 and 1.
    """

    def __init__(
        self,
        cost: BatchCost,
        pace: Pace,
        *,
        most_tokens: int,
        target_s: float,
        most_passes: int,
        bulk_share: float,
    ) -> None:
        self._cost = cost
        self._pace = pace
        self._most_tokens = most_tokens
        self._target_s = target_s
        self._most_passes = most_passes
        self.single: Line[CallT, ItemT] = Line(1 - bulk_share)
        self.bulk: Line[CallT, ItemT] = Line(bulk_share)

    def __len__(self) -> int:
        """Return how many items wait."""
        return self.single.queries + self.bulk.queries

    @property
    def most_units(self) -> float:
        """What a batch may cost, so that it runs no longer than it should."""
        pace = self._pace.running
        return max(self._target_s / pace, _LEAST_RUNS * self._cost.per_batch) if pace else float("inf")

    def line_of(self, call: Call) -> Line[CallT, ItemT]:
        """Return the line that a call waits in."""
        return self.bulk if call.bulk else self.single

    def add(self, entry: Entry[CallT, ItemT]) -> None:
        """Put an item at the end of its line."""
        call, line = entry.call, self.line_of(entry.call)
        if not line.queries:
            # Who was not there has no claim to what was served meanwhile.
            other = self.single if call.bulk else self.bulk
            line.served = max(line.served, other.served)
        units = self._cost.per_query + entry.tokens
        call.queries += 1
        call.units += units
        line.queries += 1
        line.units += units
        line.entries.append(entry)

    def leave(self, call: CallT) -> int:
        """Count out a call whose items are not to be run any more, and return how many of them waited."""
        call.over = True
        line, queries = self.line_of(call), call.queries
        line.queries -= queries
        line.units = line.units - call.units if line.queries else 0.0
        call.queries, call.units = 0, 0.0
        if len(line.entries) > 2 * line.queries + _KEPT_DEAD:
            line.entries = deque(entry for entry in line.entries if not entry.call.over)
        return queries

    def calls(self) -> Iterator[CallT]:
        """Yield the calls that wait; one with several items may come several times."""
        for line in (self.single, self.bulk):
            yield from (entry.call for entry in tuple(line.entries) if not entry.call.over)

    def take(self, now: float, *, sure: bool) -> Taken[CallT, ItemT]:
        """Return the next batch, without those that it would be too late for.

        Args:
            now: the time.
            sure: whether the pace is known well enough to give a call up because of it.
        """
        taken: Taken[CallT, ItemT] = Taken()
        while not taken.batch and (self.single.queries or self.bulk.queries):
            self._take_from(self._next_line(), now, taken, self._pace.running if sure else 0.0)
        return taken

    def _next_line(self) -> Line[CallT, ItemT]:
        if not self.single.queries or not self.bulk.queries:
            return self.single if self.single.queries else self.bulk
        return self.single if self.single.served <= self.bulk.served else self.bulk

    def _take_from(
        self, line: Line[CallT, ItemT], now: float, taken: Taken[CallT, ItemT], seconds_per_unit: float
    ) -> None:
        most_units = self.most_units
        # Where more waits than a batch holds, the batch will be full, and who cannot wait for its end is given up:
        # smaller batches for those in a hurry would cost the others more.
        full = line.units >= most_units
        soonest = now + (most_units if full else self._cost.alone(0)) * seconds_per_unit
        window = self._window(line, now, taken, soonest, 0.0 if full else seconds_per_unit)
        if not window:
            return
        if not full and seconds_per_unit:
            most_units = min(most_units, (window[0].call.expires - now) / seconds_per_unit)
        places = choose(window, self._cost, Bounds(most_units, self._most_tokens, self._most_passes))
        chosen = [window[place] for place in places]
        ends = now + self._units(chosen) * seconds_per_unit
        # Who could only be answered too late by this batch may be the first of the next.
        taken.batch = [entry for i, entry in enumerate(chosen) if not i or entry.call.expires > ends]
        taken.units = self._units(taken.batch)
        going = set(map(id, taken.batch))
        line.entries.extendleft(entry for entry in reversed(window) if id(entry) not in going)
        line.served += taken.units / line.share
        for entry in taken.batch:
            units = self._cost.per_query + entry.tokens
            entry.call.queries -= 1
            entry.call.units -= units
            line.queries -= 1
            line.units = line.units - units if line.queries else 0.0  # rounding does not add up

    def _window(
        self,
        line: Line[CallT, ItemT],
        now: float,
        taken: Taken[CallT, ItemT],
        soonest: float,
        seconds_per_token: float,
    ) -> list[Entry[CallT, ItemT]]:
        """Take the oldest out of a line, less those whose call is over or cannot be answered in its time."""
        window: list[Entry[CallT, ItemT]] = []
        entries = line.entries
        while entries and len(window) < _WINDOW:
            entry = entries.popleft()
            call = entry.call
            if call.over:
                continue
            if call.expires <= now:
                taken.expired.append((call, self.leave(call)))
            elif call.expires < soonest + entry.tokens * seconds_per_token:
                taken.hopeless.append((call, self.leave(call)))
            else:
                window.append(entry)
            entries = line.entries  # leaving may have cleared the line out
        return [entry for entry in window if not entry.call.over]

    def _units(self, entries: list[Entry[CallT, ItemT]]) -> float:
        lengths = [entry.tokens for entry in entries]
        return self._cost.units(len(lengths), sum(lengths), max(lengths))
