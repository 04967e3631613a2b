"""A student hears its teacher again, on the queries of one shop, neighbourhood by neighbourhood.

A batch of texts drawn at random says how far apart strangers are; ranking is decided among neighbours. So
a batch holds a few texts and some of the nearest of each, by the teacher, and the divergence of
similarities is taken among those. No judgement is read.

N texts, E embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.distillation import distillation_loss
from shelfsense_training.packed_forward import pack, packed_forward
from shelfsense_training.retrieval.retrieval_figures import nearest
from shelfsense_training.training_loop import TrainingLoop


@dataclass(frozen=True, slots=True)
class AdaptationSettings:
    """How a student is adapted.

    Attributes:
        steps: optimiser steps.
        anchors: texts of a step, each with its neighbours.
        neighbours: of every anchor.
        pool: nearest texts that the neighbours are drawn from.
        rate: AdamW's peak learning rate.
        temperature: of the similarity distributions.
        seed: of every draw.
    """

    steps: int = 1200
    anchors: int = 24
    neighbours: int = 7
    pool: int = 20
    rate: float = 1.5e-4
    temperature: float = 0.03
    seed: int = 0


class Neighbourhoods:
    """Texts and which others are near each, by a teacher.

    Args:
        teacher: (N, E) unit vectors.
        pool: nearest texts of each that are kept.
        rows: texts that may be drawn; all where none are named.

    Attributes:
        teacher: as given, in float32.
    """

    def __init__(self, teacher: NDArray[np.floating[Any]], pool: int, rows: NDArray[np.int64] | None = None) -> None:
        self.teacher = teacher.astype(np.float32)
        self._rows = np.arange(len(teacher)) if rows is None else rows
        inside = self.teacher[self._rows]
        self._near = self._rows[nearest(inside, inside, pool, without=list(range(len(inside))))]  # (rows, pool)

    def draw(self, random: np.random.Generator, anchors: int, neighbours: int) -> NDArray[np.int64]:
        """Return the rows of some texts and of so many neighbours of each, ascending, each once."""
        places = random.choice(len(self._rows), anchors, replace=False)
        near = [row for place in places for row in random.choice(self._near[place], neighbours, replace=False)]
        return np.unique(np.concatenate([self._rows[places], near]))


def adapt(
    model: UnderstanderModel,
    tokens: Sequence[Sequence[int]],
    teacher: NDArray[np.floating[Any]],
    checkpoint: Path,
    settings: AdaptationSettings,
) -> UnderstanderModel:
    """Train the encoder and the embedding head, word embeddings aside; resumes from its checkpoint.

    Args:
        model: trained in place.
        tokens: N texts as the network reads them.
        teacher: (N, E) unit vectors of the same texts.
        checkpoint: file of the training state.
        settings: how.
    """
    hoods = Neighbourhoods(teacher, settings.pool)
    model.backbone.encoder.embeddings.word_embeddings.weight.requires_grad_(requires_grad=False)
    trained = [p for p in (*model.backbone.parameters(), *model.embedding.parameters()) if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [{"params": trained, "peak": settings.rate, "lr": 0.0}], weight_decay=0.01, fused=True
    )

    def losses(step: int, random: np.random.Generator) -> dict[str, torch.Tensor]:
        del step
        rows = hoods.draw(random, settings.anchors, settings.neighbours)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            vectors = packed_forward(model, pack([list(tokens[row]) for row in rows])).embeddings
        ours = functional.normalize(vectors.float(), dim=-1)
        return {"teacher": distillation_loss(ours, torch.from_numpy(hoods.teacher[rows]), settings.temperature)}

    loop = TrainingLoop(
        "domain adaptation",
        settings.steps,
        settings.seed,
        save_every=100,
        validate_every=settings.steps,
        lowest_rate=0.02,
    )
    loop.run(model, optimizer, losses, checkpoint, lambda _: "adapted")
    return model.eval()
