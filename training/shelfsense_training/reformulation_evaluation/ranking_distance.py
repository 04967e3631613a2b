"""How far two rankings of one query's candidates are apart, by position and by item.

Sources: rank-biased overlap, Webber, Moffat and Zobel (TOIS 2010), the extrapolated form of equation 32; the
position- and item-aware distance follows what arXiv 2403.04257 states of its metric, the formula is ours.
K ranks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

PERSISTENCE = 0.9


def rank_biased_overlap(one: Sequence[int], other: Sequence[int], persistence: float = PERSISTENCE) -> float:
    """Return rank-biased overlap, 0 to 1, extrapolated past K: X_K/K p^K + (1 - p)/p x sum of X_d/d p^d.

    Args:
        one: K items without repeats, best first.
        other: as many.
        persistence: p, of going on to the next rank.
    """
    total, share = 0.0, 0.0
    for depth in range(1, len(one) + 1):
        share = len(set(one[:depth]) & set(other[:depth])) / depth
        total += share * persistence**depth
    return share * persistence ** len(one) + (1 - persistence) / persistence * total


def top_overlap(one: Sequence[int], other: Sequence[int]) -> float:
    """Return the share of the K items that both rankings have."""
    return len(set(one) & set(other)) / len(one)


def rank_distance(one: Sequence[int], other: Sequence[int]) -> float:
    """Return the sum over all items of |d(r1) - d(r2)|, d(r) = 1 / log2(1 + r), as a share of what it can be.

    An item that a ranking lacks has rank K + 1 in it; all items weigh alike. 0: the same ranking; 1: no item
    in common.

    Args:
        one: K items without repeats, best first.
        other: as many.
    """
    absent = len(one) + 1
    first, second = ({item: rank for rank, item in enumerate(ranked, start=1)} for ranked in (one, other))
    found = sum(
        abs(_discount(first.get(item, absent)) - _discount(second.get(item, absent))) for item in first.keys() | second
    )
    most = 2 * sum(_discount(rank) - _discount(absent) for rank in range(1, absent))
    return found / most


def _discount(rank: int) -> float:
    return 1 / math.log2(1 + rank)
