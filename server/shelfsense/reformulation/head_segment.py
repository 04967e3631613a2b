"""Some heads of one locale, searchable by vector and by their words; a locale is a few such segments.

A segment is never changed: a removal or another volume makes a new one that shares the rest. Strings
stay in Arrow and are made only for what a search finds. Knows nothing of other segments.
N index rows, E embedding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shelfsense.reformulation.hashed_rows import HashedRows
from shelfsense.reformulation.head import HeadMatch
from shelfsense.reformulation.live_rows import LiveRows
from shelfsense.reformulation.vector_index import VectorIndex
from shelfsense.text import normal_form

_FEW = 8
"""Heads that are looked for first where few can be near enough: more are, of the starter bundle's, for one query
in a thousand, and keeping 32 in order takes a third of the time that a search of 320 takes."""

_SMALL = 2_000
"""Rows up to which a second search costs little beside what the first one saves."""


@dataclass(frozen=True, slots=True, eq=False)
class HeadSegment:
    """N heads of one locale, some of which may have been removed.

    Attributes:
        numbers: (N,) each head's own, ascending.
        vectors: of the heads.
        live: those not removed.
        volumes: (N,) searches.
        estimates: (N,) whether the volume is an editorial rank.
        queries: (N,) as their shop writes them.
        product_types: ids, each once.
        type_rows: (N,) which of them is each head's.
        attributes: (N,) in their short form.
        forms: the rows by their normal forms.
    """

    numbers: NDArray[np.int64]
    vectors: VectorIndex
    live: LiveRows
    volumes: NDArray[np.float64]
    estimates: NDArray[np.bool_]
    queries: pa.StringArray
    product_types: tuple[str, ...]
    type_rows: NDArray[np.int32]
    attributes: pa.StringArray
    forms: HashedRows

    @classmethod
    def of(cls, table: pa.Table, vectors: VectorIndex, first: int) -> HeadSegment:
        """Return heads, all live, numbered from `first` on.

        Args:
            table: N rows in the form of `head_table`, of one locale.
            vectors: of the same rows.
            first: the first one's number.
        """
        queries = table.column("query").combine_chunks()
        types = table.column("product_type").combine_chunks().dictionary_encode()
        return cls(
            numbers=np.arange(first, first + len(table), dtype=np.int64),
            vectors=vectors,
            live=LiveRows.all_of(len(table)),
            volumes=table.column("volume").to_numpy(),
            estimates=table.column("volume_is_estimate").to_numpy(),
            queries=queries,
            product_types=tuple(types.dictionary.to_pylist()),
            type_rows=types.indices.to_numpy(),
            attributes=table.column("attributes").combine_chunks(),
            forms=HashedRows.of(map(normal_form, queries.to_pylist())),
        )

    @classmethod
    def joined(cls, parts: Sequence[tuple[HeadSegment, NDArray[np.bool_]]], vectors: VectorIndex) -> HeadSegment:
        """Return the chosen rows of segments, in order, each as live, as numbered and as large as it was.

        Args:
            parts: 1 or more segments, each with a mask (N,) of its rows.
            vectors: of the rows chosen.
        """
        types = {
            name: i for i, name in enumerate(dict.fromkeys(name for part, _ in parts for name in part.product_types))
        }
        renumbered = [np.array([types[name] for name in part.product_types], dtype=np.int32) for part, _ in parts]
        return cls(
            numbers=np.concatenate([part.numbers[mask] for part, mask in parts]),
            vectors=vectors,
            live=LiveRows.from_mask(np.concatenate([part.live.mask()[mask] for part, mask in parts])),
            volumes=np.concatenate([part.volumes[mask] for part, mask in parts]),
            estimates=np.concatenate([part.estimates[mask] for part, mask in parts]),
            queries=pa.concat_arrays([part.queries.filter(pa.array(mask)) for part, mask in parts]),
            product_types=tuple(types),
            type_rows=np.concatenate(
                [new[part.type_rows[mask]] for new, (part, mask) in zip(renumbered, parts, strict=True)]
            ),
            attributes=pa.concat_arrays([part.attributes.filter(pa.array(mask)) for part, mask in parts]),
            forms=HashedRows.of_hashes(np.concatenate([part.forms.by_row()[mask] for part, mask in parts])),
        )

    def search(self, vector: NDArray[np.float32], k: int, least: float) -> list[tuple[float, int]]:
        """Return (score, row) of the k live heads closest to a vector (E,) that score `least` or more, closest first.

        Scores lie in 0 to 1.
        """
        few = _FEW if least > 0 and self.live.rows <= _SMALL else k
        scores, rows = self.vectors.search(vector, min(few, k), self.live)
        if few < k and len(scores) == few and scores[-1] >= least:  # there may be more
            scores, rows = self.vectors.search(vector, k, self.live)
        scores = np.minimum(np.maximum(scores, 0), 1)
        near = int(np.count_nonzero(scores >= least))
        return list(zip(scores[:near].tolist(), rows[:near].tolist(), strict=True))

    def find(self, form: str) -> list[int]:
        """Return the rows of the live heads with a normal form, in order."""
        rows = (row for row in self.forms.find(form) if row in self.live)
        return [row for row in rows if normal_form(self.queries[row].as_py()) == form]

    def match(self, locale: str, row: int, score: float, *, exact: bool = False) -> HeadMatch:
        """Return the head of a row as something found."""
        return HeadMatch(
            int(self.numbers[row]),
            self.queries[row].as_py(),
            locale,
            float(self.volumes[row]),
            bool(self.estimates[row]),
            self.product_types[self.type_rows[row]],
            score,
            exact,
            self.attributes[row].as_py(),
        )

    def without(self, rows: Iterable[int]) -> HeadSegment:
        """Return the segment with some of its heads removed."""
        return replace(self, live=self.live.without(rows))

    def with_volumes(self, volumes: Mapping[int, float]) -> HeadSegment:
        """Return the segment with other volumes for some of its rows; they count searches, and are no estimates."""
        rows = list(volumes)
        numbers, estimates = self.volumes.copy(), self.estimates.copy()
        numbers[rows], estimates[rows] = list(volumes.values()), False
        return replace(self, volumes=numbers, estimates=estimates)
