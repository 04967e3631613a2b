"""The graph of an int8 linear layer whose activations are scaled per token.

A scale taken over a whole batch would let a neighbour change an answer; one scale per token
depends on that token alone. Activations are unsigned with zero point 128, the operand order
for which x86 has an instruction that does not saturate (VNNI).

N rows, D columns of what is quantised, R outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shelfsense.models.stored_weights import Int8Rows
from shelfsense_training.export.graph import MICROSOFT, GraphBuilder

Parameters: TypeAlias = dict[str, NDArray[Any]]
"""Weights by the names that a graph gives them. A matrix may be there in float32, (R, D) under its own name, or
as a graph stores it, ``name.int8`` (D, R) and ``name.scale`` (R,)."""

_ZERO_POINT = 128
_STEPS = 127.0


@dataclass(frozen=True, slots=True)
class Quantised:
    """Names of a quantised matrix.

    Attributes:
        values: (N, D) uint8, zero point 128.
        scale: (N, 1) float32.
    """

    values: str
    scale: str


def zero_points(graph: GraphBuilder, value: str) -> str:
    """Add what gives every row of a value its zero point, as `quantise_tokens` reads them: (N,) uint8."""
    rows = graph.node("Shape", value, start=0, end=1)
    return str(graph.node("Expand", graph.constant("zero_points", np.array([_ZERO_POINT], dtype=np.uint8)), rows))


def quantise_tokens(graph: GraphBuilder, value: str, zeros: str) -> Quantised:
    """Add the nodes that quantise (N, D) with one scale per row.

    A row of zeros has a scale of zero, whatever its steps become: its products are zero as well.

    Args:
        graph: the graph under construction.
        value: name of what is quantised.
        zeros: `zero_points` of that many rows.
    """
    largest = graph.node("ReduceMax", graph.node("Abs", value), graph.integers(-1), keepdims=0)
    scale = graph.node("Div", largest, graph.number(_STEPS))  # (N,)
    # One pass over the values, where dividing, rounding, shifting and casting are four.
    values = graph.node("QuantizeLinear", value, scale, zeros, axis=0)
    return Quantised(values, graph.node("Unsqueeze", scale, graph.integers(1)))


def linear(graph: GraphBuilder, weights: Parameters, name: str, quantised: Quantised) -> str:
    """Add an int8 matrix product without bias.

    Args:
        graph: the graph under construction.
        weights: they hold the matrix.
        name: of the matrix; initialisers are ``name.int8`` (D, R) and ``name.scale`` (R,).
        quantised: what `quantise_tokens` returned.

    Returns:
        Name of the float32 product (N, R).
    """
    matrix = _int8(weights, name)
    product = graph.node(
        "MatMulIntegerToFloat",
        quantised.values,
        graph.constant(f"{name}.int8", matrix.values.T),
        graph.number(1.0),
        graph.constant(f"{name}.scale", matrix.scale),
        graph.constant("zero_point", np.array(_ZERO_POINT, dtype=np.uint8)),
        domain=MICROSOFT,
    )
    return str(graph.node("Mul", product, quantised.scale))


def _int8(weights: Parameters, name: str) -> Int8Rows:
    if f"{name}.int8" in weights:
        return Int8Rows(weights[f"{name}.int8"].T, weights[f"{name}.scale"])
    return Int8Rows.from_float(weights[name])
