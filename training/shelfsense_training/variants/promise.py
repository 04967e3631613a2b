"""Whether a threshold that was fixed on validation queries keeps its precision on test queries, locale by locale.

The rule is the one bundles are made with (`calibration.level_thresholds`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.calibration.level_thresholds import ThresholdSettings, level_thresholds
from shelfsense_training.calibration.scored_pairs import ScoredPairs
from shelfsense_training.variants.query_set import StudyData
from shelfsense_training.variants.top_answers import Judged, by_locale
from shelfsense_training.variants.trained_run import RunResult

KEPT_RECALL = 0.8
"""Share of the recall which the test side's own best threshold would allow that a promise may not fall below."""


JUDGED = 300
"""Queries of a locale that a shop could have judged: drawn as shoppers ask, where mined ones are the popular."""


def promise(data: StudyData, runs: Sequence[RunResult]) -> list[dict[str, Any]]:
    """Return, per level and kind of evidence, in how many (locale, seed) cases the promise held, and each case.

    Evidence ``validation`` is the study's validation side, labelled as its training queries are.
    ``judged`` is up to `JUDGED` test queries of each locale, whose truth is known; the promise is then
    checked on the others.
    """
    found = []
    for level, members in enumerate(data.members):
        for evidence in ("validation", "judged"):
            cases = [
                case
                for seed, run in enumerate(runs)
                for case in _cases(data, run, level, members, seed, judged=evidence == "judged")
            ]
            found.append(
                {
                    "level": level + 1,
                    "evidence": evidence,
                    "kept": round(float(np.mean([case["kept"] for case in cases])), 4),
                    "precise": round(float(np.mean([case["precise"] for case in cases])), 4),
                    "cases": cases,
                }
            )
    return found


def _cases(
    data: StudyData, run: RunResult, level: int, members: NDArray[np.intp], seed: int, *, judged: bool
) -> Iterator[dict[str, Any]]:
    settings = ThresholdSettings()
    answers = Judged(run.answers["test"][level], data.test, members)
    places = by_locale(data.test, answers.rows)
    checked = places
    if judged:
        aside = {place: _aside(rows, place) for place, rows in places.items()}
        pairs = {data.locales[p]: _scored(answers, rows) for p, rows in aside.items()}
        checked = {place: np.setdiff1d(rows, aside[place]) for place, rows in places.items()}
    else:
        known = Judged(run.answers["validation"][level], data.validation, members)
        pairs = {data.locales[p]: _scored(known, rows) for p, rows in by_locale(data.validation, known.rows).items()}
    thresholds = level_thresholds(pairs, settings)
    for place, rows in checked.items():
        accepted = answers.scores[rows] >= thresholds.by_locale.get(data.locales[place], thresholds.common)
        count, right = int(accepted.sum()), int((accepted & answers.hit[rows]).sum())
        allowed, recall = answers.recall_at_precision(rows), right / int(answers.positives[rows].sum())
        precise = bool(count and right >= settings.precision * count)
        yield {
            "locale": data.locales[place],
            "seed": seed,
            "precision": round(right / count, 4) if count else None,
            "recall": round(recall, 4),
            "recall_allowed": round(allowed, 4),
            "kept": precise and recall >= KEPT_RECALL * allowed,
            "precise": precise,
        }


def _aside(rows: NDArray[np.intp], place: int) -> NDArray[np.intp]:
    """Return the rows of a locale that are judged to fix its threshold; half of them at most."""
    order = np.random.default_rng((37, place)).permutation(len(rows))
    chosen: NDArray[np.intp] = rows[np.sort(order[: min(JUDGED, len(rows) // 2)])]
    return chosen


def _scored(judged: Judged, rows: NDArray[np.intp]) -> ScoredPairs:
    kept = np.isfinite(judged.scores[rows])
    return ScoredPairs(judged.scores[rows][kept], judged.hit[rows][kept])
