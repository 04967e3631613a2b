"""Which rows of a set are live: a removed row keeps its place and is found by no search.

Nothing here is ever changed: a removal makes new bits, and who reads the old ones goes on reading them.
N index rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

_FAISS: Any = faiss  # its type stubs know less of it than it has


@dataclass(frozen=True, slots=True, eq=False)
class LiveRows:
    """The live ones of N rows.

    Attributes:
        rows: N.
        count: how many are live.
        bits: (⌈N / 8⌉,) one bit a row, the lowest first; 1 is live.
        selector: the same bits, as faiss's IDSelectorBitmap; None where all rows are live, which it searches faster.
    """

    rows: int
    count: int
    bits: NDArray[np.uint8]
    selector: Any

    @classmethod
    def all_of(cls, rows: int) -> LiveRows:
        """Return N rows, all live."""
        return cls.from_mask(np.ones(rows, dtype=np.bool_))

    @classmethod
    def from_mask(cls, mask: NDArray[np.bool_]) -> LiveRows:
        """Return the rows for which a mask (N,) is true."""
        return cls._of(len(mask), np.packbits(mask, bitorder="little"))

    def without(self, rows: Iterable[int]) -> LiveRows:
        """Return the live rows without some; those that are dead already may be among them."""
        bits = self.bits.copy()
        for row in rows:
            bits[row >> 3] &= ~np.uint8(1 << (row & 7))
        return self._of(self.rows, bits)

    def mask(self) -> NDArray[np.bool_]:
        """Return (N,) whether each row is live."""
        return np.unpackbits(self.bits, count=self.rows, bitorder="little").astype(np.bool_)

    def __contains__(self, row: int) -> bool:
        return bool(self.bits[row >> 3] >> (row & 7) & 1)

    @classmethod
    def _of(cls, rows: int, bits: NDArray[np.uint8]) -> LiveRows:
        count = int(np.bitwise_count(bits).sum())
        # The selector points into the bits, which live as long as this does.
        return cls(rows, count, bits, None if count == rows else _FAISS.IDSelectorBitmap(bits))
