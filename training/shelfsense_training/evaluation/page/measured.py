"""What the page is made from: the report of one evaluation and the answers behind it.

N queries, L types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense.product_types import ProductTypes
from shelfsense_training.evaluation.labelled_queries import LabelledQueries
from shelfsense_training.evaluation.page.figure import plural
from shelfsense_training.evaluation.report import System


@dataclass(frozen=True, slots=True)
class Measured:
    """One evaluation.

    Attributes:
        report: the content of ``metrics.json``.
        systems: the bundle first, then fastText where it was asked for.
        data: the queries.
        product_types: the tree.
        origin: where the queries come from, in the words of who asked for the page; empty: not stated.
    """

    report: Mapping[str, Any]
    systems: Sequence[System]
    data: LabelledQueries
    product_types: ProductTypes
    origin: str = ""

    @property
    def levels(self) -> list[int]:
        """Return the levels that the data has positives of."""
        return [int(level) for level in self.report["levels"]]

    def cell(self, level: int, locale: str = "") -> Mapping[str, Any]:
        """Return the figures of a locale on a level; of the mean over locales where no locale is named."""
        found = self.report["levels"][str(level)]
        cell: Mapping[str, Any] = found["locales"][locale] if locale else found["mean"]
        return cell

    def locales(self, level: int) -> list[str]:
        """Return the locales with positives of a level, in the order of their tags."""
        return list(self.report["levels"][str(level)]["locales"])

    def every_locale(self) -> list[str]:
        """Return the locales of the page, in the order of their tags."""
        return sorted({locale for level in self.levels for locale in self.locales(level)})

    def rows(self, level: int, locale: str = "") -> NDArray[np.intp]:
        """Return the queries with a positive of a level, of one locale or of all."""
        members = set(self.product_types.by_level[level].tolist())
        return np.array(
            [
                i
                for i, query in enumerate(self.data.queries)
                if (not locale or query.locale == locale) and not members.isdisjoint(query.positives)
            ],
            dtype=np.intp,
        )

    def labels(self, level: int, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return (rows, types of the level) the acceptable types."""
        place = {int(t): k for k, t in enumerate(self.product_types.by_level[level])}
        table = np.zeros((len(rows), len(place)), dtype=np.bool_)
        for row, i in zip(table, rows.tolist(), strict=True):
            row[[place[t] for t in self.data.queries[i].positives if t in place]] = True
        return table

    def scores(self, system: System, level: int, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return (rows, types of the level) what a system answers."""
        return system.scores[np.ix_(rows, self.product_types.by_level[level])]

    def accepted(self, system: System, level: int, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return (rows, types of the level) what a system accepts."""
        return system.accepted[np.ix_(rows, self.product_types.by_level[level])]

    def source(self, queries: int, intervals: str) -> str:
        """Return what a picture rests on: data, origin, number of queries, intervals, seeds."""
        origin = self.origin or "whether they are real or simulated was not stated"
        seed = self.report["bootstrap"]["seed"]
        return (
            f"Data: {self.report['data']['file']} ({origin}). n = {plural(queries, 'query')}. {intervals} "
            f"One bundle, {self.report['bundle_version']}: no spread over training seeds; draws from seed {seed}."
        )

    def bootstrap_intervals(self) -> str:
        """Return how the intervals of the report were made."""
        resamples = self.report["bootstrap"]["resamples"]
        if not resamples:
            return "No intervals were asked for."
        return f"Intervals: 95 %, {resamples:,} resamples of the queries of each locale."
