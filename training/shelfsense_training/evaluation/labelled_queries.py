"""Queries with the types they may mean: what the figures are computed on.

Rows of one (normalised query, locale) make one query. N queries, L types of the tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shelfsense.errors import InputRefused
from shelfsense.product_types import ProductTypes
from shelfsense.text import normal_form
from shelfsense_training.evaluation.labelled_rows import LabelledRow, read_labelled_rows
from shelfsense_training.sources.judged_queries import JudgedQuery
from shelfsense_training.sources.splits import Split


@dataclass(frozen=True, slots=True)
class LabelledQuery:
    """One query of one locale, and what judges said of it.

    Attributes:
        text: as typed, in its first row.
        locale: BCP 47 tag, as in the file.
        positives: indices of acceptable types and all their ancestors; several of one level are
            alternatives. Empty where no type of the tree fits: then every answer is a miss.
        negatives: indices of types judged wrong and not acceptable either.
        volume: the largest that a row gives.
        place: of its first row, for messages.
    """

    text: str
    locale: str
    positives: tuple[int, ...]
    negatives: tuple[int, ...]
    volume: float
    place: str


@dataclass(frozen=True, slots=True)
class LabelledQueries:
    """The queries of a data file.

    Attributes:
        queries: those with a row of label 1, in the file's order.
        without_positive: queries left out, for nothing is known to be right for them.
    """

    queries: tuple[LabelledQuery, ...]
    without_positive: int

    def labels(self, types: int) -> NDArray[np.bool_]:
        """Return (N, L) the acceptable types of each query, L being the size of the tree."""
        table = np.zeros((len(self.queries), types), dtype=np.bool_)
        for row, query in zip(table, self.queries, strict=True):
            row[list(query.positives)] = True
        return table


def read_labelled_queries(path: Path, product_types: ProductTypes) -> LabelledQueries:
    """Read a data file, its columns as in `labelled_rows`.

    Raises:
        InputRefused: naming the file, the line and the fact.
    """
    try:
        return group_rows(read_labelled_rows(path), product_types)
    except InputRefused as error:
        known = str(error).startswith(str(path))
        raise error if known else InputRefused(f"{path}: {error}") from error


def group_rows(rows: Iterable[LabelledRow], product_types: ProductTypes) -> LabelledQueries:
    """Make queries of judgements; where judges disagree on a type, it is acceptable.

    Raises:
        InputRefused: when an id is no type of the tree, or no query has a row of label 1.
    """
    groups: dict[tuple[str, str], list[LabelledRow]] = {}
    for row in rows:
        if row.product_type_id and row.product_type_id not in product_types.index:
            fact = f"product_type_id {row.product_type_id!r} is no type of {product_types.label_space}"
            raise InputRefused(f"{row.place}: {fact}; map it, or leave the cell empty")
        groups.setdefault((normal_form(row.query), row.locale), []).append(row)
    judged = [group for group in groups.values() if any(row.relevant for row in group)]
    if not judged:
        raise InputRefused("no query has a row of label 1, so there is nothing to measure; add what is right for them")
    return LabelledQueries(tuple(_query(group, product_types) for group in judged), len(groups) - len(judged))


def judged_rows(queries: Iterable[JudgedQuery], split: Split) -> list[LabelledRow]:
    """Return one side of the judged marketplace queries as rows of a data file.

    A judgement makes a row per acceptable node; a relevant one without any makes a row without a
    type. An irrelevant one without any says nothing and makes none.
    """
    rows = []
    for query in queries:
        if query.split is split:
            unmapped = ("",) if query.relevant else ()
            rows += [
                LabelledRow(query.text, query.locale, node, query.relevant) for node in query.acceptable or unmapped
            ]
    return rows


def _query(group: Sequence[LabelledRow], product_types: ProductTypes) -> LabelledQuery:
    index = product_types.index
    right = {
        ancestor
        for row in group
        if row.relevant and row.product_type_id
        for ancestor in product_types.ancestors(index[row.product_type_id])
    }
    wrong = {index[row.product_type_id] for row in group if not row.relevant and row.product_type_id}
    first = group[0]
    volume = max(row.volume for row in group)
    return LabelledQuery(
        first.query, first.locale, tuple(sorted(right)), tuple(sorted(wrong - right)), volume, first.place
    )
