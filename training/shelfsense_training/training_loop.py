"""The loop that every tuning of the network shares: from its checkpoint to the last step, with schedule and log.

It does not know what is learnt: whoever tunes gives the losses of a step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.checkpoints import load_checkpoint, save_checkpoint
from shelfsense_training.progress import CONSOLE, progress_bar
from shelfsense_training.schedule import learning_rate

Losses: TypeAlias = Callable[[int, np.random.Generator], Mapping[str, Tensor]]
"""Returns the losses of a step, each a scalar with its name; all draws come from the generator."""


@dataclass(frozen=True, slots=True)
class TrainingLoop:
    """How a run goes from step to step.

    Attributes:
        name: of the run, beside its progress.
        steps: optimiser steps.
        seed: of every draw.
        save_every: steps between two checkpoints.
        validate_every: steps between two validations.
        decay_from: share of the steps after which the learning rate falls; 1 keeps it to the end.
        lowest_rate: share of the peak rate that is left at the end.
    """

    name: str
    steps: int
    seed: int
    save_every: int
    validate_every: int
    decay_from: float = 0.0
    lowest_rate: float = 0.1

    def run(
        self,
        model: UnderstanderModel,
        optimizer: torch.optim.Optimizer,
        losses: Losses,
        checkpoint: Path,
        validate: Callable[[UnderstanderModel], str],
    ) -> None:
        """Train to the last step, saving and validating every so many; a run that was stopped goes on where it was.

        Args:
            model: trained in place, and at rest afterwards.
            optimizer: of its weights; each group says its ``peak`` rate.
            losses: of a step; their sum is made smaller.
            checkpoint: file of the training state.
            validate: says how good the model is, in a line for the log.
        """
        first = _resumed(model, optimizer, checkpoint)
        with progress_bar() as bar:
            task = bar.add_task(self.name, total=self.steps, completed=first, figure="")
            for step in range(first, self.steps):
                found = self._step(step, model, optimizer, losses)
                bar.update(task, advance=1, figure=" ".join(f"{name} {value:.3f}" for name, value in found.items()))
                last = step == self.steps - 1
                if step % self.save_every == self.save_every - 1 or last:
                    saved = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}
                    save_checkpoint(checkpoint, saved)
                    CONSOLE.log(f"step {step + 1}: " + " ".join(f"{name} {value:.4f}" for name, value in found.items()))
                if step % self.validate_every == self.validate_every - 1 or last:
                    CONSOLE.log(f"step {step + 1}: {validate(model.eval())}")
        model.eval()

    def _step(
        self, step: int, model: UnderstanderModel, optimizer: torch.optim.Optimizer, losses: Losses
    ) -> dict[str, float]:
        # Draws depend on the step alone, so a resumed run sees the batches it would have seen.
        random = np.random.default_rng((self.seed, step))
        torch.manual_seed(int(random.integers(2**31)))  # dropout's
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(
                step, self.steps, group["peak"], decay_from=self.decay_from, lowest=self.lowest_rate
            )
        model.train()
        found = losses(step, random)
        optimizer.zero_grad()
        torch.stack(list(found.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return {name: float(loss.detach()) for name, loss in found.items()}


def _resumed(model: UnderstanderModel, optimizer: torch.optim.Optimizer, checkpoint: Path) -> int:
    """Load a run's state, and return how many steps are done."""
    state = load_checkpoint(checkpoint)
    if not state:
        return 0
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])
