"""The nodes of a `Backbone` in an int8 graph, which every network on it has alike.

The graph reads ``token_ids`` (B, T) int64 padded with the pad id, and computes for no padding: all but attention
runs over the real tokens (`packing`).
B queries, T tokens of the longest, N real tokens of all, D width, H heads, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shelfsense.models.backbone import Backbone
from shelfsense_training.export.graph import INT64, MICROSOFT, GraphBuilder
from shelfsense_training.export.int8 import Parameters, linear, quantise_tokens, zero_points
from shelfsense_training.export.packing import Packing, pack
from shelfsense_training.export.word_table import WordTable

TOKEN_IDS = {"token_ids": (INT64, ["B", "T"])}
"""What every graph reads."""

_EPSILON = 1e-12


@dataclass(frozen=True, slots=True)
class Encoded:
    """Names of what the encoder gives.

    Attributes:
        states: (N, D) the embedded tokens, then what each layer made of them.
        packing: where the tokens are.
    """

    states: list[str]
    packing: Packing

    def pool(self, graph: GraphBuilder, state: str) -> str:
        """Average a state (N, D) over the tokens of each query: (B, D)."""
        padded = graph.node("Gather", state, self.packing.rows)  # (B, T, D)
        total = graph.node("Squeeze", graph.node("MatMul", self.packing.is_token, padded), graph.integers(1))
        return str(graph.node("Div", total, self.packing.tokens))


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
        weights: what `encoder_parameters` returned, or those of another graph.
        backbone: the encoder; its shape alone is read.
        words: its word table.
    """
    config = backbone.encoder.config
    packing = pack(graph, backbone.pad_id, config.n_heads)
    states = [_embed(graph, weights, words, config.vocab_size, packing)]
    block = _Block(graph, weights, packing, zero_points(graph, packing.token_ids), config.dim // config.n_heads)
    for layer in range(config.n_layers):
        states.append(block.add(f"layer.{layer}", states[-1]))
    return Encoded(states, packing)


def _embed(graph: GraphBuilder, weights: Parameters, words: WordTable, vocabulary: int, packing: Packing) -> str:
    ids = packing.token_ids
    last_word = graph.constant("last_word", np.array(vocabulary - 1))
    embedded = words.look_up(graph, graph.node("Min", ids, last_word))
    if "locale.weight" in weights:
        first_locale = graph.constant("first_locale", np.array(vocabulary))
        locale_id = graph.node("Max", graph.node("Sub", ids, first_locale), graph.constant("zero", np.array(0)))
        locales = graph.node("Gather", graph.constant("locale.weight", weights["locale.weight"]), locale_id)
        is_locale = graph.node("Unsqueeze", graph.node("Greater", ids, last_word), graph.integers(1))
        embedded = graph.node("Where", is_locale, locales, embedded)  # (N, D)
    positions = graph.constant("position.weight", weights["position.weight"])
    positions = graph.node("Gather", positions, packing.positions)
    return _norm(graph, weights, "embedding_norm", graph.node("Add", embedded, positions))


@dataclass(frozen=True, slots=True)
class _Block:
    """Adds layers.

    Attributes:
        graph: the graph under construction.
        weights: of all layers.
        packing: where the tokens are.
        zeros: (N,) their zero points.
        head_width: D / H.
    """

    graph: GraphBuilder
    weights: Parameters
    packing: Packing
    zeros: str
    head_width: int

    def add(self, name: str, hidden: str) -> str:
        """Add a layer on hidden states (N, D)."""
        graph = self.graph
        context = self._attend(self._linear(f"{name}.qkv", hidden))
        attended = graph.node("Add", self._linear(f"{name}.attention_out", context), hidden)
        attended = _norm(graph, self.weights, f"{name}.attention_norm", attended)
        inner = self._product(f"{name}.ffn_in", attended)
        inner = graph.node("BiasGelu", inner, self._bias(f"{name}.ffn_in"), domain=MICROSOFT)
        out = graph.node("Add", self._linear(f"{name}.ffn_out", inner), attended)
        return _norm(graph, self.weights, f"{name}.ffn_norm", out)

    def _attend(self, qkv: str) -> str:
        """Attend within each query: (N, 3 D) to (N, D)."""
        graph, packing, width = self.graph, self.packing, self.head_width
        heads = graph.node("Reshape", qkv, graph.integers(-1, width))  # (N x 3 x H, D/H)
        query, key, value = (graph.node("Gather", heads, at) for at in (packing.query, packing.key, packing.value))
        scores = graph.node("FusedMatMul", query, key, transB=1, domain=MICROSOFT)  # (B, H, T, T)
        shares = graph.node("Softmax", graph.node("Add", scores, packing.masked), axis=-1)
        context = graph.node("Reshape", graph.node("MatMul", shares, value), graph.integers(-1, width))
        context = graph.node("Gather", context, packing.context)  # (N, H, D/H)
        all_heads = self.weights["embedding_norm.weight"].shape[0]
        return str(graph.node("Reshape", context, graph.integers(-1, all_heads)))

    def _linear(self, name: str, value: str) -> str:
        return str(self.graph.node("Add", self._product(name, value), self._bias(name)))

    def _product(self, name: str, value: str) -> str:
        quantised = quantise_tokens(self.graph, value, self.zeros)
        return linear(self.graph, self.weights, f"{name}.weight", quantised)

    def _bias(self, name: str) -> str:
        return self.graph.constant(f"{name}.bias", self.weights[f"{name}.bias"])


def _norm(graph: GraphBuilder, weights: Parameters, name: str, value: str) -> str:
    weight = graph.constant(f"{name}.weight", weights[f"{name}.weight"])
    bias = graph.constant(f"{name}.bias", weights[f"{name}.bias"])
    return str(graph.node("LayerNormalization", value, weight, bias, axis=-1, epsilon=_EPSILON))
