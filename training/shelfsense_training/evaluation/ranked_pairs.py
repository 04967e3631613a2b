"""(Query, type) pairs from best to worst, and how far down them a precision holds.

The one place that decides where recall at a precision is read off: for one sample, and for all
resamples of its queries at once. B queries, L types, P = B x L pairs, R resamples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-9  # 0.8 has no exact binary form: 28 of 35 must count as 0.8


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a precision held, one element per resample.

    Attributes:
        recall: (R,) float64, the largest recall; 0 where no threshold qualifies, NaN where there is no positive.
        last: (R,) int64, position of the last pair accepted, -1 where none is.
    """

    recall: NDArray[np.float64]
    last: NDArray[np.int64]


class RankedPairs:
    """Pairs of queries and types by falling score.

    Args:
        scores: (P,) of each pair, best first.
        positive: (P,) bool, whether the type is right for the query.
        query: (P,) the query of each pair, 0 to B - 1.
        positives: (B,) right types of each query.
    """

    def __init__(
        self,
        scores: NDArray[np.floating],
        positive: NDArray[np.bool_],
        query: NDArray[np.int32],
        positives: NDArray[np.int64],
    ) -> None:
        self.scores = scores
        self._positive = positive
        self._query = query
        self._positives = positives
        # A threshold accepts all pairs of equal score: only the last of each run is a place to stop.
        self._stops = np.flatnonzero(np.append(scores[1:] != scores[:-1], [True] * min(1, len(scores))))

    @classmethod
    def from_table(cls, scores: NDArray[np.floating], labels: NDArray[np.bool_]) -> RankedPairs:
        """Rank every pair of a table.

        Args:
            scores: (B, L), higher is surer.
            labels: (B, L), whether the type is right; all others are wrong, judged or not.
        """
        order = np.argsort(-scores, axis=None, kind="stable")  # (P,)
        query = (order // max(1, scores.shape[1])).astype(np.int32)
        return cls(scores.ravel()[order], labels.ravel()[order], query, labels.sum(axis=1, dtype=np.int64))

    def reach(self, weights: NDArray[np.int32], precision: float, minimum: int) -> Reached:
        """Find the furthest stop at which the precision holds.

        Args:
            weights: (R, B) how often each query occurs; all 1 for the sample itself.
            precision: the least share of accepted pairs that are right, above 0.
            minimum: fewest accepted pairs that count as evidence; below it recall is 0.
        """
        total = weights @ self._positives  # (R,)
        # No stop beyond total / precision accepted pairs can qualify: the front is enough, and it is short.
        front = self._front(int(self._positives.sum()) / precision)
        last, hits, accepted = self._walk(weights, front, precision, minimum)
        unsure = np.flatnonzero(accepted <= total / precision) if front < len(self._stops) else ()
        for r in unsure:  # rare: heavy queries lie beyond the front
            last[r : r + 1], hits[r : r + 1], _ = self._walk(weights[r : r + 1], len(self._stops), precision, minimum)
        recall = np.divide(hits, total, out=np.full(len(total), np.nan), where=total > 0)
        return Reached(recall, last)

    def _front(self, reachable: float) -> int:
        """Return how many stops to walk: twice as many pairs as one sample could need, to its run's end."""
        return min(len(self._stops), int(np.searchsorted(self._stops, 2 * reachable + 64)) + 1)

    def _walk(
        self, weights: NDArray[np.int32], front: int, precision: float, minimum: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return the last pair accepted (R,), the right pairs accepted (R,), and all pairs walked over (R,)."""
        nothing = np.zeros(len(weights), dtype=np.int64)
        if not front:
            return nothing - 1, nothing, nothing
        stops = self._stops[:front]  # (K,)
        pairs = int(stops[-1]) + 1
        each = weights[:, self._query[:pairs]].astype(np.int64)  # (R, pairs)
        accepted = each.cumsum(axis=1)[:, stops]  # (R, K)
        hits = (each * self._positive[:pairs]).cumsum(axis=1)[:, stops]  # (R, K)
        qualifies = (hits >= precision * accepted - _ROUNDING) & (accepted >= minimum) & (hits > 0)
        # Right pairs only accumulate, so the furthest stop has the largest recall.
        furthest = front - 1 - qualifies[:, ::-1].argmax(axis=1)  # (R,)
        some = qualifies.any(axis=1)
        best = np.take_along_axis(hits, furthest[:, None], axis=1)[:, 0]
        return np.where(some, stops[furthest], -1), np.where(some, best, 0), accepted[:, -1]
