"""The (query, type) pairs of one level, thinned where they are too many to fit on.

A level of 1,414 types has thousands of hopeless pairs per query, each of which says next to
nothing. Every right pair stays, and every wrong one that the network takes seriously; of the
others a share, each of which then counts for those left out. With u = sigmoid(log-odds), a wrong
pair is kept with the chance min(1, max(1 %, 50 u)) and weighs 1 / chance: sums stay unbiased
(Horvitz and Thompson, 1952), and what is kept follows where the likelihood bends, as in Fithian
and Hastie, "Local case-control sampling", 2014. N queries, K types, M pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEAST_CHANCE = 0.01
_CHANCE_PER_PROBABILITY = 50.0
_ROWS_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class PairSample:
    """Pairs of one level.

    Attributes:
        log_odds: (M,) float64.
        right: (M,) bool.
        weight: (M,) pairs that each stands for.
        query: (M,) row of the query, 0 to N - 1.
        kind: (M,) position of the type in its level, 0 to K - 1.
    """

    log_odds: NDArray[np.float64]
    right: NDArray[np.bool_]
    weight: NDArray[np.float64]
    query: NDArray[np.intp]
    kind: NDArray[np.intp]

    @classmethod
    def draw(cls, log_odds: NDArray[np.float32], right: NDArray[np.bool_], *, most: int, seed: int) -> PairSample:
        """Take all pairs where they are few enough, else a weighted sample.

        Args:
            log_odds: (N, K).
            right: (N, K).
            most: pairs up to which all are taken.
            seed: of the draws.
        """
        random = np.random.default_rng(seed)
        everything = log_odds.size <= most
        parts = []
        for start in range(0, len(log_odds), _ROWS_AT_ONCE):
            odds, good = log_odds[start : start + _ROWS_AT_ONCE], right[start : start + _ROWS_AT_ONCE]
            chance = np.ones_like(odds) if everything else _chance(odds, good)
            query, kind = np.nonzero(random.random(odds.shape, dtype=np.float32) < chance)
            cut = query, kind
            parts.append((odds[cut], good[cut], 1 / chance[cut], query + start, kind))
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        return cls(columns[0].astype(np.float64), columns[1], columns[2].astype(np.float64), columns[3], columns[4])

    def of_queries(self, chosen: NDArray[np.bool_]) -> PairSample:
        """Return the pairs of the chosen queries, chosen being (N,)."""
        kept = chosen[self.query]
        return PairSample(self.log_odds[kept], self.right[kept], self.weight[kept], self.query[kept], self.kind[kept])


def _chance(log_odds: NDArray[np.float32], right: NDArray[np.bool_]) -> NDArray[np.float32]:
    chance = np.clip(_CHANCE_PER_PROBABILITY / (1 + np.exp(-np.clip(log_odds, -60, 60))), _LEAST_CHANCE, 1)
    return np.where(right, 1, chance).astype(np.float32)
