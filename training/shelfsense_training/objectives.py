"""The losses of the two heads.

B queries, L labels, E embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from shelfsense.product_types import ProductTypes
from shelfsense_training.training_rows import TrainingRow


@dataclass(frozen=True, slots=True)
class Targets:
    """What a batch of rows says about every label.

    Attributes:
        acceptable: (B, L) 1 on the named types and their ancestors.
        negative: (B, L) 1 on labels known to be wrong.
    """

    acceptable: Tensor
    negative: Tensor


class TargetTable:
    """Turns rows into dense targets.

    Args:
        product_types: the tree, in the order of the labels.
    """

    def __init__(self, product_types: ProductTypes) -> None:
        self._index = product_types.index
        size = len(product_types)
        self._up = np.zeros((size, size), dtype=bool)  # row: self and ancestors
        for i in range(size):
            self._up[i, product_types.ancestors(i)] = True
        self._down = self._up.T.copy()  # row: self and descendants

    def targets(self, rows: Sequence[TrainingRow]) -> Targets:
        """Return the dense targets of a batch.

        Of a complete row every label is negative that is neither acceptable nor below an acceptable
        one (which of a type's children is meant is unknown). Of a judged row only the judged
        nodes are, with what lies below them; all else stays unknown.
        """
        acceptable = np.zeros((len(rows), len(self._up)), dtype=bool)
        negative = np.zeros_like(acceptable)
        for b, row in enumerate(rows):
            named = [self._index[t] for t in row.types]
            if named:
                acceptable[b] = self._up[named].any(0)
            if row.complete:
                negative[b] = ~(acceptable[b] | self._down[named].any(0))
            elif row.negatives:
                wrong = self._down[[self._index[t] for t in row.negatives]].any(0)
                negative[b] = wrong & ~acceptable[b]
        return Targets(torch.from_numpy(acceptable), torch.from_numpy(negative))


def level_cross_entropy(
    logits: Tensor, acceptable: Tensor, levels: Sequence[Tensor], weights: Sequence[float] | None = None
) -> Tensor:
    """Return the weighted sum over levels of the rows' mean -log p(any acceptable type), softmax within a level.

    Rows without an acceptable type at a level do not count there.

    Args:
        logits: (B, L).
        acceptable: (B, L) bool.
        levels: label indices of every level.
        weights: one per level; equal shares of 1 when None. Of a tree with fewer levels the last are not used.
    """
    total = logits.new_zeros(())
    for level, weight in zip(levels, weights or [1 / len(levels)] * len(levels), strict=False):
        z, wanted = logits[:, level], acceptable[:, level]
        rows = wanted.any(-1)
        if rows.any():
            log_p = z[rows].log_softmax(-1).masked_fill(~wanted[rows], -1e4).logsumexp(-1)
            total = total - weight * log_p.sum() / len(logits)
    return total


def masked_binary_cross_entropy(logits: Tensor, targets: Targets) -> Tensor:
    """Return the binary cross-entropy over known labels, summed over labels, mean over rows.

    Where several types are acceptable at a level, each is a positive: any of them is a right answer.
    Unknown labels count nothing.
    """
    known = targets.acceptable | targets.negative
    losses = functional.binary_cross_entropy_with_logits(logits, targets.acceptable.to(logits.dtype), reduction="none")
    return (losses * known).sum() / len(logits)


def contrastive_loss(queries: Tensor, partners: Tensor, groups: NDArray[np.int64], temperature: float) -> Tensor:
    """Return InfoNCE over a batch of pairs, both ways; rows of one group are no negatives of each other.

    Args:
        queries: (B, E) unit vectors.
        partners: (B, E) unit vectors, row i says the same as query i.
        groups: (B,) what each pair means; equal groups mean the same.
        temperature: divides the cosines.
    """
    scores = queries @ partners.T / temperature
    same = torch.from_numpy(groups[:, None] == groups[None, :])
    scores = scores.masked_fill(same & ~torch.eye(len(groups), dtype=torch.bool), -1e4)
    target = torch.arange(len(groups))
    return 0.5 * (functional.cross_entropy(scores, target) + functional.cross_entropy(scores.T, target))
