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
        acceptable: (B, L) true on the named types and their ancestors.
        negative: (B, L) true on labels judged wrong.
        nothing: (B,) true where the query is known to mean no product.
    """

    acceptable: Tensor
    negative: Tensor
    nothing: Tensor


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
        """Return the dense targets of a batch; what lies below a wrong type is wrong too."""
        acceptable = np.zeros((len(rows), len(self._up)), dtype=bool)
        negative = np.zeros_like(acceptable)
        nothing = np.array([row.complete and not row.types for row in rows])
        for b, row in enumerate(rows):
            if row.types:
                acceptable[b] = self._up[[self._index[t] for t in row.types]].any(0)
            if row.negatives:
                wrong = self._down[[self._index[t] for t in row.negatives]].any(0)
                negative[b] = wrong & ~acceptable[b]
        return Targets(torch.from_numpy(acceptable), torch.from_numpy(negative), torch.from_numpy(nothing))


def level_cross_entropy(
    logits: Tensor, targets: Targets, levels: Sequence[Tensor], weights: Sequence[float] | None = None
) -> Tensor:
    """Return the weighted sum over levels of the rows' mean -log p(any acceptable type).

    Softmax within a level, over its types and "no product", whose logit is 0 and which is right
    where the query means none. Rows without an acceptable type at a level do not count there.

    Args:
        logits: (B, L).
        targets: of the same rows.
        levels: label indices of every level.
        weights: one per level; equal shares of 1 when None. Of a tree with fewer levels the last are not used.
    """
    total = logits.new_zeros(())
    wanted = torch.cat([targets.acceptable, targets.nothing[:, None]], dim=1)
    logits = torch.cat([logits, logits.new_zeros(len(logits), 1)], dim=1)
    nothing = torch.tensor([logits.shape[1] - 1])
    for level, weight in zip(levels, weights or [1 / len(levels)] * len(levels), strict=False):
        members = torch.cat([level, nothing])
        z, right = logits[:, members], wanted[:, members]
        rows = right.any(-1)
        if rows.any():
            log_p = z[rows].log_softmax(-1).masked_fill(~right[rows], -1e4).logsumexp(-1)
            total = total - weight * log_p.sum() / len(logits)
    return total


def level_agreement(
    logits: Tensor, believed: Tensor, levels: Sequence[Tensor], weights: Sequence[float] | None = None
) -> Tensor:
    """Return the weighted sum over levels of the mean cross-entropy of two texts' types: one learns what the other knows.

    Softmax within a level, over its types and "no product", whose logit is 0.

    Args:
        logits: (B, L) of the texts that learn.
        believed: (B, L) of the texts that mean the same; nothing is learnt through them.
        levels: label indices of every level.
        weights: one per level; equal shares of 1 when None.
    """
    total = logits.new_zeros(())
    nothing = logits.new_zeros(len(logits), 1)
    for level, weight in zip(levels, weights or [1 / len(levels)] * len(levels), strict=False):
        taught = torch.cat([believed.detach()[:, level], nothing], dim=1).softmax(-1)
        total = total + weight * functional.cross_entropy(torch.cat([logits[:, level], nothing], dim=1), taught)
    return total


def judged_wrong_loss(log_odds: Tensor, targets: Targets) -> Tensor:
    """Return -log(1 - p) summed over the labels judged wrong, mean over rows.

    Args:
        log_odds: (B, L) of each label within its level.
        targets: of the same rows.
    """
    return functional.softplus(log_odds[targets.negative]).sum() / len(log_odds)


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
