"""The re-ranker: one network reads a query and a head side by side and says whether they mean the same.

Its logit is 0 where it cannot tell: training centres it there. B pairs, T tokens, D width.
"""

from __future__ import annotations

from torch import Tensor, nn

from shelfsense.models.backbone import Backbone
from shelfsense.models.heads import mean_pool
from shelfsense.pair_input import LONGEST_SIDE, pair_input

__all__ = ["LONGEST_SIDE", "CrossEncoder", "pair_input"]


class CrossEncoder(nn.Module):
    """Token ids of pairs in, one logit per pair out.

    Args:
        backbone: the encoder, with locale tokens.
        dropout: before the last layer, while training.
    """

    def __init__(self, backbone: Backbone, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(backbone.width, 1)

    def forward(self, token_ids: Tensor) -> Tensor:
        """Return the logits (B,) of pairs (B, T), as `pair_input` lays them out, padded."""
        hidden, mask = self.backbone(token_ids)
        return self.score(mean_pool(hidden, mask))

    def score(self, pooled: Tensor) -> Tensor:
        """Return the logits (B,) of pooled pairs (B, D)."""
        logits: Tensor = self.linear(self.dropout(pooled))[:, 0]
        return logits
