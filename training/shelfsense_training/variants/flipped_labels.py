"""Labels made wrong on purpose, to see how much a recipe loses by them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shelfsense_training.variants.query_set import QuerySet


def with_flipped(queries: QuerySet, share: float, *, seed: int) -> QuerySet:
    """Return the queries with all types of a share of them replaced by those of another random query.

    Types are exchanged whole (a path with its ancestors), so wrong labels are as frequent as right
    ones and as consistent; what is wrong is only the query they stand at.

    Args:
        queries: N.
        share: 0 to 1.
        seed: of the draw.
    """
    random = np.random.default_rng((seed, 13))
    wrong = np.flatnonzero(random.random(len(queries)) < share)
    donors = random.integers(len(queries), size=len(wrong))
    types, shares = queries.types.copy(), queries.shares.copy()
    types[wrong], shares[wrong] = queries.types[donors], queries.shares[donors]
    return replace(queries, types=types, shares=shares)
