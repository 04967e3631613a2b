"""The one network: backbone, mean pool, classification head and embedding head, in one pass.

B queries, T tokens, D width, L labels, E embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from shelfsense.models.backbone import Backbone
from shelfsense.models.heads import ClassificationHead, EmbeddingHead, mean_pool


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """What the network says of a batch.

    Attributes:
        logits: (B, L), before labels of a level compete.
        embeddings: (B, E), unit length.
    """

    logits: Tensor
    embeddings: Tensor


class UnderstanderModel(nn.Module):
    """Token ids in, product-type logits and query vectors out.

    Args:
        backbone: the encoder, its locale tokens added.
        labels: L.
        embedding: E.
        levels: (L,) the level of every label; all of one level where None.
        dropout: before the classification head, while training.
    """

    def __init__(
        self,
        backbone: Backbone,
        labels: int,
        embedding: int,
        levels: Sequence[int] | None = None,
        *,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.classification = ClassificationHead(backbone.width, labels, levels, dropout=dropout)
        self.embedding = EmbeddingHead(backbone.width, embedding)

    def forward(self, token_ids: Tensor) -> ModelOutput:
        """Answer a batch of token ids (B, T), padded with the backbone's pad id."""
        hidden, mask = self.backbone(token_ids)
        pooled = mean_pool(hidden, mask)  # (B, D)
        return ModelOutput(self.classification(pooled), self.embedding(pooled))
