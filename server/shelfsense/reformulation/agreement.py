"""One score of all signs that a head says what a query says: a calibrated probability.

A vector forgets letters and letters know no meaning: a misspelling is far in the first and near in the
second, a synonym the other way round. The weights come with the bundle. K neighbours.
"""

from __future__ import annotations

import math

from shelfsense.reformulation.writing.gram_overlap import gram_signs
from shelfsense.reformulation.writing.loose_form import loose_form
from shelfsense.thresholds import AgreementWeights

MOST_TYPE_ODDS = 4.0
"""Past it a probability says no more of whether two texts mean the same."""

SCORED = 12
"""Nearest heads whose letters are compared; those behind keep the least overlap there is, none."""


def letter_signs(query: str, query_locale: str, head: str, head_locale: str) -> tuple[float, float]:
    """Return how far two texts share their letters, and how much one says beyond the other, both 0 to 1.

    Args:
        query: what was asked.
        query_locale: its locale.
        head: what may stand for it.
        head_locale: the head's locale.
    """
    return gram_signs(loose_form(query, query_locale), loose_form(head, head_locale))


def type_odds(probability: float) -> float:
    """Return the log-odds of a probability, within `MOST_TYPE_ODDS` of 0."""
    odds = math.log(max(probability, 1e-9) / max(1 - probability, 1e-9))
    return max(-MOST_TYPE_ODDS, min(MOST_TYPE_ODDS, odds))


def agreement(weights: AgreementWeights, cosine: float, overlap: float, surplus: float, odds: float) -> float:
    """Return the probability, 0 to 1, that a head says what a query says.

    Args:
        weights: of the bundle.
        cosine: of their vectors.
        overlap: of their letters, 0 to 1.
        surplus: of one's letters over the other's, 0 to 1.
        odds: `type_odds` of the head's product type; 0 where it has none.
    """
    log_odds = (
        weights.shift
        + weights.cosine * cosine
        + weights.overlap * overlap
        + weights.both * cosine * overlap
        + weights.surplus * surplus
        + weights.type_odds * odds
    )
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, log_odds))))


def least_cosine(weights: AgreementWeights | None, threshold: float) -> float:
    """Return the cosine that a head needs at least: with less, not even equal letters and a sure type reach the score.

    Args:
        weights: of the bundle; without them the score is the cosine itself.
        threshold: of the locale; above 1: nothing reaches it.
    """
    if weights is None or threshold > 1:
        return threshold
    slope = weights.cosine + max(weights.both, 0.0)
    rest = weights.shift + max(weights.overlap, 0.0) + max(weights.surplus, 0.0)
    rest += MOST_TYPE_ODDS * abs(weights.type_odds)
    if slope <= 0 or threshold <= 0:
        return 0.0
    wanted = math.log(threshold / (1 - threshold)) if threshold < 1 else 60.0
    return min(1.0, max(0.0, (wanted - rest) / slope))
