"""The nodes of a `Backbone` in an int8 graph, which every network on it has alike.

The graph reads ``token_ids`` (B, T) int64 padded with the pad id, and derives its own mask.
B queries, T tokens, D width, H heads, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shelfsense.models.backbone import Backbone
from shelfsense.models.stored_weights import Int8Rows
from shelfsense_training.export.graph import FLOAT, INT64, MICROSOFT, GraphBuilder
from shelfsense_training.export.int8 import linear, quantise_tokens
from shelfsense_training.export.word_table import WordTable

Parameters: TypeAlias = dict[str, NDArray[Any]]
"""Weights by the names that the graph gives them."""

TOKEN_IDS = {"token_ids": (INT64, ["B", "T"])}
"""What every graph reads."""

_EPSILON = 1e-12
_MASKED = -1e9


@dataclass(frozen=True, slots=True)
class Encoded:
    """Names of what the encoder gives.

    Attributes:
        states: (B, T, D) the embedded tokens, then what each layer made of them.
        is_token: (B, T) bool, false on padding.
        tokens: (B, 1) float32, how many tokens there are.
        pooled: (B, D) the mean of the last state over the tokens.
    """

    states: list[str]
    is_token: str
    tokens: str
    pooled: str


def float_state(model: nn.Module) -> Parameters:
    """Return a model's state in float32, by torch's names."""
    return {k: v.detach().to(torch.float32).cpu().numpy() for k, v in model.state_dict().items()}


def word_table(backbone: Backbone) -> NDArray[np.float32]:
    """Return a backbone's word table (V, D)."""
    weight = backbone.encoder.embeddings.word_embeddings.weight
    table: NDArray[np.float32] = weight.detach().to(torch.float32).cpu().numpy()
    return table


def encoder_parameters(backbone: Backbone) -> Parameters:
    """Collect a backbone's weights, its word table aside, under the names the graph uses; queries scaled."""
    state, config = float_state(backbone), backbone.encoder.config
    found: Parameters = {
        "position.weight": state["encoder.embeddings.position_embeddings.weight"],
        "embedding_norm.weight": state["encoder.embeddings.LayerNorm.weight"],
        "embedding_norm.bias": state["encoder.embeddings.LayerNorm.bias"],
    }
    if backbone.locale_embeddings is not None:
        found["locale.weight"] = state["locale_embeddings.weight"]
    query_scale = np.float32(1.0 / math.sqrt(config.dim // config.n_heads))
    for i in range(config.n_layers):
        source, name = f"encoder.transformer.layer.{i}.", f"layer.{i}"
        for kind in ("weight", "bias"):
            parts = [state[f"{source}attention.{p}_lin.{kind}"] for p in "qkv"]
            found[f"{name}.qkv.{kind}"] = np.concatenate([parts[0] * query_scale, *parts[1:]])
            found[f"{name}.attention_out.{kind}"] = state[f"{source}attention.out_lin.{kind}"]
            found[f"{name}.attention_norm.{kind}"] = state[f"{source}sa_layer_norm.{kind}"]
            found[f"{name}.ffn_in.{kind}"] = state[f"{source}ffn.lin1.{kind}"]
            found[f"{name}.ffn_out.{kind}"] = state[f"{source}ffn.lin2.{kind}"]
            found[f"{name}.ffn_norm.{kind}"] = state[f"{source}output_layer_norm.{kind}"]
    return found


def encode(graph: GraphBuilder, weights: Parameters, backbone: Backbone, words: WordTable) -> Encoded:
    """Add the encoder to a graph.

    Args:
        graph: it reads `TOKEN_IDS`, and holds or reads the word table.
        weights: what `encoder_parameters` returned.
        backbone: the encoder.
        words: its word table.
    """
    config = backbone.encoder.config
    shape = graph.node("Shape", "token_ids")
    is_token = graph.node("Not", graph.node("Equal", "token_ids", graph.constant("pad", np.array(backbone.pad_id))))
    mask = graph.node("Unsqueeze", graph.node("Cast", is_token, to=FLOAT), graph.integers(2))  # (B, T, 1)
    bias = graph.node("Where", is_token, graph.number(0.0), graph.number(_MASKED))
    bias = graph.node("Unsqueeze", bias, graph.integers(1, 2))  # (B, 1, 1, T)
    states = [_embed(graph, weights, words, config.vocab_size, shape)]
    for layer in range(config.n_layers):
        states.append(_block(graph, weights, f"layer.{layer}", states[-1], bias, config.n_heads))
    total = graph.node("ReduceSum", graph.node("Mul", states[-1], mask), graph.integers(1), keepdims=0)
    tokens = graph.node("ReduceSum", mask, graph.integers(1), keepdims=0)  # (B, 1)
    return Encoded(states, is_token, tokens, graph.node("Div", total, tokens))


def _embed(graph: GraphBuilder, weights: Parameters, words: WordTable, vocabulary: int, shape: str) -> str:
    last_word = graph.constant("last_word", np.array(vocabulary - 1))
    embedded = words.look_up(graph, graph.node("Min", "token_ids", last_word))
    if "locale.weight" in weights:
        first_locale = graph.constant("first_locale", np.array(vocabulary))
        locale_id = graph.node("Max", graph.node("Sub", "token_ids", first_locale), graph.constant("zero", np.array(0)))
        locales = graph.node("Gather", graph.constant("locale.weight", weights["locale.weight"]), locale_id)
        is_locale = graph.node("Unsqueeze", graph.node("Greater", "token_ids", last_word), graph.integers(2))
        embedded = graph.node("Where", is_locale, locales, embedded)  # (B, T, D)
    length = graph.node("Slice", shape, graph.integers(1), graph.integers(2))
    positions = graph.constant("position.weight", weights["position.weight"])
    positions = graph.node("Slice", positions, graph.integers(0), length, graph.integers(0))
    return _norm(graph, weights, "embedding_norm", graph.node("Add", embedded, positions))


def _block(graph: GraphBuilder, weights: Parameters, name: str, hidden: str, bias: str, heads: int) -> str:
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


def _linear(graph: GraphBuilder, weights: Parameters, name: str, value: str) -> str:
    product = linear(
        graph, f"{name}.weight", quantise_tokens(graph, value), Int8Rows.from_float(weights[f"{name}.weight"])
    )
    return str(graph.node("Add", product, graph.constant(f"{name}.bias", weights[f"{name}.bias"])))


def _norm(graph: GraphBuilder, weights: Parameters, name: str, value: str) -> str:
    weight = graph.constant(f"{name}.weight", weights[f"{name}.weight"])
    bias = graph.constant(f"{name}.bias", weights[f"{name}.bias"])
    return str(graph.node("LayerNormalization", value, weight, bias, axis=-1, epsilon=_EPSILON))
