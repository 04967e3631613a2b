"""The int8 ONNX graph of an `UnderstanderModel`; `shelfsense.models.onnx_weights` reads it back.

The graph takes ``token_ids`` (B, T) int64 padded behind with the pad id, packs them itself, and gives
``probabilities`` (B, L), calibrated, and ``embeddings`` (B, E), unit length. A model with an attribute
head also gives ``attributes`` (B, T, K), probabilities of every token.

B queries, T tokens of the longest, N real tokens of all, D width, L labels, E embedding, V vocabulary, S states, K kinds of attributes.
"""

from __future__ import annotations

from shelfsense.engines.onnx import ATTENTION_ALONE, PADDING
from shelfsense.models.heads import SMALLEST_ODDS, SMALLEST_SHARE
from shelfsense.models.onnx_weights import load_int8, stored_weights
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.export.adapters import DOWN, ROWS, UP, adapt
from shelfsense_training.export.encoder import (
    TOKEN_IDS,
    Encoded,
    encode,
    encoder_parameters,
    float_state,
    word_table,
)
from shelfsense_training.export.graph import FLOAT, GraphBuilder
from shelfsense_training.export.int8 import Parameters, linear, quantise_tokens, zero_points
from shelfsense_training.export.word_table import WordTable

ATTRIBUTE_WEIGHT, ATTRIBUTE_BIAS = "attributes.weight", "attributes.bias"
"""Initialisers: (2 D, K) and (K,) float32."""


def export_int8(model: UnderstanderModel) -> bytes:
    """Return the model as a serialised int8 ONNX graph."""
    return _graph(model, _parameters(model), WordTable.from_float(word_table(model.backbone)))


def export_again(data: bytes) -> bytes:
    """Return a graph of any version of this module as this version writes it, every weight the very same.

    Going by the float weights would round some scales of the int8 matrices otherwise by their last bit.

    Raises:
        BundleRefused: when it is no graph of `export_int8`.
    """
    stored = stored_weights(data)
    return _graph(load_int8(data), stored, WordTable.from_stored(stored))


def _graph(model: UnderstanderModel, weights: Parameters, words: WordTable) -> bytes:
    """Return a graph of a model's shape with these weights."""
    graph = GraphBuilder()
    words.hold(graph)
    encoded = encode(graph, weights, model.backbone, words)
    _heads(graph, weights, encoded, states=model.embedding.states, vocabulary=model.backbone.text_vocabulary)
    outputs = {
        "probabilities": (FLOAT, ["B", weights["classification.bias"].shape[0]]),
        "embeddings": (FLOAT, ["B", weights["embedding.bias"].shape[0]]),
    }
    if model.attributes is not None:
        _attributes(graph, weights, encoded, model.middle)
        outputs["attributes"] = (FLOAT, ["B", "T", weights[ATTRIBUTE_BIAS].shape[0]])
    return graph.model(TOKEN_IDS, outputs | words.signature, {PADDING: ATTENTION_ALONE})


def _parameters(model: UnderstanderModel) -> Parameters:
    """Collect the model's weights under the names the graph uses."""
    state = float_state(model)
    found = encoder_parameters(model.backbone) | {
        "classification.weight": state["classification.linear.weight"],
        "classification.bias": state["classification.linear.bias"],
        "classification.calibration.scale": state["classification.scale"],
        "classification.calibration.shift": state["classification.shift"],
        "classification.membership": model.classification.membership.cpu().numpy(),
        "embedding.weight": state["embedding.linear.weight"],
        "embedding.bias": state["embedding.linear.bias"],
    }
    if model.attributes is not None:
        found[ATTRIBUTE_WEIGHT] = state["attributes.linear.weight"].T
        found[ATTRIBUTE_BIAS] = state["attributes.linear.bias"]
    if model.adapters is not None:
        found |= {ROWS: model.adapters.rows.cpu().numpy(), DOWN: state["adapters.down"], UP: state["adapters.up"]}
    return found


def _heads(graph: GraphBuilder, weights: Parameters, encoded: Encoded, *, states: int, vocabulary: int) -> None:
    """Add both heads on pooled queries; the embedding head reads the last `states`."""
    pooled = [encoded.pool(graph, state) for state in encoded.states[-states:]]
    last, zeros = pooled[-1], zero_points(graph, encoded.packing.tokens)
    reads = {"classification": quantise_tokens(graph, last, zeros)}
    reads["embedding"] = reads["classification"]
    if states > 1:
        reads["embedding"] = quantise_tokens(graph, graph.node("Concat", *pooled, axis=-1), zeros)  # (B, S D)
    if ROWS in weights:
        reads["classification"] = quantise_tokens(graph, adapt(graph, weights, last, vocabulary), zeros)
    products = {
        name: graph.node(
            "Add",
            linear(graph, weights, f"{name}.weight", read),
            graph.constant(f"{name}.bias", weights[f"{name}.bias"]),
        )
        for name, read in reads.items()
    }
    graph.result("probabilities", _probabilities(graph, weights, products["classification"]))
    graph.result("embeddings", graph.node("LpNormalization", products["embedding"], axis=-1, p=2))


def _attributes(graph: GraphBuilder, weights: Parameters, encoded: Encoded, middle: int) -> None:
    """Add the attribute head; in float32, as quantising its input would cost more than its K columns save."""
    states = graph.node("Concat", encoded.states[1 + middle], encoded.states[-1], axis=-1)  # (N, 2 D)
    logits = graph.node("MatMul", states, graph.constant(ATTRIBUTE_WEIGHT, weights[ATTRIBUTE_WEIGHT]))
    logits = graph.node("Add", logits, graph.constant(ATTRIBUTE_BIAS, weights[ATTRIBUTE_BIAS]))
    graph.result("attributes", graph.node("Gather", graph.node("Softmax", logits, axis=-1), encoded.packing.rows))


def _probabilities(graph: GraphBuilder, weights: Parameters, logits: str) -> str:
    """Add what `ClassificationHead.probabilities` does."""
    largest = graph.node("ReduceMax", logits, graph.integers(-1), keepdims=1)
    largest = graph.node("Max", largest, graph.number(0.0))
    shifted = graph.node("Sub", logits, largest)
    odds = graph.node("Exp", shifted)
    membership = weights["classification.membership"]
    by_level = graph.node("MatMul", odds, graph.constant("classification.levels", membership.T))
    nothing = graph.node("Max", graph.node("Exp", graph.node("Neg", largest)), graph.number(SMALLEST_ODDS))
    by_level = graph.node("Add", by_level, nothing)  # (B, K)
    total = graph.node("MatMul", by_level, graph.constant("classification.membership", membership))  # (B, L)
    least = graph.node("Mul", total, graph.number(SMALLEST_SHARE))
    others = graph.node("Max", graph.node("Sub", total, odds), least)
    calibrated = graph.node("Sub", shifted, graph.node("Log", others))
    for operation, kind in (("Mul", "scale"), ("Add", "shift")):
        name = f"classification.calibration.{kind}"
        calibrated = graph.node(operation, calibrated, graph.constant(name, weights[name]))
    return str(graph.node("Sigmoid", calibrated))
