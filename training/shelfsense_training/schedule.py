"""Learning rate over a run: linear warm-up, then a cosine to a tenth."""

from __future__ import annotations

import math


def learning_rate(step: int, steps: int, peak: float, *, warmup: float = 0.05) -> float:
    """Return the learning rate of a step.

    Args:
        step: 0 to ``steps - 1``.
        steps: all steps of the run.
        peak: the rate after warm-up.
        warmup: share of the steps that climb.
    """
    climb = max(1, int(steps * warmup))
    if step < climb:
        return peak * (step + 1) / climb
    through = (step - climb) / max(1, steps - climb)
    return peak * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * through)))
