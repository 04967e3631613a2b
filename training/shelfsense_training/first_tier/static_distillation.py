"""A static tier learns the network's product types on texts.

N texts, B of a batch, S layers, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from shelfsense_training.checkpoints import load_checkpoint, save_checkpoint
from shelfsense_training.first_tier.soft_labels import LevelDivergence
from shelfsense_training.first_tier.static_tier import StaticTier
from shelfsense_training.first_tier.teacher import Teacher
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


def distil_static(  # noqa: PLR0913  the parts of one training
    tier: StaticTier,
    features: Sequence[Sequence[int]],
    teacher: Teacher,
    states: NDArray[np.float16],
    divergence: LevelDivergence,
    checkpoint: Path,
    settings: StaticSettings,
) -> StaticTier:
    """Train in place; taken up from the checkpoint after the last whole pass.

    Args:
        tier: fresh.
        features: N texts as rows of its table.
        teacher: of the logits.
        states: (N, S, D) of the same texts.
        divergence: what is made small.
        checkpoint: file of the training state.
        settings: how.
    """
    others = [p for name, p in tier.named_parameters() if not name.startswith("table.")]
    optimizers = (
        torch.optim.SparseAdam(list(tier.table.parameters()), lr=settings.table_rate),
        torch.optim.AdamW(others, lr=settings.rate, weight_decay=0.01),
    )
    peaks = (settings.table_rate, settings.rate)
    state = load_checkpoint(checkpoint) or {"pass": 0}
    if state["pass"]:
        tier.load_state_dict(state["tier"])
        for optimizer, saved in zip(optimizers, state["optimizers"] or (), strict=False):
            optimizer.load_state_dict(saved)
    steps = -(-len(features) // settings.batch)
    tier.train()
    for number in range(state["pass"], settings.passes):
        order = np.random.default_rng((settings.seed, number)).permutation(len(features))
        total = 0.0
        with progress_bar() as bar:
            task = bar.add_task(f"static tier, pass {number + 1}", total=steps, figure="")
            for step in range(steps):
                rows = np.sort(order[step * settings.batch : (step + 1) * settings.batch])
                for optimizer, peak in zip(optimizers, peaks, strict=True):
                    rate = learning_rate(number * steps + step, settings.passes * steps, peak, lowest=0.02)
                    optimizer.param_groups[0]["lr"] = rate
                    optimizer.zero_grad()
                with torch.no_grad():
                    wanted = teacher.logits(torch.from_numpy(states[rows, -1:].astype(np.float32)))
                loss = divergence(tier([features[i] for i in rows]), wanted)
                loss.backward()
                for optimizer in optimizers:
                    optimizer.step()
                total += loss.item()
                bar.update(task, advance=1, figure=f"{loss.item():.3f}")
        CONSOLE.log(f"pass {number + 1}: divergence {total / steps:.4f}")
        last = number == settings.passes - 1
        saved_states = None if last else [optimizer.state_dict() for optimizer in optimizers]
        save_checkpoint(checkpoint, {"tier": tier.state_dict(), "optimizers": saved_states, "pass": number + 1})
    return tier.eval()
