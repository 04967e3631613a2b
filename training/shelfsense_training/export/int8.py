"""The graph of an int8 linear layer whose activations are scaled per token.

A scale taken over a whole batch would let a neighbour change an answer; one scale per token
depends on that token alone. Activations are unsigned with zero point 128, the operand order
for which x86 has an instruction that does not saturate (VNNI).
"""

from __future__ import annotations

import numpy as np

from shelfsense.models.stored_weights import Int8Rows
from shelfsense_training.export.graph import MICROSOFT, UINT8, GraphBuilder


def quantise_tokens(graph: GraphBuilder, value: str) -> tuple[str, str]:
    """Add the nodes that quantise (..., D) with one scale per token.

    Returns:
        Names of the uint8 tensor (zero point 128) and of its scale (..., 1).
    """
    largest = graph.node("ReduceMax", graph.node("Abs", value), graph.integers(-1), keepdims=1)
    scale = graph.node("Div", graph.node("Max", largest, graph.number(1e-9)), graph.number(127.0))
    steps = graph.node("Round", graph.node("Div", value, scale))
    return graph.node("Cast", graph.node("Add", steps, graph.number(128.0)), to=UINT8), scale


def linear(graph: GraphBuilder, name: str, quantised: tuple[str, str], weight: Int8Rows) -> str:
    """Add an int8 matrix product without bias.

    Args:
        graph: the graph under construction.
        name: parameter name; initialisers are ``name.int8`` (D, R) and ``name.scale`` (R,).
        quantised: what `quantise_tokens` returned.
        weight: (R, D), one row per output.

    Returns:
        Name of the float32 product (..., R).
    """
    values, scale = quantised
    zero = graph.constant("zero_point", np.array(128, dtype=np.uint8))
    product = graph.node(
        "MatMulIntegerToFloat",
        values,
        graph.constant(f"{name}.int8", weight.values.T),
        graph.number(1.0),
        graph.constant(f"{name}.scale", weight.scale),
        zero,
        domain=MICROSOFT,
    )
    return str(graph.node("Mul", product, scale))
