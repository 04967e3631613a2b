"""Linear heads on lower layers, taught to say what the network says after its last.

B texts of a batch, S layers, D width.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from shelfsense.models.heads import ClassificationHead
from shelfsense_training.checkpoints import load_checkpoint, save_checkpoint
from shelfsense_training.first_tier.lessons import Lessons
from shelfsense_training.progress import progress_bar
from shelfsense_training.schedule import learning_rate

EXITS = (2, 3, 4)
"""After how many layers there is a head."""

_BATCH = 768
_PEAK = 2e-3


def exit_heads(
    lessons: Lessons,
    checkpoint: Path,
    *,
    exits: Sequence[int] = EXITS,
    texts: int = 120_000,
    passes: int = 2,
    seed: int = 0,
) -> dict[int, ClassificationHead]:
    """Return a head for each exit, all taught in the same passes; read from the checkpoint where it is there.

    Args:
        lessons: the network's classification head is what they start as, and whose calibration they keep.
        checkpoint: file of the heads.
        exits: layers of each exit, 1 to S.
        texts: of them are used.
        passes: over the texts.
        seed: of their order.
    """
    heads = {layers: copy.deepcopy(lessons.teacher.model.classification) for layers in exits}
    together = torch.nn.ModuleDict({str(layers): head for layers, head in heads.items()})
    saved = load_checkpoint(checkpoint)
    if saved:
        together.load_state_dict(saved)
        return {layers: head.eval() for layers, head in heads.items()}
    optimizer = torch.optim.AdamW([p for p in together.parameters() if p.requires_grad], lr=_PEAK)
    random = np.random.default_rng(seed)
    batches = [rows for _ in range(passes) for rows in _batches(min(texts, len(lessons.states)), random)]
    together.eval()  # without dropout: there are more texts than the heads could learn by heart
    with progress_bar() as bar:
        task = bar.add_task("exit heads", total=len(batches), figure="")
        for step, rows in enumerate(batches):
            pooled = lessons.pooled(np.sort(rows))  # (B, S, D)
            with torch.no_grad():
                wanted = lessons.teacher.logits(pooled)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, len(batches), _PEAK, lowest=0.02)
            losses = {layers: lessons.divergence(head(pooled[:, layers - 1]), wanted) for layers, head in heads.items()}
            optimizer.zero_grad()
            torch.stack(list(losses.values())).sum().backward()
            optimizer.step()
            bar.update(task, advance=1, figure=" ".join(f"{n}: {loss.item():.3f}" for n, loss in losses.items()))
    save_checkpoint(checkpoint, together.state_dict())
    return {layers: head.eval() for layers, head in heads.items()}


def _batches(texts: int, random: np.random.Generator) -> list[NDArray[np.int64]]:
    order = random.permutation(texts)
    return [order[start : start + _BATCH] for start in range(0, texts, _BATCH)]
