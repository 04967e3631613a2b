"""How alike locales are: the pairs that the group's precision is worth, learnt from the locales themselves.

S locales whose precisions are drawn from Beta(k m, k (1 - m)) show right pairs that follow the
beta-binomial distribution. Its likelihood over a grid of k, with all of the grid equally likely
beforehand, gives the mean of log k: much where locales agree, little where they differ, the middle
of the grid where nothing is known. Gelman et al., Bayesian Data Analysis, 5.3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

_GRID = np.array([10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0])


def prior_strength(accepted: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Return the pairs that the common precision counts for, 10 to 1,000.

    Args:
        accepted: (S,) pairs of each locale that reach a threshold common to all.
        right: (S,) how many of them are right.
    """
    if right.sum() in {0.0, accepted.sum()}:  # all wrong or all right say nothing of their spread
        return float(np.exp(np.log(_GRID).mean()))
    share = right.sum() / accepted.sum()
    alpha, beta = _GRID[:, None] * share, _GRID[:, None] * (1 - share)
    likelihood = (betaln(right + alpha, accepted - right + beta) - betaln(alpha, beta)).sum(axis=1)
    weight = np.exp(likelihood - likelihood.max())
    return float(np.exp(np.log(_GRID) @ weight / weight.sum()))
