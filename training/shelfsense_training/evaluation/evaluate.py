"""A bundle on a file of labelled queries: runs it, and puts the figures together.

N queries, L types.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from shelfsense.bundle import Bundle
from shelfsense.errors import BundleRefused, InputRefused
from shelfsense.product_types import ProductTypes
from shelfsense.understander import Understander
from shelfsense_training.evaluation.baseline_system import BaselineSystem, LabelledSide
from shelfsense_training.evaluation.fasttext_baseline import read_baseline_lines
from shelfsense_training.evaluation.labelled_queries import (
    LabelledQueries,
    group_rows,
    judged_rows,
    read_labelled_queries,
)
from shelfsense_training.evaluation.page.measured import Measured
from shelfsense_training.evaluation.page.page import PAGE, report_page
from shelfsense_training.evaluation.page.study import Study
from shelfsense_training.evaluation.report import BUNDLE, FASTTEXT, OTHER, Bootstrap, System, level_reports
from shelfsense_training.evaluation.report_table import report_table
from shelfsense_training.evaluation.scoring import accepted_types, by_length, prepare, served_answers, threshold_rows
from shelfsense_training.sources.data_folder import data_folder
from shelfsense_training.sources.judged_queries import read_judged_queries
from shelfsense_training.sources.splits import Split

METRICS, TABLE = "metrics.json", "metrics.md"
_FORMAT = 1


class Evaluation:
    """A bundle and the labelled queries it is measured on.

    Args:
        understander: the bundle, loaded.
        data: the queries.
        name: of the data, for the report.

    Raises:
        InputRefused: naming the line of a query that cannot be asked.
    """

    def __init__(self, understander: Understander, data: LabelledQueries, name: str) -> None:
        self._understander = understander
        self._types = understander.product_types
        self._data = data
        self._name = name
        self._prepared = prepare(understander, data.queries)
        self._known = np.array([each.known for each in self._prepared])  # (N,)

    @property
    def product_types(self) -> ProductTypes:
        """The bundle's."""
        return self._types

    @classmethod
    def load(cls, bundle: Path, data: Path) -> Evaluation:
        """Open a bundle, with the engine that serves it, and a data file.

        Raises:
            BundleRefused: naming the file at fault.
            InputRefused: naming the line of the data at fault.
        """
        understander = Understander.load(Bundle.open(bundle))
        return cls(understander, read_labelled_queries(data, understander.product_types), data.name)

    def baseline(self, rows: Path, validation: Path | None, *, examples: int) -> BaselineSystem:
        """Tune and train fastText for the bundle's tree.

        Args:
            rows: Parquet of the rows that the bundle's model was trained on.
            validation: labelled queries to tune on; the validation side of the judged queries of
                the data folder where None.
            examples: the budget, rows x passes.

        Raises:
            InputRefused: naming the file and the fact.
        """
        if validation is not None:
            found = read_labelled_queries(validation, self._types)
        else:
            judged = judged_rows(read_judged_queries(data_folder()), Split.VALIDATION)
            try:
                found = group_rows(judged, self._types)
            except InputRefused as error:
                raise InputRefused(
                    f"the judged queries do not fit this bundle ({error}); name validation data"
                ) from error
        side = LabelledSide(prepare(self._understander, found.queries), found.labels(len(self._types)))
        return BaselineSystem.tune(read_baseline_lines(rows, self._types), self._types, side, examples=examples)

    def report(self, baseline: BaselineSystem | None, bootstrap: Bootstrap) -> dict[str, Any]:
        """Run the bundle, and the baseline where there is one, and return the content of ``metrics.json``."""
        return self._report(self._systems(baseline), baseline, bootstrap)

    def measured(
        self,
        baseline: BaselineSystem | None,
        bootstrap: Bootstrap,
        origin: str = "",
        *,
        other: Evaluation | None = None,
    ) -> Measured:
        """Run the bundle and what stands beside it, and return the figures and the answers behind them.

        Args:
            baseline: fastText, or None.
            bootstrap: of the intervals.
            origin: where the queries come from, in words for the page.
            other: another bundle of the same tree on the same data; not together with a baseline.
        """
        systems = self._systems(baseline)
        if other is not None:
            systems.append(replace(other.bundle_system(), name=OTHER))
        return Measured(self._report(systems, baseline, bootstrap), systems, self._data, self._types, origin)

    def beside(self, bundle: Path, data: Path) -> Evaluation:
        """Return the evaluation of another bundle on the same data.

        Raises:
            BundleRefused: naming the file at fault, or where its product types are others.
        """
        other = Evaluation.load(bundle, data)
        if [node.id for node in other.product_types.nodes] != [node.id for node in self._types.nodes]:
            raise BundleRefused(
                "product_types.json", "is another tree than the measured bundle's", "name a bundle of the same tree"
            )
        return other

    def _systems(self, baseline: BaselineSystem | None) -> list[System]:
        return [self.bundle_system(), *([] if baseline is None else [self._baseline_system(baseline)])]

    def _report(self, systems: list[System], baseline: BaselineSystem | None, bootstrap: Bootstrap) -> dict[str, Any]:
        """Return the content of ``metrics.json``.

        Keys: ``format`` (1), ``bundle_version``, ``label_space``, ``target_precision`` (of the
        bundle's thresholds), ``data`` (``file``, ``queries``, ``unmapped``, ``without_positive``,
        ``unknown``: queries of which the vocabulary knows nothing), ``bootstrap`` (``resamples``,
        ``seed``, ``level``), ``baseline`` (settings and trials, or null) and ``levels``, as
        `level_reports` says.
        """
        return {
            "format": _FORMAT,
            "bundle_version": self._understander.bundle.version,
            "label_space": self._types.label_space,
            "target_precision": self._understander.thresholds.product_type_target_precision,
            "data": {
                "file": self._name,
                "queries": len(self._data.queries),
                "unmapped": sum(not query.positives for query in self._data.queries),
                "without_positive": self._data.without_positive,
                "unknown": int((~self._known).sum()),
            },
            "bootstrap": {"resamples": bootstrap.resamples, "seed": bootstrap.seed, "level": 0.95},
            "baseline": None if baseline is None else baseline.describe(),
            "levels": level_reports(systems, self._data, self._types, bootstrap),
        }

    def bundle_system(self) -> System:
        """Return what the bundle answers to every query."""
        bundle, prepared = self._understander, self._prepared
        scores = served_answers(bundle, bundle.infer, prepared, by_length(prepared), BUNDLE).probabilities
        cuts = threshold_rows(bundle.thresholds, prepared, self._types)
        return System(BUNDLE, scores, accepted_types(self._types, scores, cuts, self._known))

    def _baseline_system(self, baseline: BaselineSystem) -> System:
        scores = baseline.scores(self._prepared)
        # fastText's n-grams are its own: that our vocabulary does not know a query binds only us.
        anything = np.ones(len(self._prepared), dtype=np.bool_)
        cuts = baseline.thresholds(self._prepared)[:, self._types.level - 1]  # (N, L)
        accepted = accepted_types(self._types, scores, cuts, anything)
        return System(FASTTEXT, scores, accepted)


def write_report(report: dict[str, Any], out: Path) -> None:
    """Write ``metrics.json`` and ``metrics.md`` into a folder, made where it is missing."""
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    (out / METRICS).write_text(text, encoding="utf-8")
    (out / TABLE).write_text(report_table(report), encoding="utf-8")


def write_page(measured: Measured, out: Path, study: Study | None = None, *, queries: bool = True) -> None:
    """Write ``report.html`` into a folder that exists; see `report_page`."""
    (out / PAGE).write_text(report_page(measured, study, queries=queries), encoding="utf-8")
