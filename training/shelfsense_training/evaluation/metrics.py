"""The figures' definitions, on plain arrays (docs: design section 8).

Every label of the level that is not positive is negative, judged negatives included; nothing is
sampled. Knows nothing of queries' texts, models or files. B queries, L types of one level.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.evaluation.ranked_pairs import RankedPairs

TARGET_PRECISION = 0.8
LEAST_ACCEPTED = 20
"""Fewest accepted pairs on which a micro figure may rest."""

LEAST_POSITIVES = 10
"""Fewest positive queries of a type that joins the macro mean."""


class OperatingPoint(NamedTuple):
    """The largest recall at a precision, and the least score accepted there; infinite where none."""

    recall: float
    threshold: float


class MacroMean(NamedTuple):
    """The mean of recall at a precision over types, NaN over none, and how many types."""

    recall: float
    types: int


class Deployed(NamedTuple):
    """What accepted types reach: precision (NaN where nothing is accepted), recall, share of queries with any."""

    precision: float
    recall: float
    coverage: float


def recall_at_precision(
    scores: NDArray[np.floating],
    labels: NDArray[np.bool_],
    precision: float = TARGET_PRECISION,
    minimum: int = LEAST_ACCEPTED,
) -> OperatingPoint:
    """Return the largest recall at any threshold with at least a precision, micro over all pairs.

    A threshold accepts every pair whose score reaches it, so equal scores go together. Recall is 0
    where no threshold qualifies, or where the best one accepts fewer pairs than the minimum.
    Source: sQuIrRel (WWW '25 companion), recall at 0.8 precision.

    Args:
        scores: (B, L) or (B,), higher is surer.
        labels: of the same shape; right or wrong.
        precision: above 0, at most 1.
        minimum: fewest accepted pairs.
    """
    table = scores.reshape(len(scores), -1)
    pairs = RankedPairs.from_table(table, labels.reshape(table.shape))
    reached = pairs.reach(np.ones((1, len(table)), dtype=np.int32), precision, minimum)
    last = int(reached.last[0])
    if last < 0:
        return OperatingPoint(0.0, float("inf"))
    return OperatingPoint(float(reached.recall[0]), float(pairs.scores[last]))


def macro_types(labels: NDArray[np.bool_], least_positives: int = LEAST_POSITIVES) -> NDArray[np.intp]:
    """Return the types, of labels (B, L), with enough positives to join the macro mean."""
    return np.flatnonzero(labels.sum(axis=0) >= least_positives)


def macro_recall_at_precision(
    scores: NDArray[np.floating],
    labels: NDArray[np.bool_],
    precision: float = TARGET_PRECISION,
    least_positives: int = LEAST_POSITIVES,
) -> MacroMean:
    """Return recall at a precision per type, each at its own threshold, averaged over types.

    A type that never reaches the precision counts 0. The minimum of accepted pairs is the micro
    figure's: a type of ten positives could never accept twenty pairs.
    Source: sQuIrRel (WWW '25 companion).

    Args:
        scores: (B, L), higher is surer.
        labels: (B, L).
        precision: above 0, at most 1.
        least_positives: fewest positive queries of a type that counts.
    """
    types = macro_types(labels, least_positives)
    recalls = [recall_at_precision(scores[:, t], labels[:, t], precision, minimum=1).recall for t in types]
    return MacroMean(float(np.mean(recalls)) if recalls else float("nan"), len(types))


def top_k_hits(scores: NDArray[np.floating], labels: NDArray[np.bool_], k: int) -> NDArray[np.bool_]:
    """Return (B,) whether any of a query's k best types is acceptable; where scores tie the earlier type is better.

    Args:
        scores: (B, L).
        labels: (B, L) acceptable types; a query with none is always a miss.
        k: 1 or more.
    """
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]  # (B, k)
    return any_type(np.take_along_axis(labels, best, axis=1))


def any_type(table: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (B,) whether any type of a row of the table (B, L) is set."""
    rows: NDArray[np.bool_] = np.logical_or.reduce(table, axis=1)
    return rows


def top_k_accuracy(scores: NDArray[np.floating], labels: NDArray[np.bool_], k: int) -> float:
    """Return the share of queries with an acceptable type among their k best."""
    return float(top_k_hits(scores, labels, k).mean())


def deployed(accepted: NDArray[np.bool_], labels: NDArray[np.bool_]) -> Deployed:
    """Return what a fixed choice of types reaches, micro over pairs.

    Args:
        accepted: (B, L), by thresholds fixed elsewhere.
        labels: (B, L).
    """
    hits, chosen, right = int((accepted & labels).sum()), int(accepted.sum()), int(labels.sum())
    return Deployed(_share(hits, chosen), _share(hits, right), float(accepted.any(axis=1).mean()))


def micro_f1(accepted: NDArray[np.bool_], labels: NDArray[np.bool_]) -> float:
    """Return 2 hits / (accepted + right) of accepted sets (B, L), NaN where both are empty."""
    return _share(2 * int((accepted & labels).sum()), int(accepted.sum()) + int(labels.sum()))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
