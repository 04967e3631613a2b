"""One score of all signs that a head says what a query says: a calibrated probability.

A vector forgets letters and letters know no meaning: a misspelling is far in the first and near in the
second, a synonym the other way round. The weights come with the bundle. K neighbours.
"""

from __future__ import annotations

import math
from operator import itemgetter

from shelfsense.reformulation.compared_form import compared_form
from shelfsense.reformulation.writing.gram_overlap import gram_signs
from shelfsense.reformulation.writing.loose_form import loose_form
from shelfsense.thresholds import AgreementWeights

MOST_TYPE_ODDS = 4.0
"""Past it a probability says no more of whether two texts mean the same."""

BY_LETTERS = 8
"""Heads that are looked for by letters alone, whatever their vectors."""

LEAST_LETTERS = 0.4
"""Letters that such a head shares at least: `gram_overlap` of the compared forms."""

WHOLE = 0.999
"""Overlap from which on two texts have the same words."""

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
    folded = gram_signs(compared_form(query, query_locale), compared_form(head, head_locale))
    # A misspelt word is no synonym, and what stands for its neighbour in a table need not be what it stands beside.
    plain = gram_signs(loose_form(query, query_locale), loose_form(head, head_locale))
    return max(folded, plain, key=itemgetter(0))


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
        + (weights.whole if overlap >= WHOLE else 0.0)
    )
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, log_odds))))


def least_cosine(
    weights: AgreementWeights | None, threshold: float, odds: tuple[float, float] = (-MOST_TYPE_ODDS, MOST_TYPE_ODDS)
) -> float:
    """Return the cosine that a head needs at least: with less, not even equal letters reach the score.

    Args:
        weights: of the bundle; without them the score is the cosine itself.
        threshold: of the locale; above 1: nothing reaches it.
        odds: least and most of the `type_odds` that the head may have.
    """
    if weights is None or threshold > 1:
        return threshold
    wanted = math.log(threshold / (1 - threshold)) if 0 < threshold < 1 else math.copysign(60.0, threshold - 0.5)
    low, high = 0.0, 1.0
    if _best_log_odds(weights, high, odds) < wanted:
        return high
    while high - low > _CLOSE:  # the best log-odds rise with the cosine
        middle = (low + high) / 2
        low, high = (low, middle) if _best_log_odds(weights, middle, odds) >= wanted else (middle, high)
    return low


class LeastCosines:
    """The `least_cosine` of a locale, by how sure the head's type is: letters are compared of few heads.

    Args:
        weights: of the bundle; without them the score is the cosine itself.
        threshold: of the locale; above 1: nothing reaches it.
    """

    def __init__(self, weights: AgreementWeights | None, threshold: float) -> None:
        lower = [step * _ODDS_STEP - MOST_TYPE_ODDS for step in range(round(2 * MOST_TYPE_ODDS / _ODDS_STEP))]
        self._by_step = [least_cosine(weights, threshold, (low, low + _ODDS_STEP)) for low in lower]

    def of(self, odds: float) -> float:
        """Return the least cosine of a head with such `type_odds`."""
        return self._by_step[min(int((odds + MOST_TYPE_ODDS) / _ODDS_STEP), len(self._by_step) - 1)]


_CLOSE = 1e-4
_STEPS = 64
_ODDS_STEP = 0.5


def _best_log_odds(weights: AgreementWeights, cosine: float, odds: tuple[float, float]) -> float:
    """Return the largest log-odds of any letters at a cosine, and of a type with odds between two.

    Of texts with an overlap d (Dice) one holds the other at most, and then by 2 (1 - d) / (2 - d).
    """
    letters = max(
        weights.overlap * d
        + weights.both * cosine * d
        + max(0.0, weights.surplus) * 2 * (1 - d) / (2 - d)
        + (max(0.0, weights.whole) if d >= WHOLE else 0.0)
        for d in (step / _STEPS for step in range(_STEPS + 1))
    )
    slack = (abs(weights.overlap) + abs(weights.both) + 2 * abs(weights.surplus)) / _STEPS  # between two steps
    return weights.shift + weights.cosine * cosine + letters + slack + max(weights.type_odds * each for each in odds)
