"""Texts found by the letters they share with another: an inverted index of their pairs and triples of letters.

For candidates, in a time that does not grow with the index: a search reads so many postings at most, those
of the rarest grams first. N texts.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense.reformulation.writing.gram_overlap import grams

_MOST_POSTINGS = 20_000
"""Postings that a search reads: a sixth of a millisecond. Among 2,000 heads that is nearly all there are."""


_SMALL = 400
"""Texts of which even fifty grams that all have are read."""


@dataclass(frozen=True, slots=True, eq=False)
class LetterIndex:
    """The grams of N texts; never changed, so any number of threads may search.

    Attributes:
        slots: gram to its place.
        starts: (G + 1,) where each gram's rows begin.
        rows: the rows of the texts that have it, gram by gram, ascending.
        totals: (N,) grams of each text, repeated ones counted as often as it has them.
    """

    slots: dict[str, int]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    totals: NDArray[np.int32]

    @classmethod
    def of(cls, forms: Iterable[str]) -> LetterIndex:
        """Return the index of texts, row i of text i."""
        slots: dict[str, int] = {}
        places, rows, totals = array("i"), array("i"), array("i")
        for row, form in enumerate(forms):
            found, total = grams(form)
            totals.append(total)
            for gram in found:
                places.append(slots.setdefault(gram, len(slots)))
                rows.append(row)
        at = np.array(places, dtype=np.int32)
        order = np.argsort(at, kind="stable")
        starts = np.concatenate([[0], np.bincount(at, minlength=len(slots)).cumsum()])
        return cls(slots, starts, np.array(rows, dtype=np.int32)[order], np.array(totals, dtype=np.int32))

    def nearest(self, form: str, k: int) -> list[tuple[int, float]]:
        """Return the rows of some k texts that share most grams with one, by the rarest of its grams, and the shares.

        The share is of both texts' grams, as in `gram_overlap`, a repeated one counted once, and what was not
        read not at all: never above the overlap.

        Args:
            form: in the form of the index's texts.
            k: 1 or more; fewer are found where fewer share any gram.
        """
        ours, count = grams(form)
        known = [self.slots[gram] for gram in ours if gram in self.slots]
        if not known:
            return []
        ends, begins = self.starts[np.array(known) + 1], self.starts[known]
        order = np.argsort(ends - begins, kind="stable")
        read = max(1, int(np.searchsorted((ends - begins)[order].cumsum(), _MOST_POSTINGS, side="right")))
        parts = [self.rows[begins[i] : ends[i]] for i in order[:read]]
        shared = np.bincount(np.concatenate(parts), minlength=len(self.totals))
        found = np.flatnonzero(shared)
        shares = 2 * shared[found] / (self.totals[found] + count)
        if len(found) > k:
            best = np.argpartition(-shares, k - 1)[:k]
            found, shares = found[best], shares[best]
        first = np.argsort(-shares, kind="stable")
        return list(zip(found[first].tolist(), shares[first].tolist(), strict=True))

    @property
    def small(self) -> bool:
        """Whether any search reads all that there is."""
        return len(self.totals) <= _SMALL
