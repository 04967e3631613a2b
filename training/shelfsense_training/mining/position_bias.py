"""Position bias from a log itself: how likely a place is examined, relative to the first.

Harvested interventions (Agarwal, Zaitsev, Wang, Li, Najork, Joachims, "Estimating Position Bias without Intrusive
Interventions", WSDM 2019, section 4): the same query and product shown at places k and k' differs in the place alone,
so the ratio of its click rates is the ratio of examination. Over all queries and products the ratio of two places is
the Mantel-Haenszel rate ratio of follow-up data (Rothman, Greenland, Lash, "Modern Epidemiology", 3rd ed., chapter 15),

    ratio(k, k') = sum c_k n_k' / (n_k + n_k')  /  sum c_k' n_k / (n_k + n_k'),

where n are impressions and c clicks: consistent even where every product was shown only a few times, which plain
averages of rates are not. Its logarithm has the variance of Greenland and Robins (Biometrics 41, 1985),

    sum (c_k + c_k') n_k n_k' / (n_k + n_k')^2  /  (numerator x denominator).

All pairs together give log propensities by least squares weighted with the inverse variances.

Places that no product moves between (a later page of results) are joined by the same ratios over a query and type in
place of a query and product: products of one type are less alike than one product is to itself, so these pairs count
only where there are no others.
Assumes that clicks factor into examination of the place and attraction of the product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shelfsense.errors import InputRefused

_MIN_CLICKS = 10.0
"""Mantel-Haenszel clicks below which the ratio of a pair of places is left out."""


@dataclass(frozen=True, slots=True)
class PlacePair:
    """What the harvested experiments of two places add up to.

    Attributes:
        upper, lower: the places, from 1 at the top.
        upper_clicks, lower_clicks: numerator and denominator of the Mantel-Haenszel ratio.
        variation: the sum in the numerator of its log variance.
    """

    upper: int
    lower: int
    upper_clicks: float
    lower_clicks: float
    variation: float


@dataclass(frozen=True, slots=True)
class PositionBias:
    """Propensities of places, 1 at the top place.

    Attributes:
        propensity: per place, at least the clip.
        estimated: places whose figure comes from experiments; the others carry that of the nearest one above.
    """

    propensity: dict[int, float]
    estimated: tuple[int, ...]


def estimate_position_bias(
    places: Sequence[int], pairs: Sequence[PlacePair], type_pairs: Sequence[PlacePair] = (), *, clip: float
) -> PositionBias:
    """Estimate the propensity of every place.

    Args:
        places: the places of the log.
        pairs: sums over experiments with a query and product, each pair of places once.
        type_pairs: the same with a query and type.
        clip: smallest propensity, in (0, 1]: bounds the weight of an action at 1 / clip.

    Raises:
        InputRefused: when ``places`` is empty.
    """
    if not places:
        raise InputRefused("no impression has a position; mine with --exposure raw, or log impressions with positions")
    usable = _with_enough_clicks(pairs)
    group = _groups(places, usable)
    usable += [pair for pair in _with_enough_clicks(type_pairs) if group[pair.upper] != group[pair.lower]]
    logs = _least_squares(min(places), usable)
    propensity: dict[int, float] = {}
    above = 1.0
    for place in sorted(places):
        above = max(clip, float(np.exp(logs[place]))) if place in logs else above
        propensity[place] = above
    return PositionBias(propensity, tuple(sorted(logs)))


def _with_enough_clicks(pairs: Sequence[PlacePair]) -> list[PlacePair]:
    return [pair for pair in pairs if min(pair.upper_clicks, pair.lower_clicks) >= _MIN_CLICKS]


def _groups(places: Sequence[int], pairs: Sequence[PlacePair]) -> dict[int, int]:
    """Return, per place, the highest place that pairs connect it to."""
    group = {place: place for place in places}
    for _ in places:
        for pair in pairs:
            group[pair.upper] = group[pair.lower] = min(group[pair.upper], group[pair.lower])
    return group


def _least_squares(top: int, pairs: Sequence[PlacePair]) -> dict[int, float]:
    """Return log propensities of the places that pairs connect to the top one."""
    group = _groups([top, *(p for pair in pairs for p in (pair.upper, pair.lower))], pairs)
    rows = [pair for pair in pairs if group[pair.upper] == top]
    number = {place: i for i, place in enumerate(sorted(p for p in group if group[p] == top and p != top))}
    if not rows:
        return {top: 0.0}
    design = np.zeros((len(rows), len(number)))
    ratio, weight = np.empty(len(rows)), np.empty(len(rows))
    for i, pair in enumerate(rows):
        for place, sign in ((pair.upper, 1.0), (pair.lower, -1.0)):
            if place != top:
                design[i, number[place]] = sign
        ratio[i] = np.log(pair.upper_clicks / pair.lower_clicks)
        weight[i] = np.sqrt(pair.upper_clicks * pair.lower_clicks / pair.variation)
    solved = np.linalg.lstsq(design * weight[:, None], ratio * weight, rcond=None)[0]
    return {top: 0.0} | {place: float(solved[i]) for place, i in number.items()}
