"""Tunes the baseline on validation queries, within a budget of training examples.

The budget counts rows x passes, which is the same on every machine; one costs about 0.2 ms of one
core (1,704 types, W = 64), so 900,000 are some three minutes of it. A third of the budget tries
learning rates on a sample of the rows; the rest trains the best on all rows.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense.product_types import ProductTypes
from shelfsense_training.evaluation.fasttext_baseline import Diverged, FastTextBaseline, FastTextSettings
from shelfsense_training.evaluation.metrics import any_type, recall_at_precision, top_k_accuracy

RATES = (0.2, 0.5, 1.0, 2.0)
_MOST_EPOCHS = 15

Score = Callable[[FastTextBaseline], NDArray[np.float32]]
"""Scores (N, L) of the validation queries, monotone along the tree."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting that was tried.

    Attributes:
        settings: how the model was trained.
        rows: lines it saw in each pass.
        recall_at_precision: on validation, mean over the levels that have positives.
        top_1: likewise.
        diverged: training failed, and the figures are 0.
    """

    settings: FastTextSettings
    rows: int
    recall_at_precision: float
    top_1: float
    diverged: bool = False


@dataclass(frozen=True, slots=True)
class TunedBaseline:
    """The baseline trained on all rows with the best settings, and everything tried."""

    model: FastTextBaseline
    settings: FastTextSettings
    trials: tuple[Trial, ...]


def tune_baseline(
    lines: Sequence[str],
    product_types: ProductTypes,
    score: Score,
    labels: NDArray[np.bool_],
    *,
    examples: int,
    start: FastTextSettings = FastTextSettings(),  # noqa: B008  frozen
) -> TunedBaseline:
    """Choose the learning rate by recall at precision, then top-1, on validation; then train on all rows.

    Passes are not tuned: up to 15 more are better for this model, so it gets what the budget allows.

    Args:
        lines: all training lines.
        product_types: the tree.
        score: scores the validation queries.
        labels: (N, L) their acceptable types.
        examples: the budget, rows x passes.
        start: settings that stay, all but the learning rate and passes.

    Raises:
        Diverged: when every learning rate is too high.
    """
    passes = min(_MOST_EPOCHS, max(1, examples * 2 // 3 // len(lines)))
    settings = dataclasses.replace(start, epochs=passes)
    some = min(len(lines), max(1, examples // 3 // len(RATES) // passes))
    sample = random.Random(start.seed).sample(lines, some)  # noqa: S311 - a sample, not a secret
    trials: list[Trial] = []
    for rate in RATES:
        tried = dataclasses.replace(settings, lr=rate)
        try:
            scores = score(FastTextBaseline.train(sample, len(product_types), tried))
        except Diverged:
            trials.append(Trial(tried, some, 0.0, 0.0, diverged=True))
        else:
            trials.append(Trial(tried, some, *_goodness(scores, labels, product_types)))
    return _trained(lines, product_types, trials)


def _trained(lines: Sequence[str], product_types: ProductTypes, trials: Sequence[Trial]) -> TunedBaseline:
    """Train the best trial's settings on all lines, or the next best where they diverge there.

    Raises:
        Diverged: when all of them do.
    """
    ranked = sorted(trials, key=lambda t: (t.diverged, -t.recall_at_precision, -t.top_1))
    for trial in ranked[:-1]:
        with contextlib.suppress(Diverged):
            model = FastTextBaseline.train(lines, len(product_types), trial.settings)
            return TunedBaseline(model, trial.settings, tuple(trials))
    last = ranked[-1].settings
    return TunedBaseline(FastTextBaseline.train(lines, len(product_types), last), last, tuple(trials))


def _goodness(
    scores: NDArray[np.float32], labels: NDArray[np.bool_], product_types: ProductTypes
) -> tuple[float, float]:
    recalls, hits = [], []
    for members in product_types.by_level.values():
        rows = np.flatnonzero(any_type(labels[:, members]))
        if len(rows):
            cut = np.ix_(rows, members)
            recalls.append(recall_at_precision(scores[cut], labels[cut]).recall)
            hits.append(top_k_accuracy(scores[cut], labels[cut], 1))
    return float(np.mean(recalls)), float(np.mean(hits))
