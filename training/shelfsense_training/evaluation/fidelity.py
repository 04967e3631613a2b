"""What int8 and batching cost: the served engine against references, and against itself.

N queries, L types, E embedding.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense.engines.engine import EngineOutput
from shelfsense.understander import Understander
from shelfsense_training.evaluation.bootstrap import RESAMPLES, resampled
from shelfsense_training.evaluation.figures import Ratio
from shelfsense_training.evaluation.labelled_queries import LabelledQueries
from shelfsense_training.evaluation.metrics import any_type
from shelfsense_training.evaluation.report import plain
from shelfsense_training.evaluation.scoring import (
    Run,
    accepted_types,
    by_length,
    prepare,
    served_answers,
    threshold_rows,
)

MARGIN = 1e-3
"""Accepted sets may differ where a probability is this near its threshold."""

ALL = "all"
"""Stands for every locale together."""

_LARGEST_BATCH = 64


class Fidelity:
    """The served engine on labelled queries, each asked alone.

    Args:
        understander: the bundle, with the engine that serves it.
        data: the queries.

    Raises:
        InputRefused: naming the line of a query that cannot be asked.
    """

    def __init__(self, understander: Understander, data: LabelledQueries) -> None:
        self._understander = understander
        self._types = understander.product_types
        self._prepared = prepare(understander, data.queries)
        self._locales = np.array([query.locale for query in data.queries])
        self._labels = data.labels(len(self._types))
        self._thresholds = threshold_rows(understander.thresholds, self._prepared, self._types)
        self._known = np.array([each.known for each in self._prepared])
        self._alone = self._answers(understander.infer, [[i] for i in range(len(self._prepared))], "alone")

    def report(self, references: Mapping[str, Run], *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Any]:
        """Return the content of ``fidelity.json``.

        Keys: ``bundle_version``, ``queries``, ``batch_independence`` (as `batch_independence` says)
        and ``references``: by name what `against` says.

        Args:
            references: other engines or models that answer the same queries, by name.
            seed: of the batches and the resamples.
            resamples: of the queries of each locale.
        """
        return {
            "bundle_version": self._understander.bundle.version,
            "queries": len(self._prepared),
            "batch_independence": self.batch_independence(seed=seed),
            "references": {
                name: self.against(run, name, seed=seed, resamples=resamples) for name, run in references.items()
            },
        }

    def batch_independence(self, *, seed: int = 0) -> dict[str, Any]:
        """Compare each query alone with the same query in a random batch of mixed lengths.

        Returns:
            ``max_probability_difference``; ``min_cosine`` of the embeddings; ``unequal_sets``: queries
            whose accepted set differs at a type that is not within `MARGIN` of its threshold, nor is
            any of its ancestors; ``unequal_sets_within_margin``: those that differ only there.
        """
        batches = _random_batches(len(self._prepared), seed)
        return self._differences(self._answers(self._understander.infer, batches, "in batches"))

    def against(self, run: Run, name: str, *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Any]:
        """Compare the served engine with a reference.

        Args:
            run: the reference.
            name: shown beside the progress.
            seed: of the resamples.
            resamples: of the queries of each locale.

        Returns:
            The keys of `batch_independence`, and ``levels``: level to locale (`ALL` among them) to ``queries`` and
            ``micro_f1``, ``reference_micro_f1`` and their ``difference`` at the bundle's thresholds,
            each with its 95 % interval by query. A level has only queries with an acceptable type of it.
        """
        other = self._answers(run, by_length(self._prepared), name)
        mine, theirs = self._accepted(self._alone), self._accepted(other)
        levels: dict[str, Any] = {}
        for level, members in self._types.by_level.items():
            here = any_type(self._labels[:, members])
            if not here.any():
                continue
            for locale in (ALL, *sorted(set(self._locales[here].tolist()))):
                asked = here if locale == ALL else here & (self._locales == locale)
                cut = np.ix_(np.flatnonzero(asked), members)
                cell = _f1(mine[cut], theirs[cut], self._labels[cut], resamples=resamples, seed=seed)
                levels.setdefault(str(level), {})[locale] = cell
        return {**self._differences(other), "levels": levels}

    def _answers(self, run: Run, batches: list[list[int]], what: str) -> EngineOutput:
        return served_answers(self._understander, run, self._prepared, batches, what)

    def _accepted(self, output: EngineOutput) -> NDArray[np.bool_]:
        return accepted_types(self._types, output.probabilities, self._thresholds, self._known)

    def _differences(self, other: EngineOutput) -> dict[str, Any]:
        cosines = (self._alone.embeddings * other.embeddings).sum(axis=1)  # (N,) of unit vectors
        unequal = self._accepted(self._alone) != self._accepted(other)  # (N, L)
        beyond = any_type(unequal & ~self._near_threshold())
        return {
            "max_probability_difference": float(np.abs(self._alone.probabilities - other.probabilities).max()),
            "min_cosine": float(cosines.min()),
            "unequal_sets": int(beyond.sum()),
            "unequal_sets_within_margin": int((any_type(unequal) & ~beyond).sum()),
        }

    def _near_threshold(self) -> NDArray[np.bool_]:
        """Return (N, L) the types that, or an ancestor of which, a difference within the margin can flip."""
        types = self._types
        distance = np.abs(self._alone.probabilities - self._thresholds)
        near: NDArray[np.bool_] = np.less_equal(distance, MARGIN)
        for level in range(2, types.depth + 1):
            members = types.by_level[level]
            near[:, members] |= near[:, types.parent[members]]
        return near


def _random_batches(queries: int, seed: int) -> list[list[int]]:
    draw = random.Random(seed)  # noqa: S311 - an order, not a secret
    order = list(range(queries))
    draw.shuffle(order)
    batches = []
    while order:
        size = draw.randint(2, _LARGEST_BATCH)
        batches.append(order[:size])
        order = order[size:]
    return batches


def _f1(
    mine: NDArray[np.bool_], theirs: NDArray[np.bool_], labels: NDArray[np.bool_], *, resamples: int, seed: int
) -> dict[str, Any]:
    figures = {"micro_f1": _f1_ratio(mine, labels), "reference_micro_f1": _f1_ratio(theirs, labels)}
    found = resampled(figures, len(labels), resamples=resamples, seed=seed)
    difference = found["micro_f1"].minus(found["reference_micro_f1"])
    return {
        "queries": len(labels),
        **{name: plain(figure) for name, figure in found.items()},
        "difference": plain(difference),
    }


def _f1_ratio(accepted: NDArray[np.bool_], labels: NDArray[np.bool_]) -> Ratio:
    return Ratio(2 * (accepted & labels).sum(axis=1), _sizes(accepted) + _sizes(labels))


def _sizes(sets: NDArray[np.bool_]) -> NDArray[np.int64]:
    sizes: NDArray[np.int64] = sets.sum(axis=1, dtype=np.int64)
    return sizes
