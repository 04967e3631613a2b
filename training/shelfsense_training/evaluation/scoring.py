"""Runs labelled queries through an engine as the service would, and says what it would accept.

N queries, L types, E embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from shelfsense.engines.engine import Engine, EngineOutput
from shelfsense.errors import InputRefused, InvalidQuery
from shelfsense.locale_calibration import LocaleCalibration
from shelfsense.product_types import ProductTypes
from shelfsense.query import Query
from shelfsense.thresholds import Thresholds
from shelfsense.type_map import TypeMap
from shelfsense.type_ranking import type_thresholds
from shelfsense.understander import Prepared, Understander
from shelfsense_training.evaluation.labelled_queries import LabelledQuery
from shelfsense_training.progress import progress_bar

BATCH = 64

Run = Callable[[Sequence[Prepared]], EngineOutput]
"""Answers a batch of 1 or more queries: `Understander.infer`, or any other model's."""


def run_of(engine: Engine) -> Run:
    """Return what runs queries through a bare engine."""
    return lambda prepared: engine.run([each.token_ids for each in prepared])


def prepare(understander: Understander, queries: Sequence[LabelledQuery]) -> list[Prepared]:
    """Check queries and turn them into what the network reads; over-long ones are cut.

    Raises:
        InputRefused: naming the line of the first query that cannot be asked, and why.
    """
    prepared = []
    for query in queries:
        try:
            prepared.append(understander.prepare(Query(query.text, query.locale, truncate=True)))
        except InvalidQuery as error:
            name = {"text": "query"}.get(error.field, error.field)
            raise InputRefused(f"{query.place}: {name} {error.message}") from error
    return prepared


def by_length(prepared: Sequence[Prepared], batch: int = BATCH) -> list[list[int]]:
    """Return batches of positions, queries of like length together."""
    order = sorted(range(len(prepared)), key=lambda i: len(prepared[i].token_ids))
    return [order[start : start + batch] for start in range(0, len(order), batch)]


def answers(
    run: Run,
    prepared: Sequence[Prepared],
    product_types: ProductTypes,
    batches: Sequence[Sequence[int]],
    what: str,
    *,
    calibration: LocaleCalibration,
    type_map: TypeMap | None = None,
) -> EngineOutput:
    """Run queries in given batches, with progress.

    Args:
        run: the engine.
        prepared: N queries, 1 or more.
        product_types: the tree, to raise every parent to its children as the service does.
        batches: positions of queries; together every one of them once.
        what: named beside the progress.
        calibration: of the bundle's locales, applied as the service does.
        type_map: to a shop's own tree, where the bundle has one; L is then the size of that tree.

    Returns:
        Probabilities (N, L), calibrated and coherent along the tree, embeddings (N, E) and attributes, in the
        queries' order.
    """
    answered = product_types if type_map is None else type_map.theirs
    probabilities = np.empty((len(prepared), len(answered)), dtype=np.float32)
    embeddings: NDArray[np.float32] | None = None
    attributes: dict[int, NDArray[np.float32]] = {}
    with progress_bar() as progress:
        task = progress.add_task(what, total=len(prepared), figure="queries")
        for rows in batches:
            output = run([prepared[i] for i in rows])
            if embeddings is None:
                embeddings = np.empty((len(prepared), output.embeddings.shape[1]), dtype=np.float32)
            found = calibrated(calibration, output.probabilities, [prepared[i].locale for i in rows])
            coherent = product_types.coherent(found)
            probabilities[rows] = coherent if type_map is None else type_map.apply(coherent)
            embeddings[rows] = output.embeddings
            attributes |= zip(rows, output.attributes or (), strict=output.attributes is not None)
            progress.advance(task, len(rows))
    if embeddings is None:
        embeddings = np.empty((0, 0), np.float32)
    ordered = tuple(attributes[i] for i in range(len(prepared))) if attributes else None
    return EngineOutput(probabilities, embeddings, ordered)


def served_answers(
    understander: Understander, run: Run, prepared: Sequence[Prepared], batches: Sequence[Sequence[int]], what: str
) -> EngineOutput:
    """Run queries as a bundle serves them: calibrated, coherent, mapped onto a shop's own tree where it has one.

    Args:
        understander: the bundle.
        run: its engine, or another model of the same outputs.
        prepared: N queries, 1 or more.
        batches: positions of queries; together every one of them once.
        what: named beside the progress.

    Returns:
        As `answers`, over `understander.product_types`.
    """
    return answers(
        run,
        prepared,
        understander.network_types,
        batches,
        what,
        calibration=understander.calibration,
        type_map=understander.mapped.type_map if understander.mapped else None,
    )


def calibrated(
    calibration: LocaleCalibration, probabilities: NDArray[np.float32], locales: Sequence[str]
) -> NDArray[np.float32]:
    """Return the network's probabilities (B, L) as they hold in each query's locale, of B locales."""
    found = probabilities.copy()
    tags = np.array(locales)
    for tag in dict.fromkeys(locales):
        rows = np.flatnonzero(tags == tag)
        found[rows] = calibration.apply(probabilities[rows], tag)
    return found


def threshold_rows(
    thresholds: Thresholds, prepared: Sequence[Prepared], product_types: ProductTypes
) -> NDArray[np.float32]:
    """Return (N, L) the thresholds of every type in each query's locale, as the service compares with."""
    tags = {each.locale for each in prepared}
    by_locale = {tag: type_thresholds(product_types, thresholds.by_locale[tag]) for tag in tags}
    return np.stack([by_locale[each.locale] for each in prepared])


def accepted_types(
    product_types: ProductTypes,
    probabilities: NDArray[np.float32],
    thresholds: NDArray[np.float32],
    known: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return (N, L) the types accepted, all queries at once, by the service's rule (`TypeRanking`).

    A type is accepted when its probability reaches its threshold and its parent is accepted too.

    Args:
        product_types: the tree.
        probabilities: (N, L), coherent along the tree.
        thresholds: (N, L), of every type in the query's locale.
        known: (N,) whether the vocabulary knows any of the query; where not, nothing is accepted.
    """
    accepted = (probabilities >= thresholds) & known[:, None]  # (N, L)
    for level in range(2, product_types.depth + 1):
        members = product_types.by_level[level]
        accepted[:, members] &= accepted[:, product_types.parent[members]]
    return accepted
