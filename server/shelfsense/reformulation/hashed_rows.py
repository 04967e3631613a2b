"""Rows by a text of theirs, found by the text's hash: eight bytes a row and as many for the hash, and no strings.

N rows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class HashedRows:
    """The rows of a table by hash. Texts with one hash may differ: whoever asks compares them in full.

    Attributes:
        hashes: (N,) ascending. The process's own hash will do: it never leaves it.
        rows: (N,) whose hash each is; rows of one hash in their order.
    """

    hashes: NDArray[np.int64]
    rows: NDArray[np.int64]
    _view: memoryview[int] = field(init=False, repr=False)  # its elements are Python's own, a fifth of numpy's price

    def __post_init__(self) -> None:
        object.__setattr__(self, "_view", self.hashes.data)

    @classmethod
    def of(cls, texts: Iterable[str]) -> HashedRows:
        """Return rows by their texts, row i of text i."""
        return cls.of_hashes(np.array([hash(text) for text in texts], dtype=np.int64))

    @classmethod
    def of_hashes(cls, hashes: NDArray[np.int64]) -> HashedRows:
        """Return rows by the hashes (N,) of their texts, in the order of the rows."""
        rows = np.argsort(hashes, kind="stable")
        return cls(hashes[rows], rows)

    def by_row(self) -> NDArray[np.int64]:
        """Return the hashes (N,) in the order of the rows."""
        found = np.empty_like(self.hashes)
        found[self.rows] = self.hashes
        return found

    def find(self, text: str) -> list[int]:
        """Return the rows whose texts have the hash of a text, in order."""
        sought, hashes = hash(text), self._view
        first = end = bisect_left(hashes, sought)
        while end < len(hashes) and hashes[end] == sought:
            end += 1
        found: list[int] = self.rows[first:end].tolist() if end > first else []
        return found
