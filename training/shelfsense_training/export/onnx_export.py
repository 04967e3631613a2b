"""The int8 ONNX graph of an `UnderstanderModel`; `shelfsense.models.onnx_weights` reads it back.

The graph takes ``token_ids`` (B, T) int64 padded with the pad id, derives its own mask, and gives
``probabilities`` (B, L), calibrated, and ``embeddings`` (B, E), unit length. A model with an attribute
head also gives ``attributes`` (B, T, K), probabilities of every token.

B queries, T tokens, D width, H heads, L labels, E embedding, V vocabulary, S states, K kinds of attributes.
"""

from __future__ import annotations

from shelfsense.models.heads import SMALLEST_ODDS, SMALLEST_SHARE
from shelfsense.models.stored_weights import Int8Rows
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.export.adapters import DOWN, ROWS, UP, adapt
from shelfsense_training.export.encoder import (
    TOKEN_IDS,
    Encoded,
    Parameters,
    encode,
    encoder_parameters,
    float_state,
    word_table,
)
from shelfsense_training.export.graph import FLOAT, GraphBuilder
from shelfsense_training.export.int8 import linear, quantise_tokens
from shelfsense_training.export.word_table import WordTable

ATTRIBUTE_WEIGHT, ATTRIBUTE_BIAS = "attributes.weight", "attributes.bias"
"""Initialisers: (2 D, K) and (K,) float32."""


def export_int8(model: UnderstanderModel) -> bytes:
    """Return the model as a serialised int8 ONNX graph."""
    weights, words, graph = _parameters(model), WordTable.from_float(word_table(model.backbone)), GraphBuilder()
    words.hold(graph)
    encoded = encode(graph, weights, model.backbone, words)
    _heads(graph, weights, encoded, states=model.embedding.states, vocabulary=model.backbone.text_vocabulary)
    outputs = {
        "probabilities": (FLOAT, ["B", weights["classification.bias"].shape[0]]),
        "embeddings": (FLOAT, ["B", weights["embedding.bias"].shape[0]]),
    }
    if model.attributes is not None:
        _attributes(graph, weights, encoded.states[1 + model.middle], encoded.states[-1])
        outputs["attributes"] = (FLOAT, ["B", "T", weights[ATTRIBUTE_BIAS].shape[0]])
    return graph.model(TOKEN_IDS, outputs | words.signature)


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


def _pool_all(graph: GraphBuilder, encoded: Encoded, states: int) -> str:
    """Average the tokens of the last states, side by side: (B, S x D)."""
    side_by_side = graph.node("Concat", *encoded.states[-states:], axis=-1)  # (B, T, S D)
    # A matrix product does in one pass what masking, adding up and reading again do in three.
    mask = graph.node("Unsqueeze", graph.node("Cast", encoded.is_token, to=FLOAT), graph.integers(1))  # (B, 1, T)
    total = graph.node("Squeeze", graph.node("MatMul", mask, side_by_side), graph.integers(1))
    return str(graph.node("Div", total, encoded.tokens))


def _heads(graph: GraphBuilder, weights: Parameters, encoded: Encoded, *, states: int, vocabulary: int) -> None:
    """Add both heads on pooled queries; the embedding head reads the last `states` where these are several."""
    all_pooled = _pool_all(graph, encoded, states) if states > 1 else ""
    quantised = quantise_tokens(graph, encoded.pooled)
    reads = {"classification": quantised, "embedding": quantised}
    if all_pooled:
        reads["embedding"] = quantise_tokens(graph, all_pooled)
    if ROWS in weights:
        reads["classification"] = quantise_tokens(graph, adapt(graph, weights, encoded.pooled, vocabulary))
    products = {
        name: graph.node(
            "Add",
            linear(graph, f"{name}.weight", read, Int8Rows.from_float(weights[f"{name}.weight"])),
            graph.constant(f"{name}.bias", weights[f"{name}.bias"]),
        )
        for name, read in reads.items()
    }
    graph.result("probabilities", _probabilities(graph, weights, products["classification"]))
    graph.result("embeddings", graph.node("LpNormalization", products["embedding"], axis=-1, p=2))


def _attributes(graph: GraphBuilder, weights: Parameters, middle: str, last: str) -> None:
    """Add the attribute head; in float32, as quantising its input would cost more than its K columns save."""
    states = graph.node("Concat", middle, last, axis=-1)  # (B, T, 2 D)
    logits = graph.node("MatMul", states, graph.constant(ATTRIBUTE_WEIGHT, weights[ATTRIBUTE_WEIGHT]))
    logits = graph.node("Add", logits, graph.constant(ATTRIBUTE_BIAS, weights[ATTRIBUTE_BIAS]))
    graph.result("attributes", graph.node("Softmax", logits, axis=-1))


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
