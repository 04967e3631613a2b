"""The baseline as a system like ours: scores along the tree, and thresholds fixed on validation data.

N queries, L types.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import NEVER
from shelfsense.understander import Prepared
from shelfsense_training.evaluation.baseline_tuning import TunedBaseline, tune_baseline
from shelfsense_training.evaluation.fasttext_baseline import FastTextBaseline, describe
from shelfsense_training.evaluation.metrics import any_type, recall_at_precision
from shelfsense_training.progress import CONSOLE


@dataclass(frozen=True, slots=True)
class LabelledSide:
    """Queries of one side of a split.

    Attributes:
        prepared: N queries.
        labels: (N, L) their acceptable types.
    """

    prepared: Sequence[Prepared]
    labels: NDArray[np.bool_]


class BaselineSystem:
    """A tuned baseline and its thresholds.

    Args:
        tuned: the model.
        product_types: the tree.
        validation: what it was tuned on; thresholds are fixed on the same.
    """

    def __init__(self, tuned: TunedBaseline, product_types: ProductTypes, validation: LabelledSide) -> None:
        self._tuned = tuned
        self._types = product_types
        self._validation = validation

    @classmethod
    def tune(
        cls, lines: Sequence[str], product_types: ProductTypes, validation: LabelledSide, *, examples: int
    ) -> BaselineSystem:
        """Tune and train on lines of `read_baseline_lines`, within a budget of rows x passes."""
        with CONSOLE.status("fastText"):
            tuned = tune_baseline(
                lines,
                product_types,
                lambda model: _monotone(model, product_types, validation.prepared),
                validation.labels,
                examples=examples,
            )
        return cls(tuned, product_types, validation)

    def scores(self, prepared: Sequence[Prepared]) -> NDArray[np.float32]:
        """Return probabilities (N, L), monotone along the tree as our own are."""
        return _monotone(self._tuned.model, self._types, prepared)

    def thresholds(self, prepared: Sequence[Prepared]) -> NDArray[np.float32]:
        """Return (N, levels) the thresholds of each query's locale.

        Per locale the threshold of the largest recall at the target precision on its validation
        queries; where none holds it there, that of all locales together; else none is accepted.
        """
        scores = self.scores(self._validation.prepared)
        locales = np.array([each.locale for each in self._validation.prepared])
        everywhere = self._fixed(scores, np.ones(len(locales), dtype=np.bool_), [NEVER] * self._types.depth)
        by_locale = {tag: self._fixed(scores, locales == tag, everywhere) for tag in {each.locale for each in prepared}}
        return np.array([by_locale[each.locale] for each in prepared], dtype=np.float32)

    def describe(self) -> dict[str, Any]:
        """Return the settings used and the trials, as plain values."""
        return {
            "settings": describe(self._tuned.settings),
            "validation_queries": len(self._validation.prepared),
            "trials": [asdict(trial) for trial in self._tuned.trials],
        }

    def _fixed(self, scores: NDArray[np.float32], chosen: NDArray[np.bool_], otherwise: Sequence[float]) -> list[float]:
        thresholds = []
        for level, members in self._types.by_level.items():
            rows = np.flatnonzero(chosen & any_type(self._validation.labels[:, members]))
            cut = np.ix_(rows, members)
            point = recall_at_precision(scores[cut], self._validation.labels[cut]) if len(rows) else None
            thresholds.append(point.threshold if point and point.recall > 0 else otherwise[level - 1])
        return thresholds


def _monotone(
    model: FastTextBaseline, product_types: ProductTypes, prepared: Sequence[Prepared]
) -> NDArray[np.float32]:
    scores = model.scores((each.model_text for each in prepared), (each.locale for each in prepared))
    return product_types.monotone(scores)
