"""Brings a tier's probabilities to the scale of the whole network's, so that the bundle's thresholds hold for both.

One affine map of the log-odds per level but the deepest, as the network's own calibration has. N queries, L types.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from shelfsense.product_types import ProductTypes

_LEAST = 1e-7
_ROUNDS = 60

# Thresholds lie above it: nearly all types of a query are near nothing, and would decide the fit.
_LIKELY = 0.1


@dataclass(frozen=True, slots=True)
class TierCalibration:
    """The maps, type by type.

    Attributes:
        scale: (L,) above 0.
        shift: (L,).
    """

    scale: NDArray[np.float32]
    shift: NDArray[np.float32]

    @classmethod
    def fit(
        cls, product_types: ProductTypes, ours: NDArray[np.float32], network: NDArray[np.float32]
    ) -> TierCalibration:
        """Fit by the cross-entropy to the network's probabilities, where either finds a type likely; needs no labels.

        Args:
            product_types: the tree.
            ours: (N, L) the tier's.
            network: (N, L) the whole network's, both before they are served.
        """
        scale, shift = np.ones(len(product_types), np.float32), np.zeros(len(product_types), np.float32)
        for level, members in product_types.by_level.items():
            if level == product_types.depth > 1:
                continue  # its types together are part of their parents' probability, the unlikely ones too
            likely = np.maximum(ours[:, members], network[:, members]) >= _LIKELY
            scale[members], shift[members] = _affine(ours[:, members][likely], network[:, members][likely])
        return cls(scale, shift)

    def apply(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities (N, L) on the network's scale."""
        found: NDArray[np.float32] = 1 / (1 + np.exp(-(_log_odds(probabilities) * self.scale + self.shift)))
        return found


def _affine(ours: NDArray[np.float32], network: NDArray[np.float32]) -> tuple[float, float]:
    """Return the scale and the shift of log-odds that bring probabilities nearest to the network's."""
    odds, wanted = torch.from_numpy(_log_odds(ours)), torch.from_numpy(network)
    found = torch.tensor([0.0, 0.0], requires_grad=True)  # logarithm of the scale, shift
    optimizer = torch.optim.LBFGS([found], max_iter=_ROUNDS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        entropy = functional.binary_cross_entropy_with_logits(odds * found[0].exp() + found[1], wanted)
        torch.autograd.backward(entropy)
        return entropy

    optimizer.step(loss)  # type: ignore[no-untyped-call, unused-ignore]
    scale, shift = found.detach().tolist()
    return math.exp(scale), shift


def _log_odds(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    kept = np.clip(probabilities, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(kept / (1 - kept)), dtype=np.float32)
