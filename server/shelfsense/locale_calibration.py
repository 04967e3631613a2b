"""Makes the network's probabilities mean in a locale what they mean on the whole.

The network's graph holds one map per product type for all locales. Where a locale's probabilities
run too high or too low, its thresholds file adds an affine map of their log-odds per level; most
locales have none. Knows nothing of how the maps were fitted; that is training's.
B queries, L product types.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import IDENTITY, LocaleThresholds, Thresholds

_LEAST = np.float32(1e-30)
_MOST = np.nextafter(np.float32(1), np.float32(0))
"""Probabilities are read between these: 0 and 1 have no log-odds."""


class LocaleCalibration:
    """The maps of every locale of a bundle: probability = sigmoid(scale x log-odds + shift).

    Args:
        product_types: the tree, in the order of the network's outputs.
        thresholds: that hold the maps, one per level where a locale has any.
    """

    def __init__(self, product_types: ProductTypes, thresholds: Thresholds) -> None:
        # (2, L) scale and shift of every type, for the locales that have a map.
        self._maps = {
            tag: _by_type(product_types, entry)
            for tag, entry in thresholds.by_locale.items()
            if any(each != IDENTITY for each in entry.calibration)
        }

    def apply(self, probabilities: NDArray[np.float32], locale: str) -> NDArray[np.float32]:
        """Return the probabilities as they hold in a locale.

        Args:
            probabilities: (L,) or (B, L), as the network gives them.
            locale: a tag of the bundle, or ``und``.

        Returns:
            A new array of the same shape; where the locale has no map, the very array that was given.
        """
        found = self._maps.get(locale)
        if found is None:
            return probabilities
        scale, shift = found
        inside = np.clip(probabilities, _LEAST, _MOST)
        log_odds = np.log(inside) - np.log1p(-inside)
        with np.errstate(over="ignore"):  # an infinite exponential is a probability of 0, and right
            calibrated: NDArray[np.float32] = 1 / (1 + np.exp(-(scale * log_odds + shift)))
        return calibrated

    def apply_all(self, probabilities: NDArray[np.float32], locales: Sequence[str]) -> NDArray[np.float32]:
        """Return the probabilities (B, L) of queries of B locales; the very array where none of them has a map."""
        rows = [row for row, locale in enumerate(locales) if locale in self._maps]
        if not rows:
            return probabilities
        calibrated = probabilities.copy()
        for row in rows:
            calibrated[row] = self.apply(probabilities[row], locales[row])
        return calibrated


def _by_type(product_types: ProductTypes, entry: LocaleThresholds) -> NDArray[np.float32]:
    by_level = np.array(entry.calibration, dtype=np.float32)  # (levels, 2)
    return np.ascontiguousarray(by_level[product_types.level - 1].T)
