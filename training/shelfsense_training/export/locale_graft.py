"""Puts a locale's token and adapter into an int8 graph that is already served, and touches nothing else in it.

Reading the weights back and exporting them again would round some scale of the int8 matrices otherwise
by its last bit. Here every other initialiser and node stays the very same, so what other locales are
answered does too: their adapter row is zero, and 0.0 is added.

Knows the names that `onnx_export` gives initialisers. D width, R rank, A adapters with row 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from shelfsense.errors import BundleRefused
from shelfsense_training.export.adapters import DOWN, ROWS, UP, adapt
from shelfsense_training.export.graph import GraphBuilder
from shelfsense_training.export.int8 import quantise_tokens, zero_points

TOKENS = "locale.weight"
_CLASSIFIER = "classification.weight.int8"
_MODEL = "model.onnx"


@dataclass(frozen=True, slots=True)
class LocaleWeights:
    """The locale tokens and adapters of a network, as `LocaleAdapters` has them.

    Attributes:
        tokens: (locales + 1, D), ``und`` last.
        rows: (locales + 1,) adapter of each.
        down: (A, D, R).
        up: (A, R, D).
    """

    tokens: NDArray[np.float32]
    rows: NDArray[np.int64]
    down: NDArray[np.float32]
    up: NDArray[np.float32]


def graft_locales(data: bytes, weights: LocaleWeights) -> bytes:
    """Return an int8 graph with other locale tokens and adapters; nodes are added where it had no adapters.

    Args:
        data: a graph of `export_int8`.
        weights: what it is to have; without any adapter beside row 0, no node is added.

    Raises:
        BundleRefused: when the graph has no locale tokens, or no classification head as `export_int8` writes it.
    """
    model = onnx.load_from_string(data)
    graph = model.graph
    present = {constant.name: constant for constant in graph.initializer}
    if TOKENS not in present:
        raise BundleRefused(_MODEL, "has no locale tokens, so it cannot learn a locale", "use a locale-aware bundle")
    new: dict[str, NDArray[Any]] = {TOKENS: weights.tokens}
    if len(weights.up) > 1 or ROWS in present:
        if ROWS not in present:
            _add_adapters(graph, weights)
            present = {constant.name: constant for constant in graph.initializer}
        new |= {ROWS: weights.rows, DOWN: weights.down, UP: weights.up}
    for name, value in new.items():
        present[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value), name))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _add_adapters(graph: onnx.GraphProto, weights: LocaleWeights) -> None:
    """Let the classification head read adapted queries; the embedding head reads what it read."""
    nodes = list(graph.node)
    product = _only([node for node in nodes if _CLASSIFIER in node.input])
    scaled = _only([node for node in nodes if product.output[0] in node.input])
    pooled = _pooled(nodes, product, scaled)
    present = {constant.name: constant for constant in graph.initializer}
    vocabulary = int(numpy_helper.to_array(present["first_locale"]))
    builder = GraphBuilder(numbered_from=len(nodes))
    table: dict[str, NDArray[Any]] = {ROWS: weights.rows, DOWN: weights.down, UP: weights.up}
    adapted = quantise_tokens(builder, adapt(builder, table, pooled, vocabulary), zero_points(builder, pooled))
    product.input[0], scaled.input[1] = adapted.values, adapted.scale
    at = nodes.index(product)
    nodes[at:at] = builder.nodes
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constant for constant in builder.constants if constant.name not in present)


def _pooled(nodes: list[onnx.NodeProto], product: onnx.NodeProto, scaled: onnx.NodeProto) -> str:
    """Return what the classifier reads before it is quantised: in one node, or in the steps of older graphs."""
    quantised = [node for node in nodes if node.op_type == "QuantizeLinear" and node.output[0] == product.input[0]]
    divided = [node for node in nodes if node.op_type == "Div" and node.input[1] == scaled.input[1]]
    return str(_only(quantised or divided).input[0])


def _only(nodes: list[onnx.NodeProto]) -> onnx.NodeProto:
    if len(nodes) != 1:
        raise BundleRefused(_MODEL, "has no classification head as this version writes it", "train the bundle again")
    return nodes[0]
