"""Decides by held-out queries whether and how long a locale is adapted, and gives every query an honest answer.

A new store has a few hundred judged queries: a tenth set aside would decide by twenty. So each of a few
folds is held out once from an adaptation on the others. All of them together choose the number of passes,
say whether adapting helps, and are calibrated on; the test side takes no part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shelfsense.text import normal_form
from shelfsense_training.evaluation.labelled_queries import LabelledQuery
from shelfsense_training.onboarding.adaptation import (
    AdaptationRun,
    AdaptationSettings,
    LearnedLocale,
    LocaleAdaptation,
)
from shelfsense_training.progress import progress_bar
from shelfsense_training.sources.splits import hash_bucket


@dataclass(frozen=True, slots=True)
class CrossFit:
    """What the held-out queries say.

    Attributes:
        curve: mean loss of the held-out queries after 0, 1, 2, ... passes.
        passes: with the least loss; 0 where adapting is not adopted.
        gain: how far the mean loss falls at the best number of passes, adopted or not.
        error: the gain's standard error.
        folds: (N,) which fold each query is of.
        learned: by fold, what its adaptation had learned after `passes`; empty where nothing is adopted.
        final: learned from all queries in as many passes; None where nothing is adopted.
    """

    curve: tuple[float, ...]
    passes: int
    gain: float
    error: float
    folds: NDArray[np.int64]
    learned: tuple[LearnedLocale, ...] = ()
    final: LearnedLocale | None = None


def fold_of(query: LabelledQuery, folds: int) -> int:
    """Return a query's fold; like the splits it hangs on the normal form alone."""
    return hash_bucket(f"fold|{normal_form(query.text)}", folds)


def cross_fit(adaptation: LocaleAdaptation, queries: Sequence[LabelledQuery], settings: AdaptationSettings) -> CrossFit:
    """Adapt with each fold held out, decide, and adapt to all queries where that is adopted.

    Adopted is what lowers the held-out loss by more than the standard error of the gain.

    Args:
        adaptation: of the locale.
        queries: the training and validation sides.
        settings: how.
    """
    folds = np.array([fold_of(query, settings.folds) for query in queries])
    passes = settings.passes(len(queries))
    with progress_bar() as progress:
        bar = progress.add_task("adapting, held out", total=passes * settings.folds, figure="")

        def told(loss: float) -> None:
            progress.update(bar, advance=1, figure=f"loss of held-out queries {loss:.3f}")

        runs = [
            AdaptationRun(
                adaptation,
                [queries[i] for i in np.flatnonzero(folds != fold).tolist()],
                [queries[i] for i in np.flatnonzero(folds == fold).tolist()],
                seed=fold,
            )
            for fold in range(settings.folds)
        ]
        found = decide(folds, _passes(runs, passes, settings.patience, told))
        progress.update(bar, completed=passes * settings.folds)
        if not found.passes:
            return found
        bar = progress.add_task("adapting", total=found.passes, figure=f"{found.passes} passes over all queries")
        last = AdaptationRun(adaptation, queries, (), seed=settings.folds)
        for _ in range(found.passes):
            last.make_pass()
            progress.advance(bar)
    return replace(found, final=last.learned())


def _passes(
    runs: Sequence[AdaptationRun], passes: int, patience: int, told: Callable[[float], None]
) -> list[list[LearnedLocale]]:
    """Let all runs make passes side by side until the loss of all their held-out queries stops falling."""
    history = [[run.learned()] for run in runs]
    curve = [_mean_loss(history)]
    for number in range(1, passes + 1):
        for run, learned in zip(runs, history, strict=True):
            run.make_pass()
            learned.append(run.learned())
            told(curve[-1])
        curve.append(_mean_loss(history))
        if number - int(np.argmin(curve)) >= patience:
            break
    return history


def _mean_loss(history: Sequence[Sequence[LearnedLocale]]) -> float:
    return float(np.concatenate([learned[-1].losses for learned in history]).mean())


def decide(folds: NDArray[np.int64], runs: Sequence[Sequence[LearnedLocale]]) -> CrossFit:
    """Choose the number of passes by the held-out losses of all folds.

    Args:
        folds: (N,) fold of each query.
        runs: by fold, what was learned after 0, 1, 2, ... passes, with the losses of that fold.
    """
    losses = np.concatenate([np.stack([each.losses for each in run], axis=1) for run in runs])  # (N, passes + 1)
    curve = losses.mean(axis=0)
    best = int(curve.argmin())
    gains = losses[:, 0] - losses[:, best]  # (N,)
    error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else float("inf")
    gain = float(gains.mean())
    passes = best if gain > error else 0
    learned = tuple(run[passes] for run in runs) if passes else ()
    return CrossFit(tuple(curve.tolist()), passes, gain, error, folds, learned)
