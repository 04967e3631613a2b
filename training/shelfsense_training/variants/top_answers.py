"""A model's best types of each query of a set, and the figures they give.

What a model scores below its twenty best types of a query is never accepted at a precision of 0.8;
the recall's denominator still counts every right type. N queries, K types kept, L labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.evaluation.metrics import LEAST_ACCEPTED, TARGET_PRECISION
from shelfsense_training.evaluation.ranked_pairs import RankedPairs
from shelfsense_training.variants.query_set import QuerySet

KEPT = 20
LEAST_SHARE = 0.2
"""A type meant by fewer of a query's shoppers is not right (design section 7: labels keep p >= 0.2)."""


@dataclass(frozen=True, slots=True)
class TopAnswers:
    """The best types of one level.

    Attributes:
        labels: (N, K) label indices, best first.
        scores: (N, K) log-odds.
    """

    labels: NDArray[np.int32]
    scores: NDArray[np.float32]

    @classmethod
    def of(cls, scores: NDArray[np.float32], members: NDArray[np.intp], kept: int = KEPT) -> TopAnswers:
        """Keep the best of scores (N, L) among the members of a level."""
        inside = scores[:, members]
        kept = min(kept, inside.shape[1])
        best = np.argpartition(-inside, kept - 1, axis=1)[:, :kept]
        values = np.take_along_axis(inside, best, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        chosen = np.take_along_axis(best, order, axis=1)
        return cls(members[chosen].astype(np.int32), np.take_along_axis(values, order, axis=1).astype(np.float32))

    @classmethod
    def join(cls, parts: Sequence[tuple[NDArray[np.intp], TopAnswers]], size: int) -> TopAnswers:
        """Put answers of disjoint rows together, as of one model per locale."""
        width = max(part.labels.shape[1] for _, part in parts)
        labels = np.full((size, width), -1, dtype=np.int32)
        scores = np.full((size, width), -np.inf, dtype=np.float32)
        for rows, part in parts:
            labels[rows, : part.labels.shape[1]] = part.labels
            scores[rows, : part.scores.shape[1]] = part.scores
        return cls(labels, scores)

    def save(self, path: Path) -> None:
        """Write the answers; a crash in between leaves no half of a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = path.with_suffix(".part.npz")
        np.savez_compressed(staging, labels=self.labels, scores=self.scores)
        staging.replace(path)

    @classmethod
    def load(cls, path: Path) -> TopAnswers:
        """Read what `save` wrote."""
        with np.load(path) as found:
            return cls(found["labels"], found["scores"])


def right_types(queries: QuerySet, members: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return (N, K) which of the queries' types are of a level and meant by enough of their shoppers."""
    right: NDArray[np.bool_] = np.isin(queries.types, members) & (queries.shares >= LEAST_SHARE)
    return right


class Judged:
    """Answers beside what is right, of the queries with at least one right type.

    Args:
        answers: (N, K) of the queries.
        queries: the same N.
        members: labels of the level.
    """

    def __init__(self, answers: TopAnswers, queries: QuerySet, members: NDArray[np.intp]) -> None:
        right = right_types(queries, members)  # (N, types)
        self.rows = np.flatnonzero(right.any(1))
        wanted = np.where(right, queries.types, -2)[self.rows]  # -2 equals no label
        self.hit = (answers.labels[self.rows][:, :, None] == wanted[:, None, :]).any(-1)  # (rows, K)
        self.scores = answers.scores[self.rows]
        self.positives = right[self.rows].sum(1).astype(np.int64)

    def top1(self) -> NDArray[np.bool_]:
        """Return (rows,) whether the best type is right."""
        first: NDArray[np.bool_] = self.hit[:, 0]
        return first

    def pairs(self, rows: NDArray[np.intp] | None = None) -> RankedPairs:
        """Return the pairs of some of the judged rows, all where None, best first."""
        chosen = np.arange(len(self.rows)) if rows is None else rows
        scores, hit = self.scores[chosen].ravel(), self.hit[chosen].ravel()
        order = np.argsort(-scores, kind="stable")
        order = order[np.isfinite(scores[order])]
        query = (order // self.hit.shape[1]).astype(np.int32)
        return RankedPairs(scores[order], hit[order], query, self.positives[chosen])

    def recall_at_precision(self, rows: NDArray[np.intp] | None = None) -> float:
        """Return micro R@P0.8 of some of the judged rows."""
        count = len(self.rows) if rows is None else len(rows)
        if not count:
            return float("nan")
        weights = np.ones((1, count), dtype=np.int32)
        return float(self.pairs(rows).reach(weights, TARGET_PRECISION, LEAST_ACCEPTED).recall[0])


def by_locale(queries: QuerySet, rows: NDArray[np.intp]) -> Mapping[int, NDArray[np.intp]]:
    """Return locale index to positions among the rows."""
    locales = queries.locale[rows]
    return {int(locale): np.flatnonzero(locales == locale) for locale in np.unique(locales)}
