"""The bi-encoder learns the re-ranker's order of its own candidates. Q queries, C candidates, E embedding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.distillation import distillation_loss
from shelfsense_training.packed_forward import pack, packed_forward
from shelfsense_training.schedule import learning_rate


@dataclass(frozen=True, slots=True)
class CrossDistillationSettings:
    """How much the bi-encoder learns from the re-ranker.

    Attributes:
        steps: optimiser steps.
        queries: per step.
        candidates: C, of each query.
        rate: AdamW's peak learning rate.
        temperature: divides the cosines; the re-ranker's scores are of the same scale.
        teacher_weight: of the loss that keeps the first teacher's vectors.
        seed: of every draw.
    """

    steps: int = 40
    queries: int = 24
    candidates: int = 8
    rate: float = 4e-5
    temperature: float = 0.05
    teacher_weight: float = 0.5
    seed: int = 0


def distil_order(
    model: UnderstanderModel,
    tokens: Sequence[Sequence[int]],
    candidates: dict[int, NDArray[np.int64]],
    scores: dict[int, NDArray[np.float32]],
    teacher: NDArray[np.floating[Any]],
    settings: CrossDistillationSettings,
) -> None:
    """Train the model, in place, towards the re-ranker's softmax over each query's candidates.

    Args:
        model: the bi-encoder.
        tokens: of every row.
        candidates: row of a query to rows (C or more) near it.
        scores: row of a query to the score of each of them, in units of the cosine.
        teacher: (N, E) unit vectors that the model is to stay near.
        settings: how much.
    """
    random = np.random.default_rng(settings.seed)
    parameters = [*model.embedding.parameters(), *(p for p in model.backbone.parameters() if p.requires_grad)]
    optimizer = torch.optim.AdamW(parameters, lr=settings.rate, weight_decay=0.01, fused=True)
    asked = np.array(sorted(candidates))
    model.train()
    for step in range(settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, settings.steps, settings.rate, warmup=0.1, lowest=0.05)
        chosen = random.choice(asked, size=settings.queries, replace=False).tolist()
        places = [random.permutation(len(candidates[row]))[: settings.candidates] for row in chosen]
        rows = [int(r) for row, at in zip(chosen, places, strict=True) for r in candidates[row][at]]
        batch = pack([tokens[row] for row in (*chosen, *rows)])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            vectors = packed_forward(model, batch).embeddings
        vectors = functional.normalize(vectors.float(), dim=-1)
        queries, near = vectors[: len(chosen)], vectors[len(chosen) :].view(len(chosen), settings.candidates, -1)
        ours = ((near @ queries[:, :, None])[..., 0] / settings.temperature).log_softmax(-1)  # (Q, C)
        wanted = torch.from_numpy(np.stack([scores[row][at] for row, at in zip(chosen, places, strict=True)]))
        theirs = (wanted / settings.temperature).log_softmax(-1)
        loss = functional.kl_div(ours, theirs, log_target=True, reduction="batchmean")
        known = torch.from_numpy(teacher[[*chosen, *rows]].astype(np.float32))
        loss = loss + settings.teacher_weight * distillation_loss(vectors, known, 0.05)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    model.eval()
