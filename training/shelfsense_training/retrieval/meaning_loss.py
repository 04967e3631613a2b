"""The contrastive loss over pairs of equal meaning, weighted by importance.

Source: Zhang et al., arXiv 2402.11202 (importance-weighted in-batch softmax); the logarithm that the printed
form lacks is the usual one of InfoNCE. P pairs, E embedding, N near texts.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from shelfsense_training.retrieval.meaning_pairs import MeaningPair

_NEVER = -1e4


def meaning_loss(vectors: Tensor, pairs: Sequence[MeaningPair], temperature: float) -> Tensor:
    """Return importance-weighted InfoNCE, both ways, with near texts as further negatives of both sides.

    Args:
        vectors: (2 P + N, E) unit vectors: queries, partners, then each pair's near texts in the pairs' order.
        pairs: P, of distinct or equal meanings; those of equal meaning are no negatives of each other.
        temperature: divides the cosines.
    """
    count = len(pairs)
    queries, partners, near = vectors[:count], vectors[count : 2 * count], vectors[2 * count :]
    weights = vectors.new_tensor([pair.weight for pair in pairs])
    meanings = {meaning: i for i, meaning in enumerate(dict.fromkeys(pair.meaning for pair in pairs))}
    meaning = torch.tensor([meanings[pair.meaning] for pair in pairs])
    same = (meaning[:, None] == meaning[None, :]) & ~torch.eye(count, dtype=torch.bool)
    target = torch.arange(count)
    total = vectors.new_zeros(())
    for ours, theirs in ((queries, partners), (partners, queries)):
        inside = (ours @ theirs.T / temperature).masked_fill(same, _NEVER)  # (P, P)
        scores = torch.cat([inside, ours @ near.T / temperature], dim=1)  # (P, P + N)
        total = total + 0.5 * (functional.cross_entropy(scores, target, reduction="none") * weights).sum()
    return total / weights.sum()
