"""What the labels of like queries say of a query: targets that one wrong label does not decide.

A label that was given to the wrong query disagrees with the labels of those that mean about the same, and the
encoder knew before any label which those are. Source of the idea: Iscen et al., "Learning with Neighbor
Consistency for Noisy Labels", 2022, who ask it of the network in training; here the pretrained teacher is asked once.

N queries, L labels, D width.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from shelfsense_training.variants.query_set import QuerySet
from shelfsense_training.variants.variant_training import dense_targets

NEIGHBOURS = 24
TEMPERATURE = 0.2
_AT_ONCE = 1024


def neighbour_targets(
    queries: QuerySet, vectors: NDArray[np.float32], labels: int, share: float, *, soft: bool
) -> Tensor:
    """Return targets (N, L): a query's own labels, and for a share of them those of its nearest others.

    Args:
        queries: N, labelled.
        vectors: (N, D), of an encoder that has not seen the labels.
        labels: L.
        share: of the target that the neighbours have, 0 to 1.
        soft: as `dense_targets` has it.
    """
    own = dense_targets(queries, labels, soft=soft)
    # Less the mean, for such vectors lie in a narrow cone, where everything is near everything.
    units = torch.from_numpy(vectors)
    units = functional.normalize(units - units.mean(0, keepdim=True), dim=-1)
    found = []
    for start in range(0, len(units), _AT_ONCE):
        near = units[start : start + _AT_ONCE] @ units.T
        near[torch.arange(len(near)), torch.arange(start, start + len(near))] = -2.0
        cosines, rows = near.topk(min(NEIGHBOURS, len(units) - 1), dim=-1)
        weights = (cosines / TEMPERATURE).softmax(-1)
        found.append((weights.unsqueeze(-1) * own[rows]).sum(1))
    return (1 - share) * own + share * torch.cat(found)
