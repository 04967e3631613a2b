"""Which of those that wait are the next batch: the oldest always, beside it those of about its length.

How old one is is its place in the queue. Nobody is passed over by a younger one in more than a fixed number of
batches, which holds because whoever is older than another was passed over at least as often.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shelfsense.serving.batch_cost import BatchCost

# Padding that is worth a fuller batch: what another run would cost, and so much of the batch's own tokens.
_TOLERATED = 0.1


class Waits(Protocol):
    """What waits.

    Attributes:
        tokens: its length.
        passed: in how many batches a younger one was preferred to it.
    """

    tokens: int
    passed: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a batch may be; one that waits alone always is one, however long.

    Attributes:
        units: most that it may cost.
        tokens: most tokens, padding as the engine computes it.
        passes: in how many batches at most a younger one may be preferred to an older.
    """

    units: float
    tokens: float
    passes: int


@dataclass(slots=True)
class _Batch:
    """A batch as it grows."""

    cost: BatchCost
    bounds: Bounds
    places: list[int] = field(default_factory=list)
    real: int = 0
    longest: int = 0

    def add(self, place: int, tokens: int) -> None:
        self.places.append(place)
        self.real += tokens
        self.longest = max(self.longest, tokens)

    def has_room_for(self, tokens: int) -> bool:
        if not self.places:
            return True
        after = len(self.places) + 1, self.real + tokens, max(self.longest, tokens)
        return self.cost.tokens(*after) <= self.bounds.tokens and self.cost.units(*after) <= self.bounds.units

    def gladly_takes(self, tokens: int) -> bool:
        """Return whether one more is worth the padding that it adds."""
        if not self.has_room_for(tokens):
            return False
        if tokens == self.longest:
            return True
        real, longest = self.real + tokens, max(self.longest, tokens)
        padding = self.cost.padding * (longest * (len(self.places) + 1) - real)
        return padding <= self.cost.per_batch + _TOLERATED * real

    def waste(self, tokens: int) -> int:
        """Return the padding that one more adds."""
        return self.longest - tokens if tokens <= self.longest else (tokens - self.longest) * len(self.places)


def choose(waiting: Sequence[Waits], cost: BatchCost, bounds: Bounds) -> list[int]:
    """Return the places of the next batch, rising, and count whom it passes over.

    Args:
        waiting: 1 or more, oldest first.
        cost: of a batch.
        bounds: of a batch.
    """
    batch = _Batch(cost, bounds)
    if not _take_all(batch, waiting):
        _fill(batch, waiting)
        batch.places.sort()
    chosen = set(batch.places)
    for place in range(batch.places[-1]):
        if place not in chosen:
            waiting[place].passed += 1
    return batch.places


def _take_all(batch: _Batch, waiting: Sequence[Waits]) -> bool:
    """Take everybody, where that is a batch and its padding is worth it: what is usual, and cheap to find out."""
    lengths = [each.tokens for each in waiting]
    size = len(lengths), sum(lengths), max(lengths)
    padding = batch.cost.tokens(*size) - size[1]
    if len(lengths) > 1 and (
        batch.cost.units(*size) > batch.bounds.units
        or batch.cost.tokens(*size) > batch.bounds.tokens
        or padding > batch.cost.per_batch + _TOLERATED * size[1]
    ):
        return False
    batch.places = list(range(len(lengths)))
    return True


def _fill(batch: _Batch, waiting: Sequence[Waits]) -> None:
    due = 0  # they are the oldest, whatever their number
    while due < len(waiting) and waiting[due].passed >= batch.bounds.passes:
        if not batch.has_room_for(waiting[due].tokens):
            return  # nobody younger goes before the one that is left
        batch.add(due, waiting[due].tokens)
        due += 1
    if not due:
        batch.add(0, waiting[0].tokens)
        due = 1
    _add_like(batch, waiting, due)


def _add_like(batch: _Batch, waiting: Sequence[Waits], start: int) -> None:
    """Add those of the lengths nearest to the batch's, the oldest of each length first."""
    by_length: dict[int, deque[int]] = {}
    for place in range(start, len(waiting)):
        by_length.setdefault(waiting[place].tokens, deque()).append(place)
    shorter = sorted(length for length in by_length if length <= batch.longest)
    longer = sorted((length for length in by_length if length > batch.longest), reverse=True)
    while shorter or longer:
        side = shorter
        if not shorter or (longer and batch.waste(longer[-1]) < batch.waste(shorter[-1])):
            side = longer
        length = side[-1]
        places = by_length[length]
        while places and batch.gladly_takes(length):
            batch.add(places.popleft(), length)
        side.pop()
        if places:
            side.clear()  # the next length on this side wastes more
