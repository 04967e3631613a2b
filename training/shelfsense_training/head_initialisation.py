"""Starts the classification head from the types' own names, by linear discriminant analysis.

Each type is the mean of its names' pooled vectors in many languages, and all types share one
covariance; the optimal linear rule under that picture is the head's first weight. A head that
starts at random needs hundreds of steps to learn what the encoder already says.

N names, D width, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.packed_forward import pack, packed_pooled
from shelfsense_training.training_rows import TrainingRow

NAMES_PER_TYPE = 24
RIDGE = 0.05
"""Share of the mean variance added to every direction: the covariance of names is nearly singular."""

_BATCH = 512
_SHARPNESS = (0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)


def initialise_head(
    model: UnderstanderModel,
    tokenizer: QueryTokenizer,
    product_types: ProductTypes,
    rows: Sequence[TrainingRow],
    *,
    seed: int = 0,
) -> None:
    """Set the classification head from up to `NAMES_PER_TYPE` rows of every type, in place.

    Types without a name keep a weight of nothing and the least bias of all.
    """
    chosen = _some_names(rows, np.random.default_rng(seed))
    pooled = _pooled(model, tokenizer, [rows[i] for i in chosen])  # (N, D)
    labels = np.array([product_types.index[rows[i].types[0]] for i in chosen])
    set_discriminant(model, pooled, labels, product_types)


def set_discriminant(
    model: UnderstanderModel,
    vectors: NDArray[np.float32],
    labels: NDArray[np.int64],
    product_types: ProductTypes,
) -> None:
    """Set the classification head to the linear discriminant of labelled pooled vectors, in place.

    Args:
        model: whose head is set.
        vectors: (N, D) pooled texts.
        labels: (N,) the label of each.
        product_types: the tree of the head's labels.
    """
    pooled = vectors.astype(np.float64)
    mean = pooled.mean(0)
    centred = pooled - mean
    centroids = np.zeros((len(product_types), pooled.shape[1]))
    within = np.zeros((pooled.shape[1], pooled.shape[1]))
    named = np.zeros(len(product_types), dtype=bool)
    of_label = {label: np.flatnonzero(labels == label) for label in np.unique(labels)}
    for members in of_label.values():
        deviations = centred[members] - centred[members].mean(0)
        within += deviations.T @ deviations
    within /= len(pooled)
    within += RIDGE * np.trace(within) / len(within) * np.eye(len(within))
    for label in range(len(product_types)):
        below = [m for other, m in of_label.items() if label in product_types.ancestors(int(other))]
        if below:
            named[label] = True
            centroids[label] = np.mean([centred[m].mean(0) for m in below], axis=0)
    weight = np.linalg.solve(within, centroids.T).T  # (L, D)
    bias = -0.5 * (weight * centroids).sum(1) - weight @ mean
    bias[~named] = bias[named].min()
    sharpness = _best_sharpness(pooled @ weight.T + bias, labels, product_types)
    weight, bias = weight * sharpness, bias * sharpness
    head = model.classification.linear
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight.astype(np.float32)))
        head.bias.copy_(torch.from_numpy(bias.astype(np.float32)))


def _best_sharpness(logits: NDArray[np.float64], labels: NDArray[np.int64], product_types: ProductTypes) -> float:
    """Return the factor under which the names' own types are likeliest at the deepest level.

    The picture is wrong in that a type's names are no single cloud, so the rule is far too sure of itself.
    """
    level = product_types.by_level[product_types.depth]
    deepest = np.isin(labels, level)
    z = logits[deepest][:, level]
    right = np.searchsorted(level, labels[deepest])
    losses = {}
    for factor in _SHARPNESS:
        scaled = z * factor
        scaled -= scaled.max(1, keepdims=True)
        losses[factor] = float((np.log(np.exp(scaled).sum(1)) - scaled[np.arange(len(z)), right]).mean())
    return min(losses, key=losses.__getitem__)


def _some_names(rows: Sequence[TrainingRow], random: np.random.Generator) -> list[int]:
    taken: dict[str, int] = {}
    chosen = []
    for i in random.permutation(len(rows)).tolist():
        row = rows[i]
        if row.types and taken.get(row.types[0], 0) < NAMES_PER_TYPE:
            taken[row.types[0]] = taken.get(row.types[0], 0) + 1
            chosen.append(i)
    return chosen


def _pooled(model: UnderstanderModel, tokenizer: QueryTokenizer, rows: Sequence[TrainingRow]) -> NDArray[np.float32]:
    model.eval()
    tokens = [list(tokenizer.network_input(row.text, row.locale, truncate=True).ids) for row in rows]
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        batches = (pack(tokens[start : start + _BATCH]) for start in range(0, len(tokens), _BATCH))
        return np.concatenate([packed_pooled(model, batch).numpy() for batch in batches])
