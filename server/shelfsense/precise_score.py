"""From a re-ranker's logit to the score of a reformulation in precise mode, one map per locale."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_LARGEST_ODDS = 60.0  # of a logarithm; beyond it the exponential leaves float32


@dataclass(frozen=True, slots=True)
class PreciseScore:
    """How a locale's re-ranked heads are scored: sigmoid(scale x logit + cosine_weight x cosine + shift).

    Attributes:
        scale: of the re-ranker's logit; above 0.
        shift: of the log-odds.
        threshold: least score accepted, 0 to 1; above 1: never accepted.
        cosine_weight: of the cosine of query and head, 0 to 1.
    """

    scale: float
    shift: float
    threshold: float
    cosine_weight: float = 0.0

    @property
    def least(self) -> float:
        """The threshold in the precision of the wire, so that a client comparing it with a score agrees."""
        return float(np.float32(self.threshold))

    def of(self, logit: float, cosine: float) -> float:
        """Return the score, 0 to 1 and of float32 precision, of a head."""
        log_odds = self.scale * logit + self.cosine_weight * cosine + self.shift
        return float(np.float32(1 / (1 + math.exp(-max(-_LARGEST_ODDS, min(_LARGEST_ODDS, log_odds))))))
