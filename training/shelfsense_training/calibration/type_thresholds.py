"""Thresholds of the types whose pairs contradict the threshold of all types of their level.

One threshold for all types accepts the most right pairs at a precision, as long as a probability
means the same for each of them: own thresholds where nothing is wrong only cost recall. So a type
gets one where its accepted pairs are many and credibly miss the target. N queries, K types.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.calibration.bounded_threshold import denied
from shelfsense_training.calibration.level_thresholds import ThresholdSettings, settled
from shelfsense_training.calibration.prior_strength import prior_strength
from shelfsense_training.calibration.scored_pairs import ScoredPairs


def type_thresholds(
    scores: NDArray[np.float32],
    right: NDArray[np.bool_],
    possible: NDArray[np.bool_],
    accepted: NDArray[np.bool_],
    settings: ThresholdSettings,
) -> dict[int, float]:
    """Return position of a type to its own threshold, for the types that break the common promise.

    Args:
        scores: (N, K) calibrated probabilities.
        right: (N, K) whether the type is acceptable.
        possible: (N, K) whether its parent is accepted.
        accepted: (N, K) by the common threshold.
        settings: how sure.
    """
    count = accepted.sum(axis=0).astype(np.float64)  # (K,)
    hits = (accepted & right).sum(axis=0).astype(np.float64)
    broken = (count >= settings.type_pairs) & denied(count, hits, settings.precision, settings.type_confidence)
    if not broken.any():
        return {}
    strength = prior_strength(count, hits)  # how alike the types are
    least = ScoredPairs(scores[possible], right[possible]).reach(settings.precision)
    least = min(least, float(scores[accepted].min()))
    near = possible & (scores >= least)
    kind = np.nonzero(near)[1]
    values, good = scores[near], right[near]

    def threshold(k: int) -> float:
        own = kind == k
        return settled(ScoredPairs(values[own], good[own]), ScoredPairs(values[~own], good[~own]), strength, settings)

    return {k: threshold(k) for k in np.flatnonzero(broken).tolist()}
