"""Pairs of a query set that are near each other by a bundle's vectors, by a rule that is told.

N queries, E embedding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FEWEST_PAIRS = 200
_NEIGHBOURS, _LEAST_COSINE = 3, 0.85

Pairs = list[tuple[int, int]]
"""Rows (query, head) of a pair, the smaller first; each pair once."""


def near_pairs(vectors: NDArray[np.float32], passed: Pairs) -> dict[str, Pairs]:
    """Return pairs by rule: by the bundle's own threshold, and among the nearest three.

    Args:
        vectors: (N, E) unit length.
        passed: (row, row) of queries whose score with each other reaches the bundle's threshold; themselves too.
    """
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1.0)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :_NEIGHBOURS]
    closest = [(i, j) for i, row in enumerate(order.tolist()) for j in row]
    return {
        "at the threshold": _once(passed),
        f"nearest {_NEIGHBOURS}, cosine {_LEAST_COSINE}": _once([p for p in closest if cosines[p] >= _LEAST_COSINE]),
        f"nearest {_NEIGHBOURS}": _once(closest),
    }


def chosen_rule(pairs: dict[str, Pairs], differing: Sequence[int]) -> str:
    """Return the first rule with enough differing pairs, else the one with the most.

    Args:
        pairs: by rule, in order of preference.
        differing: how many pairs of each rule differ.
    """
    names = list(pairs)
    enough = [name for name, count in zip(names, differing, strict=True) if count >= FEWEST_PAIRS]
    return enough[0] if enough else names[int(np.argmax(differing))]


def _once(pairs: Pairs) -> Pairs:
    return sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})
