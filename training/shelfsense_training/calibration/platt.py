"""Makes the network's probabilities mean what they say: Platt scaling, one map per level.

Platt, "Probabilistic outputs for support vector machines", 1999, without its prior correction: the
pairs are plenty. Every label of a level shares its map, because most types have no positive at all
in validation data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes


@dataclass(frozen=True, slots=True)
class LevelCalibration:
    """The map of one level: probability = sigmoid(scale x log-odds + shift)."""

    scale: float
    shift: float


def fit_level(log_odds: NDArray[np.float32], labels: NDArray[np.bool_]) -> LevelCalibration:
    """Fit one level's map by maximum likelihood.

    Args:
        log_odds: (N, K) of the level's K types, within the level.
        labels: (N, K) whether the type is acceptable; what is not known to be counts as wrong.
    """
    model = LogisticRegression(C=1e6).fit(log_odds.reshape(-1, 1), labels.reshape(-1))
    return LevelCalibration(float(model.coef_[0, 0]), float(model.intercept_[0]))


def apply_calibration(
    model: UnderstanderModel,
    product_types: ProductTypes,
    levels: Mapping[int, LevelCalibration],
    type_shift: NDArray[np.float64] | None = None,
) -> None:
    """Set the classification head's calibration, in place.

    Args:
        model: whose head it is.
        product_types: in the order of the head's labels.
        levels: the maps; other levels stay as they are.
        type_shift: (L,) added to the shift of each type of those levels.
    """
    head = model.classification
    for level, found in levels.items():
        members = product_types.by_level[level]
        own = np.zeros(len(members)) if type_shift is None else type_shift[members]
        head.scale[members] = found.scale
        head.shift[members] = torch.from_numpy(found.shift + own).to(head.shift.dtype)


def expected_calibration_error(
    probabilities: NDArray[np.float32], labels: NDArray[np.bool_], *, bins: int = 15
) -> float:
    """Return the mean gap between probability and frequency over equal-width bins, weighted by their size.

    Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", 2015; over the best
    type of each query.

    Args:
        probabilities: (N, K).
        labels: (N, K).
        bins: of [0, 1].
    """
    best = probabilities.argmax(1)
    top = probabilities[np.arange(len(best)), best]
    right = labels[np.arange(len(best)), best]
    bin_of = np.minimum((top * bins).astype(int), bins - 1)
    gaps = [abs(top[bin_of == b].mean() - right[bin_of == b].mean()) * (bin_of == b).mean() for b in set(bin_of)]
    return float(sum(gaps))
