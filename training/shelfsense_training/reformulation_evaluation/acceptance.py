"""What a bundle's thresholds accept on the golden pairs: how much of it is right, and how much is left.

Every query is asked with its head in the index and once more with that head taken out; then whatever is
accepted is wrong. So half of all questions have no right answer, which is hard on precision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shelfsense_training.reformulation_evaluation.golden import is_head
from shelfsense_training.reformulation_evaluation.golden_files import GoldenFile
from shelfsense_training.reformulation_evaluation.head_pool import Offer
from shelfsense_training.reformulation_evaluation.measured import mean_figure, ratio_figure
from shelfsense_training.reformulation_evaluation.setting import Setting

TARGET = 0.95
_POINTS = 40


@dataclass(frozen=True, slots=True)
class Trial:
    """One query, asked twice.

    Attributes:
        accepted: something was accepted with the head there.
        right: and it was the head.
        false: something was accepted without the head.
        score: of the first head no gate refused, with the head there; -1 where there was none.
        offered_right: and that was the head.
        false_score: likewise without the head.
    """

    accepted: bool
    right: bool
    false: bool
    score: float
    offered_right: bool
    false_score: float


def acceptance(setting: Setting) -> Mapping[str, Any]:
    """Return precision and coverage at the bundle's thresholds and at the best threshold there is, per file and for all."""
    trials = {file.name: _trials(setting, file) for file in setting.golden_files}
    every = [trial for each in trials.values() for trial in each]
    return {name: trial_figures(each) for name, each in [*trials.items(), ("all", every)]}


def _trials(setting: Setting, file: GoldenFile) -> list[Trial]:
    pool = setting.golden_pool(file)
    answered = setting.answers.of([pair.query for pair in file.pairs], file.locale)
    found = []
    for pair, asked in zip(file.pairs, answered, strict=True):
        served, offered = pool.served(asked), pool.offered(asked)
        with pool.without(pair.head):
            false, false_offered = pool.served(asked), pool.offered(asked)
        found.append(
            Trial(
                served is not None,
                is_head(served, pair.head),
                false is not None,
                _score(offered),
                is_head(offered, pair.head),
                _score(false_offered),
            )
        )
    return found


def trial_figures(trials: Sequence[Trial]) -> dict[str, Any]:
    """Return the figures of trials: coverage is the share of queries that got their own head."""
    right = np.array([trial.right for trial in trials], dtype=np.float64)
    accepted = np.array([trial.accepted for trial in trials], dtype=np.float64)
    false = np.array([trial.false for trial in trials], dtype=np.float64)
    best, curve = threshold_curve(trials)
    return {
        "precision": ratio_figure(right, accepted + false),
        "precision with the head there": ratio_figure(right, accepted),
        "coverage": mean_figure(right),
        "accepted without the head": mean_figure(false),
        "coverage at the best threshold": mean_figure(_covered(trials, best["threshold"])),
        "best": best,
        "curve": curve,
    }


def threshold_curve(trials: Sequence[Trial]) -> tuple[dict[str, float | None], list[dict[str, float | None]]]:
    """Return the threshold of the largest coverage with precision of `TARGET` or more, and points over all thresholds.

    A threshold of None: there is none.
    """
    offers = [(trial.score, trial.offered_right) for trial in trials]
    offers += [(trial.false_score, False) for trial in trials]
    scores = np.array([score for score, _ in offers])
    right = np.array([correct for _, correct in offers])
    points: list[dict[str, float | None]] = []
    for threshold in sorted({score for score in scores.tolist() if score >= 0}):
        passed = scores >= threshold
        hits = float(right[passed].sum())
        points.append(
            {"threshold": threshold, "precision": hits / float(passed.sum()), "coverage": hits / max(1, len(trials))}
        )
    enough = [point for point in points if (point["precision"] or 0.0) >= TARGET]
    best = max(enough, key=lambda point: point["coverage"] or 0.0, default=_NONE)
    step = max(1, len(points) // _POINTS)
    return best, points[::step]


_NONE: dict[str, float | None] = {"threshold": None, "precision": None, "coverage": 0.0}


def _covered(trials: Sequence[Trial], threshold: float | None) -> list[bool]:
    return [threshold is not None and trial.offered_right and trial.score >= threshold for trial in trials]


def _score(offer: Offer | None) -> float:
    return -1.0 if offer is None else offer.score
