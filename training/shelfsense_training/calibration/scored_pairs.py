"""(Query, type) pairs with their scores, and how many of them a threshold accepts.

N pairs, K thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """Scores of pairs, and which are right.

    Attributes:
        scores: (N,).
        right: (N,) bool.
    """

    scores: NDArray[np.float32]
    right: NDArray[np.bool_]

    @classmethod
    def together(cls, parts: Sequence[ScoredPairs]) -> ScoredPairs:
        """Return all pairs of the parts, of which there may be none."""
        if not parts:
            return cls(np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.bool_))
        return cls(np.concatenate([p.scores for p in parts]), np.concatenate([p.right for p in parts]))

    def from_score(self, least: float) -> ScoredPairs:
        """Return the pairs that score so much or more."""
        kept = self.scores >= least
        return ScoredPairs(self.scores[kept], self.right[kept])

    def reach(self, precision: float) -> float:
        """Return a score below which no threshold can hold a precision; infinite where nothing is right."""
        most = ceil(int(self.right.sum()) / precision)
        if most == 0:
            return float("inf")
        if most >= len(self.scores):
            return float(self.scores.min())
        return float(np.partition(self.scores, len(self.scores) - most)[len(self.scores) - most])

    def accepted(self, thresholds: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return how many pairs reach each of K thresholds, and how many of those are right, both (K,)."""
        order = np.argsort(self.scores, kind="stable")
        below = np.searchsorted(self.scores[order], thresholds, side="left")  # (K,) pairs under the threshold
        right = np.append(0, np.cumsum(self.right[order]))  # (N + 1,)
        return (len(self.scores) - below).astype(np.float64), (right[-1] - right[below]).astype(np.float64)
