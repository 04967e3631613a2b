"""Token sequences to padded batches of like length.

B sequences, T tokens of the longest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

_WINDOW = 32


def pad_batch(sequences: Sequence[Sequence[int]], pad_id: int) -> torch.Tensor:
    """Return the sequences as one int64 tensor (B, T), filled up with the pad id."""
    width = max(map(len, sequences))
    batch = np.full((len(sequences), width), pad_id, dtype=np.int64)
    for row, sequence in zip(batch, sequences, strict=True):
        row[: len(sequence)] = sequence
    return torch.from_numpy(batch)


def length_batches(lengths: NDArray[np.int64], size: int, random: np.random.Generator) -> list[NDArray[np.int64]]:
    """Cut all sequences, in random order, into batches whose members are of like length.

    Args:
        lengths: (N,) tokens of every sequence.
        size: B, sequences per batch; the last of a window may be smaller.
        random: source of the order.

    Returns:
        Index arrays that together hold every index once.
    """
    order = random.permutation(len(lengths))
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(order), size * _WINDOW):
        window = order[start : start + size * _WINDOW]
        window = window[np.argsort(lengths[window], kind="stable")]
        batches.extend(window[i : i + size] for i in range(0, len(window), size))
    return [batches[i] for i in random.permutation(len(batches))]
