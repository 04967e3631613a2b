"""Linear heads on lower layers, taught to say what the network says after its last.

Pooled states vary little around a large mean, and unevenly: heads learn on whitened ones, start as the
least-squares map to the network's logits there, and the whitening is folded into their weights at the end.

N texts, B of a batch, S layers, D width, L labels.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shelfsense.models.heads import ClassificationHead
from shelfsense_training.checkpoints import load_checkpoint, save_checkpoint
from shelfsense_training.first_tier.lessons import Lessons
from shelfsense_training.progress import progress_bar
from shelfsense_training.schedule import learning_rate

EXITS = (2, 3, 4)
"""After how many layers there is a head."""

_BATCH = 768
_PEAK = 2e-3
_FITTED_ON = 30_000
_FLOOR = 1e-3
_RIDGE = 10.0


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
        lessons: of the texts; the heads keep the calibration of the network's.
        checkpoint: file of the heads.
        exits: layers of each exit, 1 to S.
        texts: of them are used.
        passes: over the texts.
        seed: of their order.
    """
    whole = lessons.teacher.model.classification
    heads = {layers: copy.deepcopy(whole).eval() for layers in exits}
    together = nn.ModuleDict({str(layers): head for layers, head in heads.items()})
    saved = load_checkpoint(checkpoint)
    if saved:
        together.load_state_dict(saved)
        return heads
    fitted = lessons.pooled(np.arange(min(_FITTED_ON, texts, len(lessons.states))))  # (B, S, D)
    whitened = {layers: _Whitened(fitted[:, layers - 1], lessons.teacher.logits(fitted)) for layers in exits}
    parameters = [p for each in whitened.values() for p in each.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=_PEAK)
    random = np.random.default_rng(seed)
    batches = [rows for _ in range(passes) for rows in _batches(min(texts, len(lessons.states)), random)]
    with progress_bar() as bar:
        task = bar.add_task("exit heads", total=len(batches), figure="")
        for step, rows in enumerate(batches):
            pooled = lessons.pooled(np.sort(rows))
            with torch.no_grad():
                wanted = lessons.teacher.logits(pooled)
            optimizer.param_groups[0]["lr"] = learning_rate(step, len(batches), _PEAK, lowest=0.02)
            losses = {n: lessons.divergence(each(pooled[:, n - 1]), wanted) for n, each in whitened.items()}
            optimizer.zero_grad()
            torch.stack(list(losses.values())).sum().backward()
            optimizer.step()
            bar.update(task, advance=1, figure=" ".join(f"{n}: {loss.item():.3f}" for n, loss in losses.items()))
    for layers, head in heads.items():
        whitened[layers].fold_into(head.linear)
    save_checkpoint(checkpoint, together.state_dict())
    return heads


class _Whitened(nn.Module):
    """A linear map behind the whitening of what it reads.

    Args:
        pooled: (N, D) to whiten by.
        logits: (N, L) to start from by least squares.
    """

    def __init__(self, pooled: Tensor, logits: Tensor) -> None:
        super().__init__()
        with torch.no_grad():
            self.mean = pooled.mean(0)
            values, axes = torch.linalg.eigh((pooled - self.mean).T.double().cov())
            # A direction that hardly varies is not blown up to noise.
            self.axes = (axes / values.clamp_min(_FLOOR * float(values.max())).sqrt()).float()  # (D, D)
            read = torch.cat([self._white(pooled), torch.ones(len(pooled), 1)], dim=1)
            squares = read.T @ read + _RIDGE * torch.eye(read.shape[1])
            solved = torch.linalg.solve(squares, read.T @ logits)  # (D + 1, L)
        self.linear = nn.Linear(pooled.shape[1], logits.shape[1])
        self.linear.weight.data = solved[:-1].T.contiguous()
        self.linear.bias.data = solved[-1].clone()

    def forward(self, pooled: Tensor) -> Tensor:
        """Return logits (B, L) of pooled states (B, D)."""
        logits: Tensor = self.linear(self._white(pooled))
        return logits

    def fold_into(self, linear: nn.Linear) -> None:
        """Set a plain linear map to do the same."""
        with torch.no_grad():
            linear.weight.copy_(self.linear.weight @ self.axes.T)
            linear.bias.copy_(self.linear.bias - linear.weight @ self.mean)

    def _white(self, pooled: Tensor) -> Tensor:
        white: Tensor = (pooled - self.mean) @ self.axes
        return white


def _batches(texts: int, random: np.random.Generator) -> list[NDArray[np.int64]]:
    order = random.permutation(texts)
    return [order[start : start + _BATCH] for start in range(0, texts, _BATCH)]
