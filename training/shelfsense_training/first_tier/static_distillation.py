"""A static tier learns the network's product types on texts.

N texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from shelfsense_training.checkpoints import load_checkpoint, save_checkpoint
from shelfsense_training.first_tier.lessons import Lessons
from shelfsense_training.first_tier.static_tier import StaticTier
from shelfsense_training.progress import CONSOLE, progress_bar
from shelfsense_training.schedule import learning_rate


@dataclass(frozen=True, slots=True)
class StaticSettings:
    """How a static tier learns.

    Attributes:
        passes: over the texts.
        batch: texts per step.
        table_rate: peak rate of the table, of which a step touches few rows.
        rate: of everything else.
        seed: of the order.
    """

    passes: int = 4
    batch: int = 512
    table_rate: float = 2e-3
    rate: float = 1e-3
    seed: int = 0


def distil_static(
    tier: StaticTier,
    features: Sequence[Sequence[int]],
    lessons: Lessons,
    checkpoint: Path,
    settings: StaticSettings,
) -> StaticTier:
    """Train in place; taken up from the checkpoint after the last whole pass.

    Args:
        tier: fresh.
        features: N texts as rows of its table.
        lessons: of the same texts.
        checkpoint: file of the training state.
        settings: how.
    """
    training = _Training(tier, lessons, settings, steps_of_a_pass=-(-len(features) // settings.batch))
    for number in range(training.resume(checkpoint), settings.passes):
        order = np.random.default_rng((settings.seed, number)).permutation(len(features))
        total = 0.0
        with progress_bar() as bar:
            task = bar.add_task(f"static tier, pass {number + 1}", total=training.steps_of_a_pass, figure="")
            for step in range(training.steps_of_a_pass):
                rows = np.sort(order[step * settings.batch : (step + 1) * settings.batch])
                loss = training.step(number, step, [features[i] for i in rows], rows)
                total += loss
                bar.update(task, advance=1, figure=f"{loss:.3f}")
        CONSOLE.log(f"pass {number + 1}: divergence {total / training.steps_of_a_pass:.4f}")
        training.save(checkpoint, number + 1)
    return tier.eval()


class _Training:
    """One run and its optimisers: of the table, whose gradient is sparse, and of the rest."""

    def __init__(self, tier: StaticTier, lessons: Lessons, settings: StaticSettings, *, steps_of_a_pass: int) -> None:
        self._tier, self._lessons, self._settings = tier, lessons, settings
        self.steps_of_a_pass = steps_of_a_pass
        others = [p for name, p in tier.named_parameters() if not name.startswith("table.")]
        self._optimizers: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.SparseAdam(list(tier.table.parameters()), lr=settings.table_rate),
            torch.optim.AdamW(others, lr=settings.rate, weight_decay=0.01),
        )

    def resume(self, checkpoint: Path) -> int:
        """Return how many passes are done."""
        state = load_checkpoint(checkpoint)
        if state is None:
            return 0
        self._tier.load_state_dict(state["tier"])
        for optimizer, saved in zip(self._optimizers, state["optimizers"] or (), strict=False):
            optimizer.load_state_dict(saved)
        return int(state["pass"])

    def step(self, number: int, step: int, features: Sequence[Sequence[int]], rows: NDArray[np.int64]) -> float:
        """Take a step on some texts, and return the divergence before it."""
        settings = self._settings
        done, steps = number * self.steps_of_a_pass + step, settings.passes * self.steps_of_a_pass
        for optimizer, peak in zip(self._optimizers, (settings.table_rate, settings.rate), strict=True):
            optimizer.param_groups[0]["lr"] = learning_rate(done, steps, peak, lowest=0.02)
            optimizer.zero_grad()
        loss = self._lessons.divergence(self._tier.train()(features), self._lessons.logits(rows))
        loss.backward()
        for optimizer in self._optimizers:
            optimizer.step()
        return float(loss.detach())

    def save(self, checkpoint: Path, passes: int) -> None:
        """Write what `resume` reads; after the last pass the optimisers are not needed any more."""
        last = passes == self._settings.passes
        optimizers = None if last else [optimizer.state_dict() for optimizer in self._optimizers]
        save_checkpoint(checkpoint, {"tier": self._tier.state_dict(), "optimizers": optimizers, "pass": passes})
