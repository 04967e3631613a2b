"""A student whose embedding head reads all layers and whose tokens have an attribute head.

The embedding head starts as the ridge regression from the layers' pooled states to the teacher's vectors:
what fine-tuning on product types has left of them anywhere in the network. N texts, S layers, D width.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.fine_tuning import LONGEST, TeacherVectors
from shelfsense_training.packed_forward import pack, packed_states
from shelfsense_training.progress import progress_bar

RIDGE = 3.0
"""Added to the squares of the pooled states; from 1 to 10 makes no difference at 30,000 texts."""

_AT_ONCE = 512


def grow(model: UnderstanderModel, levels: list[int]) -> UnderstanderModel:
    """Return a model with the same weights, an embedding head over all layers and a fresh attribute head.

    Args:
        model: with an embedding head on the last layer.
        levels: (L,) of its labels.
    """
    labels, embedding = model.classification.linear.out_features, model.embedding.linear.out_features
    grown = UnderstanderModel(model.backbone, labels, embedding, levels, all_layers=True, attributes=True)
    grown.classification = model.classification
    return grown


def fit_embedding(
    model: UnderstanderModel, tokenizer: QueryTokenizer, teacher: TeacherVectors, *, texts: int, seed: int = 0
) -> None:
    """Set the embedding head, in place, to the least-squares map to the teacher's vectors.

    Args:
        model: grown.
        tokenizer: of its vocabulary.
        teacher: vectors of at least `texts` texts.
        texts: how many are drawn.
        seed: of the draw.
    """
    keys = list(teacher.row)
    chosen = np.random.default_rng(seed).choice(len(keys), size=min(texts, len(keys)), replace=False)
    width = model.embedding.linear.in_features + 1
    squares, products = np.zeros((width, width)), np.zeros((width, model.embedding.linear.out_features))
    model.eval()
    with progress_bar() as bar, torch.no_grad():
        task = bar.add_task("embedding head", total=len(chosen), figure="")
        for start in range(0, len(chosen), _AT_ONCE):
            part = [keys[i] for i in chosen[start : start + _AT_ONCE]]
            pooled = _pooled(model, tokenizer, part)  # (N, S D + 1)
            wanted = teacher.vectors[[teacher.row[key] for key in part]].astype(np.float64)
            squares += pooled.T @ pooled
            products += pooled.T @ wanted
            bar.advance(task, len(part))
    solved = np.linalg.solve(squares + RIDGE * np.eye(width), products).astype(np.float32)  # (S D + 1, E)
    model.embedding.linear.weight.data = torch.from_numpy(np.ascontiguousarray(solved[:-1].T))
    model.embedding.linear.bias.data = torch.from_numpy(solved[-1].copy())


def _pooled(model: UnderstanderModel, tokenizer: QueryTokenizer, texts: list[tuple[str, str]]) -> NDArray[np.float64]:
    batch = pack([list(tokenizer.network_input(t, loc, truncate=True).ids[:LONGEST]) for t, loc in texts])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pooled = packed_states(model, batch)
    return np.concatenate([pooled.numpy(), np.ones((len(texts), 1), np.float32)], axis=1).astype(np.float64)
