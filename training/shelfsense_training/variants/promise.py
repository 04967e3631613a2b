"""Whether a threshold that was fixed on validation queries keeps its precision on test queries, locale by locale.

The rule is the one bundles are made with (`calibration.level_thresholds`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.calibration.level_thresholds import ThresholdSettings, level_thresholds
from shelfsense_training.calibration.scored_pairs import ScoredPairs
from shelfsense_training.variants.query_set import StudyData
from shelfsense_training.variants.top_answers import Judged, TopAnswers, by_locale
from shelfsense_training.variants.trained_run import RunResult

KEPT_RECALL = 0.8
"""Share of the recall which the test side's own best threshold would allow that a promise may not fall below."""


def promise(data: StudyData, runs: Sequence[RunResult]) -> list[dict[str, Any]]:
    """Return, per level, in how many (locale, seed) cases the promise held, and each case."""
    settings = ThresholdSettings()
    found = []
    for level, members in enumerate(data.members):
        cases = []
        for seed, run in enumerate(runs):
            thresholds = level_thresholds(_pairs(data, run.answers["validation"][level], members), settings)
            judged = Judged(run.answers["test"][level], data.test, members)
            for place, rows in by_locale(data.test, judged.rows).items():
                least = thresholds.by_locale.get(data.locales[place], thresholds.common)
                accepted = judged.scores[rows] >= least
                count, right = int(accepted.sum()), int((accepted & judged.hit[rows]).sum())
                allowed = judged.recall_at_precision(rows)
                recall = right / int(judged.positives[rows].sum())
                cases.append(
                    {
                        "locale": data.locales[place],
                        "seed": seed,
                        "precision": round(right / count, 4) if count else None,
                        "recall": round(recall, 4),
                        "recall_allowed": round(allowed, 4),
                        "kept": bool(count and right >= settings.precision * count and recall >= KEPT_RECALL * allowed),
                        "precise": bool(count and right >= settings.precision * count),
                    }
                )
        found.append(
            {
                "level": level + 1,
                "kept": round(float(np.mean([case["kept"] for case in cases])), 4),
                "precise": round(float(np.mean([case["precise"] for case in cases])), 4),
                "cases": cases,
            }
        )
    return found


def _pairs(data: StudyData, answers: TopAnswers, members: NDArray[np.intp]) -> dict[str, ScoredPairs]:
    judged = Judged(answers, data.validation, members)
    found = {}
    for place, rows in by_locale(data.validation, judged.rows).items():
        kept = np.isfinite(judged.scores[rows])
        found[data.locales[place]] = ScoredPairs(judged.scores[rows][kept], judged.hit[rows][kept])
    return found
