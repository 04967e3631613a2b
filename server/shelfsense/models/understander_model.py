"""The one network: backbone, mean pool, classification head and embedding head, in one pass.

Adapters of single locales stand before the classification head, and an attribute head stands on the
tokens, where a bundle has any.

B queries, T tokens, D width, L labels, E embedding, S states, K kinds of attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from shelfsense.models.backbone import Backbone
from shelfsense.models.heads import AttributeHead, ClassificationHead, EmbeddingHead, mean_pool
from shelfsense.models.locale_adapters import LocaleAdapters


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """What the network says of a batch.

    Attributes:
        logits: (B, L), before labels of a level compete.
        embeddings: (B, E), unit length.
        attributes: (B, T, K) logits of every token; None where there is no attribute head.
    """

    logits: Tensor
    embeddings: Tensor
    attributes: Tensor | None = None


class UnderstanderModel(nn.Module):
    """Token ids in, product-type logits and query vectors out.

    Args:
        backbone: the encoder, its locale tokens added.
        labels: L.
        embedding: E.
        levels: (L,) the level of every label; all of one level where None.
        dropout: before the classification head, while training.
        all_layers: the embedding head reads every layer, not the last alone.
        attributes: there is an attribute head.
    """

    def __init__(
        self,
        backbone: Backbone,
        labels: int,
        embedding: int,
        levels: Sequence[int] | None = None,
        *,
        dropout: float = 0.1,
        all_layers: bool = False,
        attributes: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.classification = ClassificationHead(backbone.width, labels, levels, dropout=dropout)
        self.embedding = EmbeddingHead(backbone.width, embedding, backbone.layers if all_layers else 1)
        self.attributes = AttributeHead(backbone.width) if attributes else None
        self.adapters: LocaleAdapters | None = None

    @property
    def middle(self) -> int:
        """Which layer, from 0, the attribute head reads beside the last."""
        return self.backbone.layers // 2 - 1 if self.backbone.layers > 1 else 0

    def forward(self, token_ids: Tensor) -> ModelOutput:
        """Answer a batch of token ids (B, T), padded with the backbone's pad id."""
        states, mask = self.backbone.states(token_ids)
        pooled = torch.cat([mean_pool(state, mask) for state in states[-self.embedding.states :]], dim=-1)  # (B, S D)
        return self.answer(pooled, token_ids[:, 1], torch.cat([states[self.middle], states[-1]], dim=-1))

    def answer(self, pooled: Tensor, locale_tokens: Tensor, states: Tensor) -> ModelOutput:
        """Answer pooled queries.

        Args:
            pooled: (B, S x D), the last layer last.
            locale_tokens: (B,) the token ids that stand in the locale's place.
            states: (..., 2 D) of the tokens, the middle layer and the last.
        """
        last = pooled[:, -self.backbone.width :]
        if self.adapters is not None:
            last = self.adapters(last, locale_tokens - self.backbone.text_vocabulary)
        attributes = self.attributes(states) if self.attributes is not None else None
        return ModelOutput(self.classification(last), self.embedding(pooled), attributes)
