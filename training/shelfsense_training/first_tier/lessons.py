"""What a first tier is taught: the network's product types and vectors on texts, by row.

N texts, B of a batch, S layers, D width, L labels, E embedding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shelfsense_training.first_tier.soft_labels import LevelDivergence
from shelfsense_training.first_tier.teacher import Teacher


@dataclass(frozen=True, slots=True)
class Lessons:
    """The network's states on texts, and how far another's product types are from its own.

    Attributes:
        teacher: the network.
        states: (N, S, D) its pooled states, text by text.
        divergence: of product types.
    """

    teacher: Teacher
    states: NDArray[np.float16]
    divergence: LevelDivergence

    def pooled(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the pooled states (B, S, D) of some texts."""
        return torch.from_numpy(self.states[rows].astype(np.float32))

    def logits(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the network's logits (B, L) on some texts."""
        with torch.no_grad():
            return self.teacher.logits(torch.from_numpy(self.states[rows, -1:].astype(np.float32)))
