"""The int8 ONNX graph of an `UnderstanderModel`; `shelfsense.models.onnx_weights` reads it back.

The graph takes ``token_ids`` (B, T) int64 padded with the pad id, derives its own mask, and gives
``probabilities`` (B, L), calibrated, and ``embeddings`` (B, E), unit length. A model with an attribute
head also gives ``attributes`` (B, T, K), probabilities of every token.

B queries, T tokens, D width, H heads, L labels, E embedding, V vocabulary, S states, K kinds of attributes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from shelfsense.models.heads import SMALLEST_ODDS, SMALLEST_SHARE
from shelfsense.models.stored_weights import FourBitBlocks, Int8Rows
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.export.adapters import DOWN, ROWS, UP, adapt
from shelfsense_training.export.graph import FLOAT, INT64, MICROSOFT, GraphBuilder
from shelfsense_training.export.int8 import linear, quantise_tokens

ATTRIBUTE_WEIGHT, ATTRIBUTE_BIAS = "attributes.weight", "attributes.bias"
"""Initialisers: (2 D, K) and (K,) float32."""

_EPSILON = 1e-12
_MASKED = -1e9

_Parameters = dict[str, NDArray[Any]]


def export_int8(model: UnderstanderModel) -> bytes:
    """Return the model as a serialised int8 ONNX graph."""
    config = model.backbone.encoder.config
    weights = _parameters(model)
    graph = GraphBuilder()
    shape = graph.node("Shape", "token_ids")
    is_token = graph.node(
        "Not", graph.node("Equal", "token_ids", graph.constant("pad", np.array(model.backbone.pad_id)))
    )
    mask = graph.node("Unsqueeze", graph.node("Cast", is_token, to=FLOAT), graph.integers(2))  # (B, T, 1)
    bias = graph.node("Where", is_token, graph.number(0.0), graph.number(_MASKED))
    bias = graph.node("Unsqueeze", bias, graph.integers(1, 2))  # (B, 1, 1, T)
    states = [_embed(graph, weights, shape)]
    for layer in range(config.n_layers):
        states.append(_block(graph, weights, f"layer.{layer}", states[-1], bias, config.n_heads))
    total = graph.node("ReduceSum", graph.node("Mul", states[-1], mask), graph.integers(1), keepdims=0)
    tokens = graph.node("ReduceSum", mask, graph.integers(1), keepdims=0)  # (B, 1)
    pooled = graph.node("Div", total, tokens)  # (B, D)
    _heads(graph, weights, pooled, _pool_all(graph, states[-model.embedding.states :], is_token, tokens))
    outputs = {
        "probabilities": (FLOAT, ["B", weights["classification.bias"].shape[0]]),
        "embeddings": (FLOAT, ["B", weights["embedding.bias"].shape[0]]),
    }
    if model.attributes is not None:
        _attributes(graph, weights, states[1 + model.middle], states[-1])
        outputs["attributes"] = (FLOAT, ["B", "T", weights[ATTRIBUTE_BIAS].shape[0]])
    return graph.model({"token_ids": (INT64, ["B", "T"])}, outputs)


def _parameters(model: UnderstanderModel) -> _Parameters:
    """Collect the model's weights under the names the graph uses; queries scaled."""
    state = {k: v.detach().to(torch.float32).cpu().numpy() for k, v in model.state_dict().items()}
    config = model.backbone.encoder.config
    base = "backbone.encoder."
    found: _Parameters = {
        "word.weight": state[f"{base}embeddings.word_embeddings.weight"],
        "position.weight": state[f"{base}embeddings.position_embeddings.weight"],
        "embedding_norm.weight": state[f"{base}embeddings.LayerNorm.weight"],
        "embedding_norm.bias": state[f"{base}embeddings.LayerNorm.bias"],
        "classification.weight": state["classification.linear.weight"],
        "classification.bias": state["classification.linear.bias"],
        "classification.calibration.scale": state["classification.scale"],
        "classification.calibration.shift": state["classification.shift"],
        "classification.membership": model.classification.membership.cpu().numpy(),
        "embedding.weight": state["embedding.linear.weight"],
        "embedding.bias": state["embedding.linear.bias"],
    }
    if model.backbone.locale_embeddings is not None:
        found["locale.weight"] = state["backbone.locale_embeddings.weight"]
    if model.attributes is not None:
        found[ATTRIBUTE_WEIGHT] = state["attributes.linear.weight"].T
        found[ATTRIBUTE_BIAS] = state["attributes.linear.bias"]
    if model.adapters is not None:
        found |= {ROWS: model.adapters.rows.cpu().numpy(), DOWN: state["adapters.down"], UP: state["adapters.up"]}
    query_scale = np.float32(1.0 / math.sqrt(config.dim // config.n_heads))
    for i in range(config.n_layers):
        source, name = f"{base}transformer.layer.{i}.", f"layer.{i}"
        for kind in ("weight", "bias"):
            parts = [state[f"{source}attention.{p}_lin.{kind}"] for p in "qkv"]
            found[f"{name}.qkv.{kind}"] = np.concatenate([parts[0] * query_scale, *parts[1:]])
            found[f"{name}.attention_out.{kind}"] = state[f"{source}attention.out_lin.{kind}"]
            found[f"{name}.attention_norm.{kind}"] = state[f"{source}sa_layer_norm.{kind}"]
            found[f"{name}.ffn_in.{kind}"] = state[f"{source}ffn.lin1.{kind}"]
            found[f"{name}.ffn_out.{kind}"] = state[f"{source}ffn.lin2.{kind}"]
            found[f"{name}.ffn_norm.{kind}"] = state[f"{source}output_layer_norm.{kind}"]
    return found


def _embed(graph: GraphBuilder, weights: _Parameters, shape: str) -> str:
    vocabulary = np.int64(len(weights["word.weight"]))
    last_word = graph.constant("last_word", np.array(vocabulary - 1))
    words = _words(graph, weights["word.weight"], graph.node("Min", "token_ids", last_word))
    if "locale.weight" in weights:
        first_locale = graph.constant("first_locale", np.array(vocabulary))
        locale_id = graph.node("Max", graph.node("Sub", "token_ids", first_locale), graph.constant("zero", np.array(0)))
        locales = graph.node("Gather", graph.constant("locale.weight", weights["locale.weight"]), locale_id)
        is_locale = graph.node("Unsqueeze", graph.node("Greater", "token_ids", last_word), graph.integers(2))
        words = graph.node("Where", is_locale, locales, words)  # (B, T, D)
    length = graph.node("Slice", shape, graph.integers(1), graph.integers(2))
    positions = graph.constant("position.weight", weights["position.weight"])
    positions = graph.node("Slice", positions, graph.integers(0), length, graph.integers(0))
    return _norm(graph, weights, "embedding_norm", graph.node("Add", words, positions))


def _words(graph: GraphBuilder, table: NDArray[np.float32], token_ids: str) -> str:
    """Look words up: 4-bit where that is exact, else int8; float32 (B, T, D) either way."""
    blocks = FourBitBlocks.from_float(table)
    if blocks is not None:
        packed = graph.constant("word.weight.packed", blocks.packed)
        scale = graph.constant("word.weight.block_scale", blocks.scale)
        options = {"bits": 4, "block_size": FourBitBlocks.BLOCK, "gather_axis": 0, "quantize_axis": 1}
        rows = graph.node("GatherBlockQuantized", packed, token_ids, scale, domain=MICROSOFT, **options)
        return str(graph.node("Cast", rows, to=FLOAT))
    int8 = Int8Rows.from_float(table)
    rows = graph.node(
        "Cast", graph.node("Gather", graph.constant("word.weight.int8", int8.values), token_ids), to=FLOAT
    )
    scales = graph.node("Gather", graph.constant("word.weight.scale", int8.scale[:, None]), token_ids)
    return str(graph.node("Mul", rows, scales))


def _block(graph: GraphBuilder, weights: _Parameters, name: str, hidden: str, bias: str, heads: int) -> str:
    width = weights[f"{name}.attention_norm.weight"].shape[0]
    qkv = _linear(graph, weights, f"{name}.qkv", hidden)
    split = graph.node("Split", qkv, outputs=3, axis=-1, num_outputs=3)
    to_heads = graph.integers(0, 0, heads, width // heads)
    query, key, value = (graph.node("Reshape", part, to_heads) for part in split)
    query = graph.node("Transpose", query, perm=[0, 2, 1, 3])  # (B, H, T, D/H)
    key = graph.node("Transpose", key, perm=[0, 2, 3, 1])
    value = graph.node("Transpose", value, perm=[0, 2, 1, 3])
    scores = graph.node("Add", graph.node("MatMul", query, key), bias)  # (B, H, T, T)
    context = graph.node("MatMul", graph.node("Softmax", scores, axis=-1), value)
    context = graph.node("Transpose", context, perm=[0, 2, 1, 3])
    context = graph.node("Reshape", context, graph.integers(0, 0, width))
    attended = graph.node("Add", _linear(graph, weights, f"{name}.attention_out", context), hidden)
    attended = _norm(graph, weights, f"{name}.attention_norm", attended)
    inner = linear(
        graph,
        f"{name}.ffn_in.weight",
        quantise_tokens(graph, attended),
        Int8Rows.from_float(weights[f"{name}.ffn_in.weight"]),
    )
    inner_bias = graph.constant(f"{name}.ffn_in.bias", weights[f"{name}.ffn_in.bias"])
    inner = graph.node("BiasGelu", inner, inner_bias, domain=MICROSOFT)
    out = graph.node("Add", _linear(graph, weights, f"{name}.ffn_out", inner), attended)
    return _norm(graph, weights, f"{name}.ffn_norm", out)


def _pool_all(graph: GraphBuilder, states: list[str], is_token: str, tokens: str) -> str:
    """Average the tokens of several states side by side: (B, S x D); empty where there is but one state."""
    if len(states) == 1:
        return ""
    side_by_side = graph.node("Concat", *states, axis=-1)  # (B, T, S D)
    # A matrix product does in one pass what masking, adding up and reading again do in three.
    mask = graph.node("Unsqueeze", graph.node("Cast", is_token, to=FLOAT), graph.integers(1))  # (B, 1, T)
    total = graph.node("Squeeze", graph.node("MatMul", mask, side_by_side), graph.integers(1))
    return str(graph.node("Div", total, tokens))


def _heads(graph: GraphBuilder, weights: _Parameters, pooled: str, all_pooled: str) -> None:
    """Add both heads on pooled queries; the embedding head reads all states where there are several."""
    quantised = quantise_tokens(graph, pooled)
    reads = {"classification": quantised, "embedding": quantised}
    if all_pooled:
        reads["embedding"] = quantise_tokens(graph, all_pooled)
    if ROWS in weights:
        reads["classification"] = quantise_tokens(graph, adapt(graph, weights, pooled, len(weights["word.weight"])))
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


def _attributes(graph: GraphBuilder, weights: _Parameters, middle: str, last: str) -> None:
    """Add the attribute head; in float32, as quantising its input would cost more than its K columns save."""
    states = graph.node("Concat", middle, last, axis=-1)  # (B, T, 2 D)
    logits = graph.node("MatMul", states, graph.constant(ATTRIBUTE_WEIGHT, weights[ATTRIBUTE_WEIGHT]))
    logits = graph.node("Add", logits, graph.constant(ATTRIBUTE_BIAS, weights[ATTRIBUTE_BIAS]))
    graph.result("attributes", graph.node("Softmax", logits, axis=-1))


def _probabilities(graph: GraphBuilder, weights: _Parameters, logits: str) -> str:
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


def _linear(graph: GraphBuilder, weights: _Parameters, name: str, value: str) -> str:
    product = linear(
        graph, f"{name}.weight", quantise_tokens(graph, value), Int8Rows.from_float(weights[f"{name}.weight"])
    )
    return str(graph.node("Add", product, graph.constant(f"{name}.bias", weights[f"{name}.bias"])))


def _norm(graph: GraphBuilder, weights: _Parameters, name: str, value: str) -> str:
    weight = graph.constant(f"{name}.weight", weights[f"{name}.weight"])
    bias = graph.constant(f"{name}.bias", weights[f"{name}.bias"])
    return str(graph.node("LayerNormalization", value, weight, bias, axis=-1, epsilon=_EPSILON))
