"""Figures as functions of how often each query occurs, so that a bootstrap can resample queries.

At weights of 1 each equals its plain definition in `metrics.py`. B queries, L types, R resamples.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.evaluation.metrics import LEAST_ACCEPTED, TARGET_PRECISION, any_type, macro_types, top_k_hits
from shelfsense_training.evaluation.ranked_pairs import RankedPairs


class Figure(Protocol):
    """One figure of one sample of queries."""

    def under(self, weights: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the figure (R,) when the queries occur as often as the weights (R, B) say; NaN: undefined."""
        ...


def share(part: NDArray[np.number], whole: NDArray[np.number]) -> NDArray[np.float64]:
    """Return part / whole (R,), NaN where the whole is nothing."""
    quotient: NDArray[np.float64] = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return quotient


class Ratio:
    """A figure that is one sum over queries divided by another: accuracy, precision, recall, F1.

    Args:
        part: (B,) what each query adds above the line.
        whole: (B,) what each query adds below it.
    """

    def __init__(self, part: NDArray[np.generic], whole: NDArray[np.generic]) -> None:
        self._part = part.astype(np.float64)
        self._whole = whole.astype(np.float64)

    def under(self, weights: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the ratio (R,), NaN where nothing is below the line."""
        return share(weights @ self._part, weights @ self._whole)


class MicroRecall:
    """Recall at a precision over all pairs of the queries with at least one positive.

    Args:
        scores: (B, L).
        labels: (B, L).
        precision: the precision to hold.
        minimum: fewest accepted pairs.
    """

    def __init__(
        self,
        scores: NDArray[np.floating],
        labels: NDArray[np.bool_],
        precision: float = TARGET_PRECISION,
        minimum: int = LEAST_ACCEPTED,
    ) -> None:
        self._rows = np.flatnonzero(any_type(labels))
        self._pairs = RankedPairs.from_table(scores[self._rows], labels[self._rows])
        self._precision = precision
        self._minimum = minimum

    def under(self, weights: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the recall (R,), NaN for a resample without positives."""
        return self._pairs.reach(weights[:, self._rows], self._precision, self._minimum).recall


class MacroRecall:
    """Recall at a precision per type, averaged over the types with enough positives in the whole sample.

    Args:
        scores: (B, L).
        labels: (B, L).
        precision: the precision to hold.
    """

    def __init__(
        self, scores: NDArray[np.floating], labels: NDArray[np.bool_], precision: float = TARGET_PRECISION
    ) -> None:
        rows = np.flatnonzero(any_type(labels))
        self._rows = rows
        self._types = [
            RankedPairs.from_table(scores[rows, t, None], labels[rows, t, None]) for t in macro_types(labels)
        ]
        self._precision = precision

    def under(self, weights: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the mean (R,) over the types that a resample has positives of; NaN over none."""
        if not self._types:
            return np.full(len(weights), np.nan)
        kept = weights[:, self._rows]
        recalls = np.stack(
            [pairs.reach(kept, self._precision, minimum=1).recall for pairs in self._types]
        )  # (types, R)
        present = ~np.isnan(recalls)
        return share(np.where(present, recalls, 0.0).sum(axis=0), present.sum(axis=0))


FIGURES = (
    "top_1",
    "top_3",
    "recall_at_precision",
    "macro_recall_at_precision",
    "precision",
    "recall",
    "coverage",
)
"""Names of the figures of one system on one level, in reading order."""


def system_figures(
    scores: NDArray[np.floating], accepted: NDArray[np.bool_], labels: NDArray[np.bool_]
) -> dict[str, Figure]:
    """Return the figures of one system by name, as in `FIGURES`.

    A query without an acceptable type is a miss of top-1 and top-3, and no part of the others:
    what lies outside the tree says nothing about the types inside it.

    Args:
        scores: (B, L) of one level.
        accepted: (B, L) by the system's own thresholds.
        labels: (B, L) acceptable types.
    """
    mapped = any_type(labels)
    chosen = accepted & mapped[:, None]
    hits = (chosen & labels).sum(axis=1)
    everyone = np.ones(len(labels))
    return {
        "top_1": Ratio(top_k_hits(scores, labels, 1), everyone),
        "top_3": Ratio(top_k_hits(scores, labels, 3), everyone),
        "recall_at_precision": MicroRecall(scores, labels),
        "macro_recall_at_precision": MacroRecall(scores, labels),
        "precision": Ratio(hits, chosen.sum(axis=1)),
        "recall": Ratio(hits, labels.sum(axis=1)),
        "coverage": Ratio(any_type(chosen), mapped),
    }
