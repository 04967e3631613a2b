"""The int8 ONNX graph of a `CrossEncoder`, a bundle's ``reranker.onnx``.

The graph reads ``token_ids`` (B, T) int64 of pairs, padded with the pad id, and gives ``logits`` (B,). The
word table is most of a bundle and the same in both networks: this graph does not hold it but reads it too,
under the names by which ``model.onnx`` gives it.

B pairs, T tokens, D width.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from shelfsense.errors import InputRefused
from shelfsense.models.cross_encoder import CrossEncoder
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.export.encoder import TOKEN_IDS, encode, encoder_parameters, float_state, word_table
from shelfsense_training.export.graph import FLOAT, GraphBuilder
from shelfsense_training.export.word_table import WordTable


def export_cross_encoder(model: CrossEncoder, beside: UnderstanderModel, locales: Sequence[str]) -> bytes:
    """Return a re-ranker as a serialised int8 ONNX graph.

    Args:
        model: the re-ranker.
        beside: the network of the same bundle, which has the same word table.
        locales: tags in the order of the re-ranker's locale tokens, without ``und``.

    Raises:
        InputRefused: when the two do not have the same word table, or there is no token for every locale.
    """
    table = word_table(model.backbone)
    if not np.array_equal(table, word_table(beside.backbone)):
        raise InputRefused(
            "the re-ranker's word table is not that of the network beside it, and a bundle holds one for both; "
            "train it on the same backbone, its word embeddings frozen"
        )
    tokens = model.backbone.locale_embeddings
    if tokens is None or tokens.num_embeddings != len(locales) + 1:
        found = 0 if tokens is None else tokens.num_embeddings
        raise InputRefused(f"the re-ranker has {found} locale tokens; give it one for each locale and one for und")
    words, graph, state = WordTable.from_float(table), GraphBuilder(), float_state(model)
    encoded = encode(graph, encoder_parameters(model.backbone), model.backbone, words)
    # In float32: one column is too little to gain by int8.
    pooled = encoded.pool(graph, encoded.states[-1])
    score = graph.node("MatMul", pooled, graph.constant("score.weight", state["linear.weight"].T))
    score = graph.node("Add", score, graph.constant("score.bias", state["linear.bias"]))  # (B, 1)
    graph.result("logits", graph.node("Squeeze", score, graph.integers(1)))
    facts = {"locales": json.dumps(list(locales))}
    return graph.model(TOKEN_IDS | words.signature, {"logits": (FLOAT, ["B"])}, facts)
