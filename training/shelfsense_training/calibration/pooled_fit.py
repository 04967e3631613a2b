"""One level's maps fitted together: of the whole, of every type and of every locale.

The probability of a pair of type t in locale l is

    sigmoid((1 + a_l) x u + b_l)      with      u = A z + B + c_t

where z is the network's own log-odds. u is what the graph computes, so a locale's part is an affine
map of the graph's calibrated log-odds and a type's shift passes through it. A and B are free; a, b
and c have Gaussian priors around 0. The posterior's mode is found by Gauss-Newton: of the
Hessian, the types' block is diagonal, so eliminating it leaves 2 + 2 x locales unknowns.
M pairs, T types, S locales.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.calibration.pair_sample import PairSample

_STEPS = 30
_CONVERGED = 1e-7  # of the objective, relative
_FIXED = 1e9  # precision of a prior that lets nothing move

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard deviations of the priors; 0 keeps the part at its mean.

    Attributes:
        scale: of a_l, of 1.
        shift: of b_l, in log-odds.
        kind: of c_t, in log-odds.
    """

    scale: float
    shift: float
    kind: float


@dataclass(frozen=True, slots=True)
class PooledMaps:
    """The maps of one level.

    Attributes:
        whole: (2,) A and B.
        kind: (T,) c.
        scale: (S,) a, so that 1 + a is a locale's scale.
        shift: (S,) b.
    """

    whole: Floats
    kind: Floats
    scale: Floats
    shift: Floats

    @classmethod
    def identity(cls, kinds: int, locales: int) -> PooledMaps:
        """Return the maps that change nothing."""
        return cls(np.array([1.0, 0.0]), np.zeros(kinds), np.zeros(locales), np.zeros(locales))

    def graph_log_odds(self, pairs: PairSample) -> Floats:
        """Return u (M,)."""
        return np.asarray(self.whole[0] * pairs.log_odds + self.whole[1] + self.kind[pairs.kind])

    def log_odds(self, pairs: PairSample, locale: NDArray[np.intp]) -> Floats:
        """Return the calibrated log-odds (M,) of pairs in locales (M,)."""
        return np.asarray((1 + self.scale[locale]) * self.graph_log_odds(pairs) + self.shift[locale])

    def loss(self, pairs: PairSample, locale: NDArray[np.intp]) -> float:
        """Return the weighted sum of the pairs' negative log-likelihoods."""
        signed = np.where(pairs.right, -1, 1) * self.log_odds(pairs, locale)
        return float(pairs.weight @ np.logaddexp(0, signed))

    def centred(self) -> PooledMaps:
        """Return the same probabilities with locales whose scales average 1 and shifts 0.

        Types outnumber locales, so their prior alone would rather have every c small and every
        locale's scale large. What all locales share belongs to the graph, and to a locale unseen.
        """
        mean, offset = 1 + float(self.scale.mean()), float(self.shift.mean())
        scale = (1 + self.scale) / mean
        whole = np.array([self.whole[0] * mean, self.whole[1] * mean + offset])
        return PooledMaps(whole, self.kind * mean, scale - 1, self.shift - scale * offset)

    def moved(self, step: PooledMaps, part: float) -> PooledMaps:
        """Return the maps some way along a step."""
        return PooledMaps(
            self.whole + part * step.whole,
            self.kind + part * step.kind,
            self.scale + part * step.scale,
            self.shift + part * step.shift,
        )


def fit_pooled(
    pairs: PairSample, locale: NDArray[np.intp], spread: Spread, start: PooledMaps, *, graph: bool = True
) -> PooledMaps:
    """Fit one level's maps.

    Args:
        pairs: of the level.
        locale: (M,) of each pair, 0 to S - 1.
        spread: of the priors.
        start: where to begin, of the right sizes.
        graph: whether A, B and c may move; where not, they stay as they start.
    """
    if not graph:
        spread = replace(spread, kind=0.0)
    found = start
    value = _objective(found, pairs, locale, spread, start)
    for _ in range(_STEPS):
        step = _newton_step(found, pairs, locale, spread, graph=graph)
        part = 1.0
        while (new := _objective(found.moved(step, part), pairs, locale, spread, start)) > value and part > 1e-4:
            part /= 2
        if new >= value:
            break
        found, gained, value = found.moved(step, part), value - new, new
        if gained <= _CONVERGED * value:
            break
    return found.centred() if graph and spread.scale > 0 else found


def _precision(deviation: float) -> float:
    return 1 / deviation**2 if deviation > 0 else _FIXED


def _objective(
    maps: PooledMaps, pairs: PairSample, locale: NDArray[np.intp], spread: Spread, start: PooledMaps
) -> float:
    penalty = _precision(spread.scale) * (maps.scale @ maps.scale) + _precision(spread.shift) * (
        maps.shift @ maps.shift
    )
    free = maps.kind - (start.kind if spread.kind == 0 else 0)
    return maps.loss(pairs, locale) + 0.5 * float(penalty + _precision(spread.kind) * (free @ free))


def _newton_step(
    maps: PooledMaps, pairs: PairSample, locale: NDArray[np.intp], spread: Spread, *, graph: bool
) -> PooledMaps:
    kinds, locales = len(maps.kind), len(maps.scale)
    z, u, s = pairs.log_odds, maps.graph_log_odds(pairs), 1 + maps.scale[locale]
    p = 0.5 * (1 + np.tanh(0.5 * (s * u + maps.shift[locale])))
    weight = pairs.weight * p * (1 - p)
    rest = pairs.weight * (pairs.right - p)

    def by_locale(values: Floats) -> Floats:
        return np.asarray(np.bincount(locale, values, locales), dtype=np.float64)

    def by_kind(values: Floats) -> Floats:
        return np.asarray(np.bincount(pairs.kind, values, kinds), dtype=np.float64)

    def by_both(values: Floats) -> Floats:
        both = np.bincount(pairs.kind * locales + locale, values, kinds * locales)
        return np.asarray(both, dtype=np.float64).reshape(kinds, locales)

    ws, wss = weight * s, weight * s * s
    size = 2 + 2 * locales
    dense = np.zeros((size, size))  # A, B, then every a, then every b
    a, b = slice(2, 2 + locales), slice(2 + locales, size)
    dense[0, 0], dense[0, 1], dense[1, 1] = wss @ (z * z), wss @ z, wss.sum()
    dense[0, a], dense[0, b] = by_locale(ws * z * u), by_locale(ws * z)
    dense[1, a], dense[1, b] = by_locale(ws * u), by_locale(ws)
    dense[a, b] = np.diag(by_locale(weight * u))
    dense = np.triu(dense, 1) + np.triu(dense, 1).T + np.diag(np.diag(dense))
    dense[a, a] = np.diag(by_locale(weight * u * u) + _precision(spread.scale))
    dense[b, b] = np.diag(by_locale(weight) + _precision(spread.shift))
    gradient = np.concatenate(
        [
            [rest @ (s * z), rest @ s],
            by_locale(rest * u) - _precision(spread.scale) * maps.scale,
            by_locale(rest) - _precision(spread.shift) * maps.shift,
        ]
    )
    if not graph:
        dense[[0, 1], [0, 1]] += _FIXED * max(1.0, float(weight.sum()))
        gradient[:2] = 0
    if spread.kind == 0:  # types stay: nothing to eliminate
        return _step(np.linalg.solve(dense, gradient), np.zeros(kinds), spread, graph=graph)
    cross = np.column_stack([by_kind(wss * z), by_kind(wss), by_both(ws * u), by_both(ws)])  # (T, size)
    diagonal = by_kind(wss) + _precision(spread.kind)  # (T,)
    kind_gradient = by_kind(rest * s) - _precision(spread.kind) * maps.kind
    scaled = cross / diagonal[:, None]
    step = np.asarray(np.linalg.solve(dense - cross.T @ scaled, gradient - scaled.T @ kind_gradient), np.float64)
    return _step(step, (kind_gradient - cross @ step) / diagonal, spread, graph=graph)


def _step(dense: Floats, kind: Floats, spread: Spread, *, graph: bool) -> PooledMaps:
    """Put the unknowns in their places; what is fixed moves by nothing at all, not by a rounding."""
    locales = (len(dense) - 2) // 2
    scale, shift = dense[2 : 2 + locales], dense[2 + locales :]
    return PooledMaps(
        dense[:2] if graph else np.zeros(2),
        kind,
        scale if spread.scale > 0 else np.zeros(locales),
        shift if spread.shift > 0 else np.zeros(locales),
    )
