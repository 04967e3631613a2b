"""Int8 weights and the graph of an int8 linear layer whose activations are scaled per token.

A scale taken over a whole batch would let a neighbour change an answer; one scale per token
depends on that token alone. Activations are unsigned with zero point 128, the operand order
for which x86 has an instruction that does not saturate (VNNI).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.export.graph import MICROSOFT, UINT8, GraphBuilder


@dataclass(frozen=True, slots=True)
class Int8Rows:
    """A matrix as int8 with one scale per row, symmetric.

    Attributes:
        values: (R, C) int8.
        scale: (R,) float32; the matrix is ``values * scale[:, None]``.
    """

    values: NDArray[np.int8]
    scale: NDArray[np.float32]

    @classmethod
    def from_float(cls, matrix: NDArray[np.float32]) -> Int8Rows:
        """Quantise a matrix (R, C); each row's largest magnitude maps to 127."""
        scale = np.maximum(np.abs(matrix).max(axis=1), 1e-12).astype(np.float32) / np.float32(127)
        values = np.clip(np.rint(matrix / scale[:, None]), -127, 127).astype(np.int8)
        return cls(values, scale)

    def to_float(self) -> NDArray[np.float32]:
        """Return the matrix the int8 form stands for, (R, C)."""
        matrix: NDArray[np.float32] = self.values.astype(np.float32) * self.scale[:, None]
        return matrix


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
