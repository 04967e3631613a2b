"""The encoder: transformers' DistilBERT of any size, with locale tokens behind its vocabulary.

Unusual about it: token ids from V on are not text but one token per locale and one for ``und``.
They live outside tokenizer.json, so no text can inject one, and have a small embedding of their
own: the word embedding can stay frozen (and 4 bits wide in a bundle) while locales are learned.

B queries, T tokens, D width, V text vocabulary.
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
        pad_id: the id that pads a batch.
    """

    def __init__(self, encoder: DistilBertModel, *, pad_id: int = PAD_ID) -> None:
        super().__init__()
        self.encoder = encoder
        self.pad_id = pad_id
        self.locale_embeddings: nn.Embedding | None = None

    @classmethod
    def from_pretrained(cls, name_or_folder: str | Path) -> Backbone:
        """Load any DistilBERT by hub name or folder, as in ``distilbert-base-multilingual-cased``."""
        encoder = DistilBertModel.from_pretrained(str(name_or_folder))
        return cls(encoder, pad_id=encoder.config.pad_token_id or 0)

    @classmethod
    def from_config(cls, config: DistilBertConfig) -> Backbone:
        """Make one with fresh weights, without locale tokens."""
        return cls(DistilBertModel(config), pad_id=config.pad_token_id)

    @property
    def width(self) -> int:
        """D, the width of the hidden states."""
        return int(self.encoder.config.dim)

    @property
    def layers(self) -> int:
        """How many layers there are."""
        return int(self.encoder.config.n_layers)

    @property
    def text_vocabulary(self) -> int:
        """V, the number of text tokens; locale tokens have the ids from V on."""
        return int(self.encoder.config.vocab_size)

    def add_locale_tokens(self, locales: int, *, spread: float = 0.1) -> None:
        """Add one embedding per locale and one for ``und``.

        They start near the mean of the words: a random direction would disturb the pretrained
        attention more than a bland token does.
        """
        words = self.encoder.embeddings.word_embeddings.weight.data  # (V, D)
        self.locale_embeddings = nn.Embedding(locales + 1, words.shape[1])
        noise = torch.randn(locales + 1, words.shape[1])
        self.locale_embeddings.weight.data = words.mean(0, keepdim=True) + spread * words.std() * noise

    def forward(self, token_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Encode a batch.

        Args:
            token_ids: (B, T) int64, padded with `pad_id`.

        Returns:
            Hidden states (B, T, D), and the mask (B, T) that is 1 on real tokens.
        """
        states, mask = self.states(token_ids)
        return states[-1], mask

    def states(self, token_ids: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return the hidden states (B, T, D) after every layer, and the mask (B, T), of a batch (B, T)."""
        mask = (token_ids != self.pad_id).to(torch.int64)
        embedded = self.encoder.embeddings.word_embeddings(token_ids.clamp_max(self.text_vocabulary - 1))
        if self.locale_embeddings is not None:
            is_locale = token_ids >= self.text_vocabulary
            locale = self.locale_embeddings((token_ids - self.text_vocabulary).clamp_min(0))
            embedded = torch.where(is_locale.unsqueeze(-1), locale, embedded)  # (B, T, D)
        found = self.encoder(inputs_embeds=embedded, attention_mask=mask, output_hidden_states=True)
        return found.hidden_states[1:], mask
