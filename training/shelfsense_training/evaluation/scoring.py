"""Runs labelled queries through an engine as the service would, and says what it would accept.

N queries, L types, E embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from shelfsense.engines.engine import Engine, EngineOutput
from shelfsense.errors import InputRefused, InvalidQuery
from shelfsense.product_types import ProductTypes
from shelfsense.query import Query
from shelfsense.thresholds import Thresholds
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
    run: Run, prepared: Sequence[Prepared], product_types: ProductTypes, batches: Sequence[Sequence[int]], what: str
) -> EngineOutput:
    """Run queries in given batches, with progress.

    Args:
        run: the engine.
        prepared: N queries, 1 or more.
        product_types: the tree, to raise every parent to its children as the service does.
        batches: positions of queries; together every one of them once.
        what: named beside the progress.

    Returns:
        Probabilities (N, L), coherent along the tree, and embeddings (N, E), in the queries' order.
    """
    probabilities = np.empty((len(prepared), len(product_types)), dtype=np.float32)
    embeddings: NDArray[np.float32] | None = None
    with progress_bar() as progress:
        task = progress.add_task(what, total=len(prepared), figure="queries")
        for rows in batches:
            output = run([prepared[i] for i in rows])
            if embeddings is None:
                embeddings = np.empty((len(prepared), output.embeddings.shape[1]), dtype=np.float32)
            probabilities[rows] = product_types.coherent(output.probabilities)
            embeddings[rows] = output.embeddings
            progress.advance(task, len(rows))
    return EngineOutput(probabilities, np.empty((0, 0), np.float32) if embeddings is None else embeddings)


def threshold_rows(thresholds: Thresholds, prepared: Sequence[Prepared]) -> NDArray[np.float32]:
    """Return (N, levels) the thresholds of each query's locale; float32, in which the service compares."""
    return np.array([thresholds.by_locale[each.locale].product_types for each in prepared], dtype=np.float32)


def accepted_types(
    product_types: ProductTypes,
    probabilities: NDArray[np.float32],
    thresholds: NDArray[np.float32],
    known: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return (N, L) the types accepted, all queries at once, by the service's rule (`TypeRanking`).

    A type is accepted when its probability reaches its level's threshold and its parent is accepted too.

    Args:
        product_types: the tree.
        probabilities: (N, L), coherent along the tree.
        thresholds: (N, levels), of level 1 first.
        known: (N,) whether the vocabulary knows any of the query; where not, nothing is accepted.
    """
    accepted = (probabilities >= thresholds[:, product_types.level - 1]) & known[:, None]  # (N, L)
    for level in range(2, product_types.depth + 1):
        members = product_types.by_level[level]
        accepted[:, members] &= accepted[:, product_types.parent[members]]
    return accepted
