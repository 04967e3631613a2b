"""Labelled queries as a variant trains on them and is asked them: tokens, locales, types with shares.

N queries, K types of a query at most, T tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

LONGEST = 24
"""Text tokens that are kept; what a product is stands in the first of them."""


@dataclass(frozen=True, slots=True)
class QuerySet:
    """Queries of one side of a split.

    Attributes:
        texts: N, in model form.
        tokens: N arrays of text tokens, without special ones.
        locale: (N,) index into the study's locales.
        types: (N, K) label indices, -1 where a query has fewer.
        shares: (N, K) how much of each type is meant; 0 where there is none.
        volume: (N,) searches, in any one unit.
        conflict: (N,) whether the query means something else in another locale.
    """

    texts: tuple[str, ...]
    tokens: tuple[NDArray[np.int32], ...]
    locale: NDArray[np.int16]
    types: NDArray[np.int32]
    shares: NDArray[np.float32]
    volume: NDArray[np.float64]
    conflict: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[np.intp]) -> QuerySet:
        """Return some of the queries, in the order of the rows."""
        chosen = rows.tolist()
        return QuerySet(
            tuple(self.texts[i] for i in chosen),
            tuple(self.tokens[i] for i in chosen),
            self.locale[rows],
            self.types[rows],
            self.shares[rows],
            self.volume[rows],
            self.conflict[rows],
        )

    def of_locale(self, locale: int) -> QuerySet:
        """Return the queries of one locale."""
        return self.take(np.flatnonzero(self.locale == locale))


@dataclass(frozen=True, slots=True)
class Example:
    """One query before it is tokenised.

    Attributes:
        text: in model form.
        locale: index into the study's locales.
        types: label index to share.
        volume: searches.
        conflict: it means something else in another locale.
    """

    text: str
    locale: int
    types: dict[int, float]
    volume: float = 1.0
    conflict: bool = False


def query_set(examples: Sequence[Example], tokens: Sequence[Sequence[int]]) -> QuerySet:
    """Lay examples and their tokens side by side."""
    width = max((len(e.types) for e in examples), default=1)
    types = np.full((len(examples), width), -1, dtype=np.int32)
    shares = np.zeros((len(examples), width), dtype=np.float32)
    for row, example in enumerate(examples):
        types[row, : len(example.types)] = list(example.types)
        shares[row, : len(example.types)] = list(example.types.values())
    return QuerySet(
        tuple(e.text for e in examples),
        tuple(np.asarray(t[:LONGEST], dtype=np.int32) for t in tokens),
        np.array([e.locale for e in examples], dtype=np.int16),
        types,
        shares,
        np.array([e.volume for e in examples], dtype=np.float64),
        np.array([e.conflict for e in examples], dtype=np.bool_),
    )


@dataclass(frozen=True, slots=True)
class StudyData:
    """Everything a study is done on.

    Attributes:
        name: as reports call it.
        locales: tags.
        labels: ids of the types, in the order of the labels.
        levels: (L,) level of every label.
        names: a name per label, for heads that start from names.
        train: queries to train on.
        validation: to choose by, labelled like the training queries.
        test: to report.
        conflicts: test queries that mean something else in another locale; a set beside the test queries.
        taught: (conflicts,) whether the locale's own training queries hold the same conflict string; of the
            others nothing that is trained says what they mean there.
    """

    name: str
    locales: tuple[str, ...]
    labels: tuple[str, ...]
    levels: NDArray[np.int32]
    names: tuple[str, ...]
    train: QuerySet
    validation: QuerySet
    test: QuerySet
    conflicts: QuerySet
    taught: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    @property
    def members(self) -> list[NDArray[np.intp]]:
        """Return the labels of each level, the top level first."""
        return [np.flatnonzero(self.levels == level) for level in np.unique(self.levels)]
