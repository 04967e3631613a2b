"""The heads: product types and the vector for the head index on the pooled query, attributes on its tokens.

B queries, T tokens, D width, L labels, E embedding, S states, K kinds of attributes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from shelfsense.attribute_kinds import ATTRIBUTES

__all__ = ["ATTRIBUTES", "AttributeHead", "ClassificationHead", "EmbeddingHead", "mean_pool"]

SMALLEST_SHARE = 1e-7
"""What is left for all other labels of a level at least: float32 tells no less apart."""

SMALLEST_ODDS = 1e-30
"""Of "no product" beside the likeliest label: beyond it float32 has nothing left to divide by."""


def mean_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Average the hidden states of real tokens: (B, T, D) and (B, T) to (B, D)."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)  # (B, T, 1)
    return (hidden * weights).sum(1) / weights.sum(1).clamp_min(1.0)


class ClassificationHead(nn.Module):
    """One logit per product type; within a level they compete, and with "no product" whose logit is 0.

    Of a query that could mean several things every type gets its share, and of one that is no
    product none gets much: both say more than logits that never meet. The calibration (an affine
    map of the log-odds per label) is fitted after training and stays the identity until then.

    Args:
        width: D.
        labels: L.
        levels: (L,) the level of every label; all of one level where None.
        dropout: on the pooled query while training.
    """

    scale: Tensor
    shift: Tensor
    membership: Tensor

    def __init__(self, width: int, labels: int, levels: Sequence[int] | None = None, *, dropout: float = 0.1) -> None:
        super().__init__()
        level = torch.tensor(levels if levels is not None else [1] * labels)
        # (K, L) 1 where a label is of the k-th level; what the tree says, so no weight.
        self.register_buffer("membership", (level == level.unique()[:, None]).float(), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, labels)
        self.register_buffer("scale", torch.ones(labels))
        self.register_buffer("shift", torch.zeros(labels))

    def forward(self, pooled: Tensor) -> Tensor:
        """Return logits (B, L) of pooled queries (B, D)."""
        logits: Tensor = self.linear(self.dropout(pooled))
        return logits

    def log_odds(self, logits: Tensor) -> Tensor:
        """Return the log-odds (B, L) of each label against all others of its level and "no product"."""
        largest = logits.amax(-1, keepdim=True).clamp_min(0.0)
        odds = torch.exp(logits - largest)
        level = odds @ self.membership.T + torch.exp(-largest).clamp_min(SMALLEST_ODDS)  # (B, K)
        total = level @ self.membership  # (B, L)
        return logits - largest - torch.log(torch.maximum(total - odds, SMALLEST_SHARE * total))

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return calibrated probabilities (B, L) of logits (B, L)."""
        return torch.sigmoid(self.log_odds(logits) * self.scale + self.shift)


class EmbeddingHead(nn.Module):
    """A linear map of the pooled query to a unit vector.

    It may read the pooled states of several layers side by side: learning product types drives out of the
    last layer what two queries of one type differ in, and the layers below still have it. Starts as the
    last layer itself where D = E.

    Args:
        width: D.
        embedding: E.
        states: S, layers that it reads, the last of them the network's last.
    """

    def __init__(self, width: int, embedding: int, states: int = 1) -> None:
        super().__init__()
        self.states = states
        self.linear = nn.Linear(states * width, embedding)
        if width == embedding:
            nn.init.zeros_(self.linear.weight)
            nn.init.eye_(self.linear.weight.data[:, -width:])
            nn.init.zeros_(self.linear.bias)

    def forward(self, pooled: Tensor) -> Tensor:
        """Return unit vectors (B, E) of pooled states (B, S x D)."""
        return functional.normalize(self.linear(pooled), dim=-1)


class AttributeHead(nn.Module):
    """What each token of the query is part of: an attribute that must not change, or nothing of that kind.

    Args:
        width: D; it reads the states of two layers, the middle one and the last.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * width, len(ATTRIBUTES))

    def forward(self, states: Tensor) -> Tensor:
        """Return logits (..., K) of token states (..., 2 D)."""
        logits: Tensor = self.linear(states)
        return logits
