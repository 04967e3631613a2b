"""The queries that stand for a store's whole log: all its heads, and a part of its tail.

A log of a million queries is not asked in minutes: the tail's part is drawn evenly and each of it counts
for those left out. M queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.onboarding.store_queries import StoreQuery


@dataclass(frozen=True, slots=True)
class StoreSample:
    """Queries of a store, the most searched first.

    Attributes:
        texts: M queries.
        volumes: (M,) searches.
        is_head: (M,) whether it becomes a head of the index.
        stands_for: (M,) queries of the log that each counts for.
    """

    texts: tuple[str, ...]
    volumes: NDArray[np.float64]
    is_head: NDArray[np.bool_]
    stands_for: NDArray[np.float64]

    @classmethod
    def draw(
        cls, queries: Sequence[StoreQuery], *, head_volume: float, most_heads: int, most_tail: int, seed: int
    ) -> StoreSample:
        """Take the heads and a sample of the rest.

        Args:
            queries: the log, the most searched first.
            head_volume: least searches of a head.
            most_heads: heads at most, the most searched.
            most_tail: queries of the tail at most.
            seed: of the draw.
        """
        heads = min(most_heads, sum(query.volume >= head_volume for query in queries))
        tail = len(queries) - heads
        random = np.random.default_rng(seed)
        drawn = np.sort(random.choice(tail, min(tail, most_tail), replace=False)) + heads if tail else np.zeros(0, int)
        chosen = [*range(heads), *drawn.tolist()]
        is_head = np.arange(len(chosen)) < heads
        return cls(
            tuple(queries[i].text for i in chosen),
            np.array([queries[i].volume for i in chosen], dtype=np.float64),
            is_head,
            np.where(is_head, 1.0, tail / max(1, len(drawn))),
        )
