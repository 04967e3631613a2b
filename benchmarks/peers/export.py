"""``python -m benchmarks.peers.export BUNDLE FOLDER``: the bundle's encoder as the folder that other servers read.

Two Hugging Face DistilBERT folders: `float`, with the weights as they are read back from the bundle's int8 ones and
a float32 graph, and `int8`, with the same graph after ONNX Runtime's own dynamic quantisation. Each has one graph,
`model.onnx`, as infinity-emb takes the first it finds.
Peers get the encoder and mean pooling alone: no locale token, no product types, no heads, so less work than ours.

B queries, T tokens, D width.
"""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn
from transformers import DistilBertModel

from shelfsense.bundle import Bundle
from shelfsense.models.onnx_weights import load_int8

_MOST_TOKENS = 64
_OPSET = 17


def export(bundle: Bundle, folder: Path) -> None:
    """Write both folders into one, in place of older ones."""
    shutil.rmtree(folder / "float", ignore_errors=True)
    shutil.rmtree(folder / "int8", ignore_errors=True)
    encoder = load_int8(bundle.read("model.onnx")).backbone.encoder
    encoder.save_pretrained(folder / "float")
    _write_tokenizer(bundle, folder / "float")
    _write_pooling(folder / "float", int(encoder.config.dim))
    shutil.copytree(folder / "float", folder / "int8", ignore=shutil.ignore_patterns("*.safetensors"))
    _write_graph(encoder, folder / "float" / "model.onnx")
    # As optimum and ONNX Runtime do it for CPUs: int8 weights per output channel, activations scaled at run time.
    quantize_dynamic(
        folder / "float" / "model.onnx", folder / "int8" / "model.onnx", per_channel=True, weight_type=QuantType.QInt8
    )


def _write_tokenizer(bundle: Bundle, folder: Path) -> None:
    tokenizer = json.loads(bundle.read("tokenizer.json"))
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    special |= {"cls_token": "<s>", "sep_token": "</s>"}
    ids = {token: index for index, (token, _) in enumerate(tokenizer["model"]["vocab"])}
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [_special("<s>"), {"Sequence": {"id": "A", "type_id": 0}}, _special("</s>")],
        "pair": [_special("<s>"), {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in ("<s>", "</s>")},
    }
    settings = {**special, "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": _MOST_TOKENS}
    settings["model_input_names"] = ["input_ids", "attention_mask"]
    for name, content in {
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": settings,
        "special_tokens_map.json": special,
    }.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _special(token: str) -> dict[str, object]:
    return {"SpecialToken": {"id": token, "type_id": 0}}


def _write_pooling(folder: Path, width: int) -> None:
    """Write what makes it a sentence-transformers model: mean pooling."""
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": _MOST_TOKENS}), encoding="utf-8")
    pooling = {"word_embedding_dimension": width, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling), encoding="utf-8")


class _LastStates(nn.Module):
    """Token ids and mask (B, T) to the last layer's states (B, T, D)."""

    def __init__(self, encoder: DistilBertModel) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states: Tensor = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return states


def _write_graph(encoder: DistilBertModel, path: Path) -> None:
    encoder.set_attn_implementation("eager")
    ids = torch.tensor([[0, 5, 6, 2], [0, 7, 2, 1]])
    axes = {0: "batch", 1: "tokens"}
    names = ("input_ids", "attention_mask")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _LastStates(encoder).eval(),
            (ids, (ids != 1).long()),
            str(path),
            input_names=list(names),
            output_names=["last_hidden_state"],
            dynamic_axes=dict.fromkeys((*names, "last_hidden_state"), axes),
            opset_version=_OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(str(path))


if __name__ == "__main__":
    export(Bundle.open(Path(sys.argv[1])), Path(sys.argv[2]))
