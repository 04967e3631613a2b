"""Several ways of doing a thing, round by round, so that a slow minute falls on all of them alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

ROUNDS = 7
"""How often each way is gone; every figure is the median."""

Found = TypeVar("Found")


def interleaved(ways: Mapping[str, Callable[[int], Found]], rounds: int) -> dict[str, list[Found]]:
    """Return what each way found in each round; every other round goes backwards.

    Args:
        ways: each is told the round's number, from 0.
        rounds: how many.
    """
    found: dict[str, list[Found]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in reversed(list(ways)) if number % 2 else ways:
            found[name].append(ways[name](number))
    return found


def median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Return the median of the rounds' ratios: of what was measured within seconds of each other."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))
