"""The two heads on the pooled query: product types, and the vector for the head index.

B queries, T tokens, D width, L labels, E embedding.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def mean_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Average the hidden states of real tokens: (B, T, D) and (B, T) to (B, D)."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)  # (B, T, 1)
    return (hidden * weights).sum(1) / weights.sum(1).clamp_min(1.0)


class ClassificationHead(nn.Module):
    """One logit per product type, then a calibrated sigmoid.

    The calibration (an affine map of the logits per label) is fitted after training and stays
    the identity until then, so losses see plain logits.

    Args:
        width: D.
        labels: L.
        dropout: on the pooled query while training.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, width: int, labels: int, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, labels)
        self.register_buffer("scale", torch.ones(labels))
        self.register_buffer("shift", torch.zeros(labels))

    def forward(self, pooled: Tensor) -> Tensor:
        """Return logits (B, L) of pooled queries (B, D)."""
        logits: Tensor = self.linear(self.dropout(pooled))
        return logits

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return calibrated probabilities (B, L) of logits (B, L)."""
        return torch.sigmoid(logits * self.scale + self.shift)


class EmbeddingHead(nn.Module):
    """A linear map of the pooled query to a unit vector; starts as the identity where D = E.

    Args:
        width: D.
        embedding: E.
    """

    def __init__(self, width: int, embedding: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, embedding)
        if width == embedding:
            nn.init.eye_(self.linear.weight)
            nn.init.zeros_(self.linear.bias)

    def forward(self, pooled: Tensor) -> Tensor:
        """Return unit vectors (B, E) of pooled queries (B, D)."""
        return functional.normalize(self.linear(pooled), dim=-1)
