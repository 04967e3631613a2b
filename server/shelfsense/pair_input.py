"""How the re-ranker reads a query and a head side by side. Plain ids: training and serving share it, torch or not."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_SIDE = 30
"""Text tokens of each side that are read; both and their five marks fit the positions of a query of 64 tokens."""


def pair_input(query: Sequence[int], head: Sequence[int]) -> list[int]:
    """Return ``<s> [locale] query </s> </s> head </s>`` of two network inputs ``<s> [locale] text </s>``."""
    end = query[-1]
    return [*query[:-1][: 2 + LONGEST_SIDE], end, end, *head[2:-1][:LONGEST_SIDE], end]
