"""A network without layers: the mean of vectors of what a text is made of, one hidden step, and the head.

What a text is made of are the network's own tokens, or hashed character n-grams (`hashed_grams`); either way
a text is a sequence of whole numbers. Nothing here attends to order.

B texts, F features of all of them, V rows of the table, D width, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain

import torch
from torch import Tensor, nn

from shelfsense.models.heads import ClassificationHead

GRAM_WIDTH = 128
"""D of a table of n-grams, of which a text has many more than tokens."""

_HIDDEN = 512


class StaticTier(nn.Module):
    """Features of texts in, logits of product types out.

    Args:
        rows: V.
        width: D.
        head: classifies the mean, (D) to (L).
        hidden: width of the step between, which lets features mean something together.
    """

    def __init__(self, rows: int, width: int, head: ClassificationHead, *, hidden: int = _HIDDEN) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(rows, width, mode="mean", sparse=True)
        nn.init.normal_(self.table.weight, std=0.1)
        back = nn.Linear(hidden, width)
        nn.init.zeros_(back.weight)
        nn.init.zeros_(back.bias)
        self.inner = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), back)
        self.head = head

    def forward(self, features: Sequence[Sequence[int]]) -> Tensor:
        """Return logits (B, L) of texts, each a sequence of 1 or more rows of the table."""
        starts = [0, *accumulate(map(len, features))][:-1]
        joined = torch.tensor(list(chain.from_iterable(features)))
        mean = self.table(joined, torch.tensor(starts))  # (B, D)
        logits: Tensor = self.head(mean + self.inner(mean))
        return logits

    def probabilities(self, features: Sequence[Sequence[int]]) -> Tensor:
        """Return calibrated probabilities (B, L)."""
        with torch.inference_mode():
            return self.head.probabilities(self(features))
