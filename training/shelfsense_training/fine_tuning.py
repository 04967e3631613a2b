"""The student learns product types, and keeps the teacher's vectors while it does.

Every step reads one batch of labelled rows and one of pairs in a single pass: cross-entropy within
each level on the classification head; on the embedding head the
teacher's vectors where they are known, and the pairs. The word embeddings stay frozen: words never
seen here keep their pretrained meaning, and a bundle can store them in their original 4 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.distillation import distillation_loss
from shelfsense_training.objectives import (
    TargetTable,
    contrastive_loss,
    judged_wrong_loss,
    level_cross_entropy,
)
from shelfsense_training.packed_forward import pack, packed_forward
from shelfsense_training.pairs import PairSource
from shelfsense_training.sampling import RowSampler, SamplingSettings
from shelfsense_training.training_loop import TrainingLoop
from shelfsense_training.training_rows import TrainingRow

DISTILLATION_TEMPERATURE = 0.05
LONGEST = 28
"""Tokens of a training text; the tail of a longer one says nothing of its type."""


@dataclass(frozen=True, slots=True)
class FineTuningSettings:
    """How the network is fine-tuned.

    Attributes:
        steps: optimiser steps.
        batch: labelled rows per step.
        pairs: pairs per step.
        encoder_rate: AdamW's peak learning rate of the encoder.
        head_rate: of the heads and locale tokens.
        und_share: share of rows that get ``und`` in place of their locale (design section 4: 10-20 %).
        level_weights: of the cross-entropy within levels 1, 2 and 3; equal when None.
        wrong_weight: of the loss on types judged wrong.
        distillation_weight: of the teacher's vectors.
        pair_weight: of the contrastive loss.
        temperature: of the contrastive loss.
        decay_from: share of the steps after which the learning rate falls; 1 keeps it to the end.
        lowest_rate: share of the peak rate that is left at the end.
        encoder_dropout: within the encoder's layers.
        sampling: shares of the sources.
        seed: of every draw.
    """

    steps: int = 6000
    batch: int = 240
    pairs: int = 16
    encoder_rate: float = 2.5e-4
    head_rate: float = 1e-3
    und_share: float = 0.15
    level_weights: tuple[float, ...] | None = None
    wrong_weight: float = 0.1
    distillation_weight: float = 1.0
    pair_weight: float = 0.2
    temperature: float = 0.05
    decay_from: float = 0.0
    lowest_rate: float = 0.1
    encoder_dropout: float = 0.1
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TeacherVectors:
    """The teacher's vectors of some texts.

    Attributes:
        row: (text, locale) to row.
        vectors: (N, E) unit length.
    """

    row: Mapping[tuple[str, str], int]
    vectors: NDArray[np.float16]


class FineTuning:
    """One fine-tuning run; resumes from its checkpoint.

    Args:
        model: the student; trained in place.
        tokenizer: of its vocabulary.
        product_types: the tree of its labels.
        rows: labelled rows.
        teacher: known vectors.
        settings: how.
    """

    def __init__(
        self,
        model: UnderstanderModel,
        tokenizer: QueryTokenizer,
        product_types: ProductTypes,
        rows: Sequence[TrainingRow],
        teacher: TeacherVectors,
        settings: FineTuningSettings,
    ) -> None:
        self.model = model
        self._tokenizer = tokenizer
        self._rows = rows
        self._teacher = teacher
        self._settings = settings
        self._levels = [torch.from_numpy(product_types.by_level[k]) for k in sorted(product_types.by_level)]
        self._targets = TargetTable(product_types)
        self._sampler = RowSampler(rows, settings.sampling, seed=settings.seed)
        self._pairs = PairSource()
        self._und = tokenizer.locale_id("und")
        for layer in model.backbone.encoder.transformer.layer:
            layer.ffn.dropout.p = layer.attention.dropout.p = settings.encoder_dropout
        model.backbone.encoder.embeddings.word_embeddings.weight.requires_grad_(requires_grad=False)

    def run(self, checkpoint: Path, validate: Callable[[UnderstanderModel], str], *, every: int = 600) -> None:
        """Train to the last step, saving every 200 and validating every so many.

        Args:
            checkpoint: file of the training state.
            validate: says how good the model is, in a line for the log.
            every: steps between validations.
        """
        settings = self._settings
        loop = TrainingLoop(
            "fine-tuning",
            settings.steps,
            settings.seed,
            save_every=200,
            validate_every=every,
            decay_from=settings.decay_from,
            lowest_rate=settings.lowest_rate,
        )
        loop.run(self.model, self._optimizer(), self._losses, checkpoint, validate)

    def _losses(self, step: int, random: np.random.Generator) -> dict[str, Tensor]:
        settings = self._settings
        rows = [self._rows[i] for i in self._sampler.draw(step, settings.batch)]
        pairs = self._pairs.draw(random, settings.pairs)
        texts = [(row.text, row.locale) for row in rows] + [p.first for p in pairs] + [p.second for p in pairs]
        logits, vectors = self._forward(texts, random)
        labelled = len(rows)
        targets = self._targets.targets(rows)
        losses = {
            "types": level_cross_entropy(logits[:labelled], targets, self._levels, settings.level_weights),
            "wrong": judged_wrong_loss(self.model.classification.log_odds(logits[:labelled]), targets)
            * settings.wrong_weight,
            "teacher": self._teacher_loss(texts, vectors) * settings.distillation_weight,
        }
        if pairs:
            groups = np.array([p.group for p in pairs])
            first, second = vectors[labelled:].split(len(pairs))
            losses["pairs"] = contrastive_loss(first, second, groups, settings.temperature) * settings.pair_weight
        return losses

    def _forward(self, texts: Sequence[tuple[str, str]], random: np.random.Generator) -> tuple[Tensor, Tensor]:
        tokens = [
            list(self._tokenizer.network_input(text, locale, truncate=True).ids[:LONGEST]) for text, locale in texts
        ]
        dropped = random.random(len(tokens)) < self._settings.und_share
        for sequence, drop in zip(tokens, dropped, strict=True):
            sequence[1] = self._und if drop else sequence[1]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = packed_forward(self.model, pack(tokens))
        return output.logits.float(), torch.nn.functional.normalize(output.embeddings.float(), dim=-1)

    def _teacher_loss(self, texts: Sequence[tuple[str, str]], vectors: Tensor) -> Tensor:
        """Return the distance to the teacher over the texts it was heard on."""
        known = [(i, self._teacher.row[t]) for i, t in enumerate(texts) if t in self._teacher.row]
        if len(known) < 2:
            return vectors.new_zeros(())
        ours, theirs = zip(*known, strict=True)
        wanted = torch.from_numpy(self._teacher.vectors[list(theirs)]).float()
        return distillation_loss(vectors[list(ours)], wanted, DISTILLATION_TEMPERATURE)

    def _optimizer(self) -> torch.optim.AdamW:
        settings = self._settings
        encoder: list[Tensor] = []
        heads: list[Tensor] = []
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                (encoder if name.startswith("backbone.encoder.") else heads).append(parameter)
        groups = [
            {"params": encoder, "peak": settings.encoder_rate},
            {"params": heads, "peak": settings.head_rate},
        ]
        return torch.optim.AdamW(groups, lr=0.0, weight_decay=0.01, fused=True)
