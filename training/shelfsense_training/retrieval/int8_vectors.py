"""The vectors that a served int8 network gives: what figures of a bundle's retrieval are made of."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.export.onnx_export import export_int8

_AT_ONCE = 64


def int8_vectors(model: UnderstanderModel, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Return the unit vectors (N, E) of token sequences, by the exported graph in ONNX Runtime, one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(export_int8(model))
        session = onnxruntime.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])
    vectors = np.empty((len(tokens), model.embedding.linear.out_features), dtype=np.float32)
    order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
    for start in range(0, len(order), _AT_ONCE):
        part = order[start : start + _AT_ONCE]
        batch = np.full((len(part), max(len(tokens[i]) for i in part)), model.backbone.pad_id, dtype=np.int64)
        for row, i in zip(batch, part, strict=True):
            row[: len(tokens[i])] = tokens[i]
        vectors[part] = session.run(["embeddings"], {"token_ids": batch})[0]
    return vectors
