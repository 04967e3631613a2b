"""The least threshold whose precision is credibly high: a beta-binomial of two levels.

At every threshold a locale has accepted pairs of its own, n, of which h are right. What it has not
seen itself, it believes of the wider group (all other locales; of a type: its locale): the prior is
as many pairs as `prior_pairs` at the group's precision there, though never more than the group
has. The posterior of the precision is a Beta distribution, and a threshold holds where its lower
credible bound reaches the target. With growing n the group's word vanishes; with none the
threshold is the group's, with the margin that the spread between locales asks for.

Gelman et al., Bayesian Data Analysis, 5.3 (rat tumours), with the prior's strength as a setting.
K candidate thresholds.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from shelfsense.thresholds import NEVER
from shelfsense_training.calibration.scored_pairs import ScoredPairs

_JEFFREYS = 0.5
"""Right and wrong pairs every posterior starts with, so that a bound exists without any evidence."""

_MOST_CANDIDATES = 4096

_EVEN = 0.5


def bounded_threshold(
    own: ScoredPairs,
    everywhere: ScoredPairs,
    precision: float,
    *,
    prior_pairs: float,
    confidence: float,
    fewest: int,
    checked_pairs: float = inf,
) -> float:
    """Return the least threshold at which the precision is credibly reached, `NEVER` where none can be given.

    A candidate holds where the posterior leaves at most 1 - confidence below the target. From the
    strictest that holds the way leads down and ends where the posterior mean falls below the target:
    what holds again beyond is a lucky run. Where no candidate can be that sure, twice the doubt is
    allowed, and again twice, at last an even chance. Where not even that holds, the group's own least
    threshold counts, unless the locale's pairs contradict it.

    Args:
        own: the pairs of the locale, or of the type.
        everywhere: those of the wider group, without its own (none may be twice evidence).
        precision: the target, above 0 and below 1.
        prior_pairs: pairs that the group's precision counts for, 0 or more.
        confidence: 0.5 asks the median, 0.95 a bound that 5 % of the posterior lie below.
        fewest: accepted pairs, own and the group's together, below which a precision is no evidence.
        checked_pairs: accepted pairs on which the promise will be checked: the bound is then of what such
            a sample shows, its own chance included. Infinite asks the precision itself.
    """
    candidates = _candidates(own, everywhere, precision)
    if not len(candidates):
        return NEVER
    accepted, right = own.accepted(candidates)
    group, group_right = everywhere.accepted(candidates)
    alpha, beta = posterior(accepted, right, group, group_right, prior_pairs)
    evidence = accepted + group >= fewest
    # The share of a sample spreads by the posterior's variance and its own: the two counts in series.
    kept = 1 / (1 + (alpha + beta) / checked_pairs)
    below, likely = betainc(kept * alpha, kept * beta, precision), alpha / (alpha + beta) >= precision
    for doubt in _doubts(confidence):
        holds = (below <= doubt) & evidence
        if holds.any():
            return _least_steady(candidates, holds, likely)
    pooled = (group_right >= precision * group) & (group >= fewest)
    # What the own pairs deny, with the confidence asked for, the group cannot promise for them.
    return _least(candidates, pooled & ~denied(accepted, right, precision, confidence))


def denied(
    accepted: NDArray[np.float64], right: NDArray[np.float64], precision: float, confidence: float
) -> NDArray[np.bool_]:
    """Return (K,) whether a precision is credibly missed by so many pairs, by their own word alone."""
    missed: NDArray[np.bool_] = betainc(right + _JEFFREYS, accepted - right + _JEFFREYS, precision) >= confidence
    return missed


def posterior(
    accepted: NDArray[np.float64],
    right: NDArray[np.float64],
    group: NDArray[np.float64],
    group_right: NDArray[np.float64],
    prior_pairs: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the two parameters of the precision's Beta posterior at K thresholds.

    Args:
        accepted: (K,) own pairs.
        right: (K,) how many of them are right.
        group: (K,) pairs of the wider group.
        group_right: (K,) how many of them are right.
        prior_pairs: pairs that the group's precision counts for, at most.
    """
    share = np.divide(group_right, group, out=np.zeros_like(group), where=group > 0)
    strength = np.minimum(prior_pairs, group)
    alpha = right + strength * share + _JEFFREYS
    beta = accepted - right + strength * (1 - share) + _JEFFREYS
    return alpha, beta


def _doubts(confidence: float) -> Iterator[float]:
    doubt = 1 - confidence
    while doubt < _EVEN:
        yield doubt
        doubt *= 2
    yield _EVEN


def _candidates(own: ScoredPairs, everywhere: ScoredPairs, precision: float) -> NDArray[np.float32]:
    """Return (K,) scores worth trying, strictest first; where they are many, evenly spaced by rank."""
    least = min(own.reach(precision), everywhere.reach(precision))
    scores = np.concatenate([own.from_score(least).scores, everywhere.from_score(least).scores])
    found = np.unique(scores)[::-1]
    if len(found) <= _MOST_CANDIDATES:
        return found
    return found[np.unique(np.linspace(0, len(found) - 1, _MOST_CANDIDATES).astype(np.intp))]


def _least_steady(candidates: NDArray[np.float32], holds: NDArray[np.bool_], likely: NDArray[np.bool_]) -> float:
    """Return the least candidate that holds, before one below the strictest of them is not even likely."""
    first = int(np.argmax(holds))
    unlikely = np.flatnonzero(~likely[first:])
    end = first + int(unlikely[0]) if len(unlikely) else len(candidates)
    return _least(candidates[:end], holds[:end])


def _least(candidates: NDArray[np.float32], chosen: NDArray[np.bool_]) -> float:
    places = np.flatnonzero(chosen)
    return float(candidates[places[-1]]) if len(places) else NEVER
