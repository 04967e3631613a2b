"""A text as hashed words, pairs of words and character n-grams, its locale beside them; needs no tokenizer.

Source of the features: Bojanowski et al., "Enriching Word Vectors with Subword Information", 2017.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from zlib import crc32

from shelfsense_training.first_tier.distillation_texts import Text


@dataclass(frozen=True, slots=True)
class HashedGrams:
    """Turns texts into rows of a table.

    Attributes:
        buckets: rows of the table; features that meet in one share it.
        lengths: of the character n-grams, of words with a mark at either end.
    """

    buckets: int = 1 << 18
    lengths: Sequence[int] = (3, 4, 5)

    def features(self, text: Text) -> list[int]:
        """Return the rows of one text, in no order that means anything; at least the one of its locale."""
        words, locale = text[0].split(), text[1]
        return [crc32(name.encode()) % self.buckets for name in self._names(words, locale)]

    def _names(self, words: Sequence[str], locale: str) -> Iterator[str]:
        yield f"locale {locale}"
        for word in words:
            yield word
            marked = f"<{word}>"
            for length in self.lengths:
                yield from (marked[i : i + length] for i in range(len(marked) - length + 1))
        yield from map(" ".join, pairwise(words))
