"""The one network: backbone, mean pool, classification head and embedding head, in one pass.

Adapters of single locales stand before the classification head, where a bundle has any.

B queries, T tokens, D width, L labels, E embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from shelfsense.models.backbone import Backbone
from shelfsense.models.heads import ClassificationHead, EmbeddingHead, mean_pool
from shelfsense.models.locale_adapters import LocaleAdapters


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
        self.adapters: LocaleAdapters | None = None

    def forward(self, token_ids: Tensor) -> ModelOutput:
        """Answer a batch of token ids (B, T), padded with the backbone's pad id."""
        hidden, mask = self.backbone(token_ids)
        pooled = mean_pool(hidden, mask)  # (B, D)
        return self.answer(pooled, token_ids[:, 1])

    def answer(self, pooled: Tensor, locale_tokens: Tensor) -> ModelOutput:
        """Answer pooled queries (B, D), given the token ids (B,) that stand in the locale's place."""
        adapted = pooled
        if self.adapters is not None:
            adapted = self.adapters(pooled, locale_tokens - self.backbone.text_vocabulary)
        return ModelOutput(self.classification(adapted), self.embedding(pooled))
