"""What a bundle does with a store's queries: how many get an accepted type or head, and how good the types are.

The same definitions before and after, on the answers of the engine that serves. N queries, L types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense.product_types import ProductTypes
from shelfsense.query import Options, Query
from shelfsense.reformulation.attribute_spans import spans_to_text
from shelfsense.understander import Understander
from shelfsense_training.evaluation.bootstrap import resampled
from shelfsense_training.evaluation.figures import Figure, Ratio, system_figures
from shelfsense_training.evaluation.labelled_queries import LabelledQuery
from shelfsense_training.evaluation.metrics import any_type
from shelfsense_training.evaluation.scoring import accepted_types, by_length, served_answers, threshold_rows
from shelfsense_training.onboarding.store_sample import StoreSample

_ONE_HEAD = Options(max_reformulations=1)
_QUALITY = ("top_1", "recall_at_precision", "precision", "recall", "coverage")


@dataclass(frozen=True, slots=True)
class Served:
    """What a bundle answers to N queries.

    Attributes:
        scores: (N, L) probabilities, calibrated and coherent along the tree.
        accepted: (N, L) the types accepted.
        heads: by query, the accepted head, or an empty text; not asked for: no elements.
        embeddings: (N, E).
        attributes: by query, what it names, as a head carries it; none where the network cannot tell.
    """

    scores: NDArray[np.float32]
    accepted: NDArray[np.bool_]
    heads: tuple[str, ...]
    embeddings: NDArray[np.float32] = field(repr=False)
    attributes: tuple[str, ...] = ()

    def part(self, rows: slice) -> Served:
        """Return the answers to some of the queries."""
        return Served(
            self.scores[rows], self.accepted[rows], self.heads[rows], self.embeddings[rows], self.attributes[rows]
        )


def serve(understander: Understander, texts: Sequence[str], locale: str, what: str, *, heads: bool) -> Served:
    """Ask a bundle N queries of a locale.

    Args:
        understander: the bundle, loaded.
        texts: N queries, 1 or more.
        locale: of all.
        what: named beside the progress.
        heads: look for reformulations too.
    """
    prepared = [understander.prepare(Query(text, locale, truncate=True)) for text in texts]
    output = served_answers(understander, understander.infer, prepared, by_length(prepared), what)
    types = understander.product_types
    known = np.array([each.known for each in prepared])
    thresholds = threshold_rows(understander.thresholds, prepared, types)
    accepted = accepted_types(types, output.probabilities, thresholds, known)
    found: list[str] = []
    if heads:
        for each, row in zip(prepared, output.rows(), strict=True):
            answer = understander.answer(each, row, _ONE_HEAD, product_types=False)
            found.append(next((head.query for head in answer.reformulations if head.accepted), ""))
    named = zip(prepared, output.attributes or (), strict=output.attributes is not None)
    attributes = tuple(spans_to_text(understander.attribute_spans(each, row)) for each, row in named)
    return Served(output.probabilities, accepted, tuple(found), output.embeddings, attributes)


def coverage(served: Served, sample: StoreSample, product_types: ProductTypes) -> dict[str, dict[str, float | None]]:
    """Return shares of queries and of volume, by what is accepted.

    Keys: ``type`` (any), ``level_1`` to the deepest, ``head``, and ``head_of_tail``: of the queries that are
    no head themselves. Each holds ``queries`` and ``volume``, 0 to 1, null where there are none.
    """
    covered = {"type": any_type(served.accepted)}
    covered |= {
        f"level_{level}": any_type(served.accepted[:, members]) for level, members in product_types.by_level.items()
    }
    covered["head"] = np.array([bool(head) for head in served.heads])
    everyone = np.ones(len(sample.texts), dtype=np.bool_)
    found = {name: _shares(hit, sample, everyone) for name, hit in covered.items()}
    found["head_of_tail"] = _shares(covered["head"], sample, ~sample.is_head)
    return found


def quality(
    served: Served, labels: NDArray[np.bool_], product_types: ProductTypes, *, resamples: int, seed: int
) -> dict[str, Any]:
    """Return figures of judged queries by level, each with its 95 % interval (bootstrap by query).

    Figures are those of `evaluate`; null where undefined. Levels without a right type are left out.

    Args:
        served: the answers to N judged queries.
        labels: (N, L) acceptable types.
        product_types: L types.
        resamples: of the bootstrap.
        seed: of its draws.
    """
    found: dict[str, Any] = {}
    for level, members in product_types.by_level.items():
        rows = asked_of_level(labels, members)
        right = labels[np.ix_(rows, members)]
        if not right.any():
            continue
        figures = _figures(served, rows, members, right)
        sampled = resampled(figures, len(rows), resamples=resamples, seed=seed)
        found[str(level)] = {"queries": int(any_type(right).sum())} | {
            name: _with_interval(each.value, each.interval()) for name, each in sampled.items()
        }
    return found


def gain(
    before: Served, after: Served, labels: NDArray[np.bool_], product_types: ProductTypes, *, resamples: int, seed: int
) -> dict[str, Any]:
    """Return the difference of the two, level by level, from the same draws."""
    found: dict[str, Any] = {}
    for level, members in product_types.by_level.items():
        rows = asked_of_level(labels, members)
        right = labels[np.ix_(rows, members)]
        if not right.any():
            continue
        both = {
            (side, name): figure
            for side, served in (("before", before), ("after", after))
            for name, figure in _figures(served, rows, members, right).items()
        }
        sampled = resampled(both, len(rows), resamples=resamples, seed=seed)
        differences = {name: sampled["after", name].minus(sampled["before", name]) for name in _QUALITY}
        found[str(level)] = {name: _with_interval(each.value, each.interval()) for name, each in differences.items()}
    return found


def asked_of_level(labels: NDArray[np.bool_], members: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the queries of which judges say something on a level: a right type of it, or that none fits at all."""
    return np.flatnonzero(labels[:, members].any(axis=1) | ~labels.any(axis=1))


def labels_of(queries: Sequence[LabelledQuery], types: int) -> NDArray[np.bool_]:
    """Return (N, L) the acceptable types of N queries."""
    table = np.zeros((len(queries), types), dtype=np.bool_)
    for row, query in zip(table, queries, strict=True):
        row[list(query.positives)] = True
    return table


def _figures(
    served: Served, rows: NDArray[np.intp], members: NDArray[np.intp], right: NDArray[np.bool_]
) -> dict[str, Figure]:
    cut = np.ix_(rows, members)
    figures = system_figures(served.scores[cut], served.accepted[cut], right)
    return {name: figures[name] for name in _QUALITY}


def _shares(hit: NDArray[np.bool_], sample: StoreSample, among: NDArray[np.bool_]) -> dict[str, float | None]:
    return {
        "queries": _share(hit[among], sample.stands_for[among]),
        "volume": _share(hit[among], (sample.stands_for * sample.volumes)[among]),
    }


def _share(hit: NDArray[np.bool_], weights: NDArray[np.float64]) -> float | None:
    ratio = Ratio(hit * weights, weights).under(np.ones((1, len(hit)), dtype=np.int32))[0]
    return None if np.isnan(ratio) else float(ratio)


def _with_interval(value: float, interval: tuple[float, float]) -> Mapping[str, float | None]:
    low, high = interval
    return {name: None if np.isnan(x) else float(x) for name, x in (("value", value), ("low", low), ("high", high))}
