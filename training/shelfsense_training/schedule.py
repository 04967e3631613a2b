"""Learning rate over a run: linear warm-up, a plateau, then a cosine down."""

from __future__ import annotations

import math


def learning_rate(
    step: int, steps: int, peak: float, *, warmup: float = 0.05, decay_from: float = 0.0, lowest: float = 0.1
) -> float:
    """Return the learning rate of a step.

    Args:
        step: 0 to ``steps - 1``.
        steps: all steps of the run.
        peak: the rate after warm-up.
        warmup: share of the steps that climb.
        decay_from: share of the steps after warm-up that keep the peak; 1 never falls.
        lowest: share of the peak that is left at the end.
    """
    climb = max(1, int(steps * warmup))
    if step < climb:
        return peak * (step + 1) / climb
    through = (step - climb) / max(1, steps - climb)
    fallen = max(0.0, through - decay_from) / max(1e-9, 1 - decay_from)
    return peak * (lowest + (1 - lowest) * 0.5 * (1 + math.cos(math.pi * fallen)))
