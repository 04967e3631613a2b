"""A light adapter per locale: a low-rank residual on the pooled query, before the classification head alone.

Locales share the network; one that was onboarded later has rows of its own here, and all others row 0,
which is zero and stays it: their pooled query gets 0.0 added, which changes no bit of an answer. The
embedding head does not see it, so the vectors of all heads stay comparable.

Source of the shape: Houlsby et al., "Parameter-Efficient Transfer Learning for NLP", 2019, without its
non-linearity, as Hu et al., "LoRA", 2021, start it: up is zero, so a new adapter changes nothing.

B queries, D width, R rank, A adapters with row 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

RANK = 8
"""R where nothing else is asked for: 6,144 weights of a locale at a width of 384."""


class LocaleAdapters(nn.Module):
    """The adapters of a network, looked up by locale.

    Args:
        width: D.
        rows: element i is the adapter of the i-th locale token, 0 for none; ``und`` is the last.
        rank: R.
    """

    rows: Tensor

    def __init__(self, width: int, rows: Sequence[int], *, rank: int = RANK) -> None:
        super().__init__()
        self.register_buffer("rows", torch.tensor(rows, dtype=torch.int64))  # (locales + 1,)
        adapters = max(rows, default=0) + 1
        self.down = nn.Parameter(torch.randn(adapters, width, rank) * width**-0.5)  # (A, D, R)
        self.up = nn.Parameter(torch.zeros(adapters, rank, width))  # (A, R, D)
        # Both zero, so that no gradient ever moves it: each one's is a product with the other.
        self.down.data[0] = 0.0

    def forward(self, pooled: Tensor, locale: Tensor) -> Tensor:
        """Return pooled queries (B, D) with their locale's residual added.

        Args:
            pooled: (B, D).
            locale: (B,) place of each query's locale token among the locale tokens; below 0: it has none.
        """
        row = self.rows[locale.clamp_min(0)] * (locale >= 0)  # (B,)
        low = pooled.unsqueeze(1) @ self.down[row]  # (B, 1, R)
        residual: Tensor = (low @ self.up[row]).squeeze(1)
        return pooled + residual
