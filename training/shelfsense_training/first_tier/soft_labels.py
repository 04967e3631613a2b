"""How far one network's product types are from another's, level by level.

B queries, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from shelfsense.product_types import ProductTypes


class LevelDivergence:
    """Kullback-Leibler divergence of the labels' shares within each level, "no product" (logit 0) among them.

    Args:
        product_types: the tree, in the order of the labels.
    """

    def __init__(self, product_types: ProductTypes) -> None:
        self._levels = [torch.from_numpy(product_types.by_level[k]) for k in sorted(product_types.by_level)]

    def __call__(self, ours: Tensor, theirs: Tensor) -> Tensor:
        """Return the sum over levels of the mean divergence of logits (B, L) from a teacher's (B, L)."""
        losses = []
        for level in self._levels:
            wanted = _shares(theirs, level)
            losses.append((wanted.exp() * (wanted - _shares(ours, level))).sum(-1).mean())
        return torch.stack(losses).sum()


def _shares(logits: Tensor, level: Sequence[int] | Tensor) -> Tensor:
    """Return the logarithms (B, labels of the level + 1) of the shares."""
    members = logits[:, level]
    return torch.cat([members, members.new_zeros(len(members), 1)], dim=1).log_softmax(-1)
