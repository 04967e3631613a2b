"""The encoder: transformers' DistilBERT of any size, with locale tokens behind its vocabulary.

Unusual about it: the last rows of the word embedding are not text tokens but one token per
locale and one for ``und``. They live outside tokenizer.json, so no text can inject one, and the
exported graph needs no second look-up.

B queries, T tokens, D width, V vocabulary.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import DistilBertConfig, DistilBertModel

PAD_ID = 1
"""Token id of padding, in the XLM-R order that multilingual-e5 uses."""


class Backbone(nn.Module):
    """DistilBERT over token ids, its padding masked.

    Args:
        encoder: the transformers model.
        text_vocabulary: V, rows of the word embedding that are text tokens; locale tokens follow.
        pad_id: the id that pads a batch.
    """

    def __init__(self, encoder: DistilBertModel, text_vocabulary: int, *, pad_id: int = PAD_ID) -> None:
        super().__init__()
        self.encoder = encoder
        self.text_vocabulary = text_vocabulary
        self.pad_id = pad_id

    @classmethod
    def from_pretrained(cls, name_or_folder: str | Path) -> Backbone:
        """Load any DistilBERT by hub name or folder, as in ``distilbert-base-multilingual-cased``."""
        encoder = DistilBertModel.from_pretrained(str(name_or_folder))
        return cls(encoder, encoder.config.vocab_size, pad_id=encoder.config.pad_token_id or 0)

    @classmethod
    def from_config(cls, config: DistilBertConfig, text_vocabulary: int) -> Backbone:
        """Make one with fresh weights; ``config.vocab_size`` counts text and locale tokens."""
        return cls(DistilBertModel(config), text_vocabulary, pad_id=config.pad_token_id)

    @property
    def width(self) -> int:
        """D, the width of the hidden states."""
        return int(self.encoder.config.dim)

    def add_locale_tokens(self, locales: int, *, spread: float = 0.02) -> None:
        """Append one embedding row per locale and one for ``und``.

        The rows start near the mean of the text rows: a random direction would disturb the
        pretrained attention more than a bland token does.
        """
        old = self.encoder.embeddings.word_embeddings.weight.data  # (V, D)
        bland = old[: self.text_vocabulary].mean(0, keepdim=True)
        rows = bland + spread * old.std() * torch.randn(locales + 1, old.shape[1])
        table = nn.Embedding(self.text_vocabulary + locales + 1, old.shape[1], padding_idx=self.pad_id)
        table.weight.data = torch.cat([old[: self.text_vocabulary], rows])
        self.encoder.embeddings.word_embeddings = table
        self.encoder.config.vocab_size = table.num_embeddings

    def forward(self, token_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Encode a batch.

        Args:
            token_ids: (B, T) int64, padded with `pad_id`.

        Returns:
            Hidden states (B, T, D), and the mask (B, T) that is 1 on real tokens.
        """
        mask = (token_ids != self.pad_id).to(torch.int64)
        hidden = self.encoder(input_ids=token_ids, attention_mask=mask).last_hidden_state
        return hidden, mask
