"""Queries with graded products: which of them can stand in for each other, and which may be told apart by whom.

Two queries are partners when they share exact products. Half of such pairs differ in an attribute, so
partners are evidence for retrieval, never for acceptance. Queries connected by shared exact products
form a group; a group is never split between training and test. Knows nothing of networks.

N queries.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shelfsense.errors import InputRefused
from shelfsense.text import model_form, normal_form
from shelfsense_training.sources.splits import hash_bucket

EXACT = 3
"""The grade of a product that is just what the query asks for."""

FOLDS = 5
PARTNERS_SHARE = 2
"""Exact products that partners of the evaluation share at least."""


@dataclass(frozen=True, slots=True)
class SharedProducts:
    """Two queries and how many exact products they have in common.

    Attributes:
        first: row of one query, the smaller.
        second: row of the other.
        common: exact products in common, 1 or more.
        fewer: exact products of the query that has fewer.
    """

    first: int
    second: int
    common: int
    fewer: int


class GradedQueries:
    """All queries of a judged set, those without judgements included: they are candidates too.

    Args:
        texts: N queries as typed.
        grades: product to grade, by row; rows without judgements are absent.

    Attributes:
        texts: in model form.
        judged: (N,) whether the query has judgements.
        shared: pairs that share an exact product.
        group: (N,) the smallest row of the query's group.
        fold: (N,) 0 to `FOLDS` - 1, one for a whole group.
    """

    def __init__(self, texts: Sequence[str], grades: Mapping[int, Mapping[int, int]]) -> None:
        self.texts = tuple(model_form(text, "en") for text in texts)
        self.grades = grades
        self.judged = np.zeros(len(texts), dtype=np.bool_)
        self.judged[list(grades)] = True
        self.shared = tuple(self._shared())
        self.group = self._groups()
        self.fold = np.array([hash_bucket(f"fold|{self.texts[first]}", FOLDS) for first in self.group.tolist()])

    @classmethod
    def read(cls, folder: Path) -> GradedQueries:
        """Read ``queries.tsv`` and ``judgements.tsv``.

        Raises:
            InputRefused: when a judgement names a query that is not listed.
        """
        texts = {row["query_id"]: row["query"] for row in _rows(folder / "queries.tsv")}
        place = {identifier: row for row, identifier in enumerate(sorted(texts, key=int))}
        grades: dict[int, dict[int, int]] = defaultdict(dict)
        for number, row in enumerate(_rows(folder / "judgements.tsv"), start=2):
            if row["query_id"] not in place:
                raise InputRefused(
                    f"{folder / 'judgements.tsv'}: line {number}: query_id {row['query_id']} is not in queries.tsv; "
                    "add the query or remove the line"
                )
            grades[place[row["query_id"]]][int(row["product_id"])] = int(row["grade"])
        return cls([texts[identifier] for identifier in place], dict(grades))

    def __len__(self) -> int:
        return len(self.texts)

    def partners(self, least: int = PARTNERS_SHARE) -> dict[int, frozenset[int]]:
        """Return the rows that share so many exact products with each row that has any such partner."""
        found: dict[int, set[int]] = defaultdict(set)
        for pair in self.shared:
            if pair.common >= least:
                found[pair.first].add(pair.second)
                found[pair.second].add(pair.first)
        return {row: frozenset(found[row]) for row in sorted(found)}

    def exact_products(self, row: int) -> frozenset[int]:
        """Return the products judged exact for a query."""
        return frozenset(product for product, grade in self.grades.get(row, {}).items() if grade == EXACT)

    def _shared(self) -> Iterator[SharedProducts]:
        queries = defaultdict(list)
        exact = {row: self.exact_products(row) for row in sorted(self.grades)}
        for row, products in exact.items():
            for product in products:
                queries[product].append(row)
        common = Counter(pair for rows in queries.values() for pair in combinations(sorted(rows), 2))
        for (first, second), count in sorted(common.items()):
            yield SharedProducts(first, second, count, min(len(exact[first]), len(exact[second])))

    def _groups(self) -> NDArray[np.int64]:
        """Join queries that share an exact product or have the same normal form."""
        parent = list(range(len(self.texts)))

        def root(row: int) -> int:
            while parent[row] != row:
                parent[row] = parent[parent[row]]
                row = parent[row]
            return row

        def join(one: int, other: int) -> None:
            low, high = sorted((root(one), root(other)))
            parent[high] = low

        forms: dict[str, int] = {}
        for row, text in enumerate(self.texts):
            join(row, forms.setdefault(normal_form(text), row))
        for pair in self.shared:
            join(pair.first, pair.second)
        return np.array([root(row) for row in range(len(parent))], dtype=np.int64)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
