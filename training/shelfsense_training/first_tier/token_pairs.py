"""A text as the network's own tokens and their hashed pairs of neighbours: what a bag of tokens forgets of order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_FACTOR = 1_000_003  # odd, so that it mixes well with a power of two


@dataclass(frozen=True, slots=True)
class TokenPairs:
    """Turns tokens into rows of a table.

    Attributes:
        tokens: rows of single tokens, locales among them.
        buckets: rows behind them for pairs; a power of two.
    """

    tokens: int
    buckets: int = 1 << 17

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return self.tokens + self.buckets

    def features(self, token_ids: Sequence[int]) -> list[int]:
        """Return the rows of one text.

        Args:
            token_ids: ``<s>``, the locale's token, the text's tokens, ``</s>``, as `QueryTokenizer.network_input` has them.
        """
        inside = list(token_ids[1:-1])
        # A pair counts in every locale: the locale's own token is in none.
        pairs = [self.tokens + (a * _FACTOR + b) % self.buckets for a, b in pairwise(inside[1:])]
        return inside + pairs
