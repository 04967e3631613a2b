"""The one type that speaks for a query's answer in lists."""

from __future__ import annotations

from shelfsense.product_types import ProductTypes
from shelfsense_training.onboarding.serving_figures import Served


def best_type(served: Served, i: int, product_types: ProductTypes) -> tuple[int, float]:
    """Return a query's deepest accepted type and its probability; where none is accepted the likeliest of level 1.

    Args:
        served: what a bundle answers.
        i: row of the query.
        product_types: the tree.
    """
    for level in range(product_types.depth, 0, -1):
        members = product_types.by_level[level]
        passed = members[served.accepted[i, members]]
        if len(passed):
            best = int(passed[served.scores[i, passed].argmax()])
            return best, float(served.scores[i, best])
    members = product_types.by_level[1]
    best = int(members[served.scores[i, members].argmax()])
    return best, float(served.scores[i, best])
