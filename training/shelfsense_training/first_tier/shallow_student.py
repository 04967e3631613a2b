"""The network's first layers with heads of their own, after a short distillation.

N texts, D width, E embedding.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from shelfsense.models.heads import ClassificationHead
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.backbones import keep_layers
from shelfsense_training.checkpoints import load_checkpoint, save_checkpoint
from shelfsense_training.distillation import distillation_loss
from shelfsense_training.first_tier.lessons import Lessons
from shelfsense_training.packed_forward import pack, packed_forward
from shelfsense_training.progress import CONSOLE, progress_bar
from shelfsense_training.schedule import learning_rate

_RIDGE = 3.0
_FITTED_ON = 30_000
_LOG_EVERY = 100


@dataclass(frozen=True, slots=True)
class StudentSettings:
    """How a student learns.

    Attributes:
        steps: optimiser steps.
        batch: texts per step.
        rate: AdamW's peak learning rate.
        vector_weight: of the loss on the embedding head.
        temperature: of the similarities in that loss.
        seed: of the order.
    """

    steps: int = 400
    batch: int = 192
    rate: float = 3e-4
    vector_weight: float = 0.5
    temperature: float = 0.05
    seed: int = 0


def first_layers(lessons: Lessons, layers: int, head: ClassificationHead) -> UnderstanderModel:
    """Return a student: the teacher's first layers, an exit head, and an embedding head by least squares.

    Its attribute head is the teacher's and reads other layers than it was taught on: there for its cost alone.

    Args:
        lessons: of any texts.
        layers: how many layers are kept, 1 or more.
        head: classifies what they give.
    """
    whole = lessons.teacher.model
    embedding = whole.embedding.linear.out_features
    levels = whole.classification.membership.argmax(0).tolist()
    student = UnderstanderModel(
        keep_layers(whole.backbone, range(layers)), len(levels), embedding, levels, all_layers=True, attributes=True
    )
    student.classification = copy.deepcopy(head)
    if student.attributes is not None and whole.attributes is not None:
        student.attributes.load_state_dict(whole.attributes.state_dict())
    part = lessons.pooled(np.arange(min(_FITTED_ON, len(lessons.states))))
    with torch.no_grad():
        wanted = lessons.teacher.vectors(part).double()
        read = torch.cat([part[:, :layers].flatten(1), torch.ones(len(part), 1)], dim=1).double()
        squares = read.T @ read + _RIDGE * torch.eye(read.shape[1], dtype=torch.float64)
        solved = torch.linalg.solve(squares, read.T @ wanted).float()  # (layers x D + 1, E)
        student.embedding.linear.weight.copy_(solved[:-1].T)
        student.embedding.linear.bias.copy_(solved[-1])
    return student


def distil_student(
    student: UnderstanderModel,
    token_ids: Sequence[Sequence[int]],
    lessons: Lessons,
    checkpoint: Path,
    settings: StudentSettings,
) -> UnderstanderModel:
    """Train in place on the teacher's product types and vectors; resumes from its checkpoint.

    Args:
        student: of `first_layers`.
        token_ids: N texts as the network reads them.
        lessons: of the same texts.
        checkpoint: file of the training state.
        settings: how.
    """
    student.backbone.encoder.embeddings.word_embeddings.weight.requires_grad_(requires_grad=False)
    optimizer = torch.optim.AdamW([p for p in student.parameters() if p.requires_grad], lr=settings.rate, fused=True)
    first = 0
    if state := load_checkpoint(checkpoint):
        student.load_state_dict(state["model"])
        first = state["step"]
        if first < settings.steps:
            optimizer.load_state_dict(state["optimizer"])
    student.eval()  # without dropout: a short distillation hears each text once
    with progress_bar() as bar:
        task = bar.add_task(f"{student.backbone.layers} layers", total=settings.steps, completed=first, figure="")
        for step in range(first, settings.steps):
            # Draws depend on the step alone, so a resumed run sees what it would have seen.
            draw = np.random.default_rng((settings.seed, step))
            rows = np.sort(draw.choice(len(token_ids), size=settings.batch, replace=False))
            torch.manual_seed(int(draw.integers(2**31)))  # dropout's
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, settings.steps, settings.rate, lowest=0.02)
            pooled = lessons.pooled(rows)
            with torch.no_grad():
                logits, vectors = lessons.teacher.logits(pooled), lessons.teacher.vectors(pooled)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                output = packed_forward(student, pack([token_ids[i] for i in rows]))
            types = lessons.divergence(output.logits.float(), logits)
            ours = functional.normalize(output.embeddings.float(), dim=-1)
            loss = types + settings.vector_weight * distillation_loss(ours, vectors, settings.temperature)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimizer.step()
            bar.update(task, advance=1, figure=f"types {types.item():.3f} all {loss.item():.3f}")
            last = step == settings.steps - 1
            if step % _LOG_EVERY == _LOG_EVERY - 1 or last:
                CONSOLE.log(f"step {step + 1}: types {types.item():.4f}, with vectors {loss.item():.4f}")
                saved = None if last else optimizer.state_dict()
                save_checkpoint(checkpoint, {"model": student.state_dict(), "optimizer": saved, "step": step + 1})
    return student.eval()
