"""The nodes of `LocaleAdapters` in an int8 graph; float32, for a rank of 8 is too thin to gain by int8.

B queries, T tokens, D width, R rank, A adapters with row 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.export.graph import INT64, GraphBuilder

ROWS, DOWN, UP = "adapter.rows", "adapter.down", "adapter.up"
"""Initialisers: (locales + 1,) int64, (A, D, R) and (A, R, D) float32."""


def adapt(graph: GraphBuilder, weights: dict[str, NDArray[Any]], pooled: str, vocabulary: int) -> str:
    """Add what `LocaleAdapters.forward` does.

    Args:
        graph: the graph under construction; it reads ``token_ids``.
        weights: `ROWS`, `DOWN` and `UP`.
        pooled: name of the pooled queries (B, D).
        vocabulary: V, the id of the first locale token.

    Returns:
        Name of the adapted queries (B, D).
    """
    token = graph.node("Gather", "token_ids", graph.constant("locale_place", np.array(1)), axis=1)  # (B,)
    locale = graph.node("Sub", token, graph.constant("first_locale", np.array(vocabulary)))
    zero = graph.constant("zero", np.array(0))
    row = graph.node("Gather", graph.constant(ROWS, weights[ROWS]), graph.node("Max", locale, zero))
    is_locale = graph.node("Cast", graph.node("GreaterOrEqual", locale, zero), to=INT64)
    row = graph.node("Mul", row, is_locale)
    low = graph.node("Unsqueeze", pooled, graph.integers(1))  # (B, 1, D)
    for name in (DOWN, UP):
        low = graph.node("MatMul", low, graph.node("Gather", graph.constant(name, weights[name]), row))
    return str(graph.node("Add", pooled, graph.node("Squeeze", low, graph.integers(1))))
