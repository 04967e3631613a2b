"""The one loader that rebuilds the torch model from a bundle's ``model.onnx``.

There is no second copy of the weights: what training continues from and the torch engine runs
are the stored int8 weights. Knows the names that the export gives initialisers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from transformers import DistilBertConfig

from shelfsense.models.backbone import Backbone
from shelfsense.models.locale_adapters import LocaleAdapters
from shelfsense.models.stored_weights import FourBitBlocks, Int8Rows
from shelfsense.models.understander_model import UnderstanderModel


def stored_weights(data: bytes) -> dict[str, NDArray[Any]]:
    """Return all that the bytes of a graph hold, by the names that it has there."""
    return {t.name: numpy_helper.to_array(t) for t in onnx.load_from_string(data).graph.initializer}


def load_int8(data: bytes) -> UnderstanderModel:
    """Rebuild the torch model from the bytes of a graph of `export_int8`; its weights are the int8 ones."""
    constants = stored_weights(data)
    layers = sum(1 for name in constants if name.endswith("qkv.bias"))
    width = constants["embedding_norm.bias"].shape[0]
    config = DistilBertConfig(
        vocab_size=int(constants["last_word"]) + 1,
        max_position_embeddings=constants["position.weight"].shape[0],
        n_layers=layers,
        n_heads=_heads(constants),
        dim=width,
        hidden_dim=constants["layer.0.ffn_in.bias"].shape[0],
        pad_token_id=int(constants["pad"]),
    )
    backbone = Backbone.from_config(config)
    if "locale.weight" in constants:
        backbone.add_locale_tokens(len(constants["locale.weight"]) - 1)
    levels = constants["classification.membership"].argmax(0)
    model = UnderstanderModel(
        backbone,
        len(levels),
        constants["embedding.bias"].shape[0],
        levels.tolist(),
        all_layers=len(constants["embedding.weight.int8"]) > width,
        attributes="attributes.weight" in constants,
    )
    if "adapter.rows" in constants:
        model.adapters = LocaleAdapters(
            width, constants["adapter.rows"].tolist(), rank=constants["adapter.down"].shape[2]
        )
    model.load_state_dict(_state(constants, config), strict=False)
    return model.eval()


def _heads(constants: dict[str, NDArray[Any]]) -> int:
    """Return H, which graphs that do not pack their tokens say only in the shape that parts the heads."""
    if "attention.heads" in constants:
        return len(constants["attention.heads"])
    return next(int(v[2]) for k, v in constants.items() if k.startswith("integers:(0, 0,") and len(v) == 4)


def _state(constants: dict[str, NDArray[Any]], config: DistilBertConfig) -> dict[str, torch.Tensor]:
    def matrix(name: str) -> NDArray[np.float32]:
        if f"{name}.int8" not in constants:
            return constants[name].astype(np.float32)
        values = constants[f"{name}.int8"]
        return Int8Rows(values.T, constants[f"{name}.scale"]).to_float()

    base = "backbone.encoder."
    found = {
        f"{base}embeddings.word_embeddings.weight": _word_table(constants),
        f"{base}embeddings.position_embeddings.weight": constants["position.weight"],
        f"{base}embeddings.LayerNorm.weight": constants["embedding_norm.weight"],
        f"{base}embeddings.LayerNorm.bias": constants["embedding_norm.bias"],
    }
    for head in ("classification", "embedding"):
        found[f"{head}.linear.weight"] = matrix(f"{head}.weight")
        found[f"{head}.linear.bias"] = constants[f"{head}.bias"]
    for kind in ("scale", "shift"):
        found[f"classification.{kind}"] = constants[f"classification.calibration.{kind}"]
    found |= _optional(constants)
    query_scale = np.float32(math.sqrt(config.dim // config.n_heads))
    for i in range(config.n_layers):
        target, name = f"{base}transformer.layer.{i}.", f"layer.{i}"
        for kind in ("weight", "bias"):
            query, key, value = np.split(matrix(f"{name}.qkv.{kind}"), 3)
            found[f"{target}attention.q_lin.{kind}"] = query * query_scale
            found[f"{target}attention.k_lin.{kind}"] = key
            found[f"{target}attention.v_lin.{kind}"] = value
            found[f"{target}attention.out_lin.{kind}"] = matrix(f"{name}.attention_out.{kind}")
            found[f"{target}sa_layer_norm.{kind}"] = constants[f"{name}.attention_norm.{kind}"]
            found[f"{target}ffn.lin1.{kind}"] = matrix(f"{name}.ffn_in.{kind}")
            found[f"{target}ffn.lin2.{kind}"] = matrix(f"{name}.ffn_out.{kind}")
            found[f"{target}output_layer_norm.{kind}"] = constants[f"{name}.ffn_norm.{kind}"]
    return {k: torch.from_numpy(np.array(v)) for k, v in found.items()}


def _optional(constants: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the weights of parts that not every network has, under the names of the class."""
    names = {
        "locale.weight": "backbone.locale_embeddings.weight",
        "attributes.bias": "attributes.linear.bias",
        **{f"adapter.{part}": f"adapters.{part}" for part in ("rows", "down", "up")},
    }
    found = {name: constants[stored] for stored, name in names.items() if stored in constants}
    if "attributes.weight" in constants:
        found["attributes.linear.weight"] = constants["attributes.weight"].T
    return found


def _word_table(constants: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    if "word.weight.packed" in constants:
        return FourBitBlocks(constants["word.weight.packed"], constants["word.weight.block_scale"]).to_float()
    return Int8Rows(constants["word.weight.int8"], constants["word.weight.scale"][:, 0]).to_float()
