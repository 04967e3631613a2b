"""Whether a threshold that was fixed on validation queries keeps its precision on test queries, locale by locale.

The rule is the one bundles are made with (`calibration.bounded_threshold`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

import numpy as np

from shelfsense_training.calibration.bounded_threshold import bounded_threshold
from shelfsense_training.calibration.locale_thresholds import ThresholdSettings
from shelfsense_training.calibration.prior_strength import prior_strength
from shelfsense_training.calibration.scored_pairs import ScoredPairs
from shelfsense_training.variants.query_set import QuerySet, StudyData
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
            thresholds = fixed_thresholds(data, run.answers["validation"][level], members, settings)
            judged = Judged(run.answers["test"][level], data.test, members)
            for place, rows in by_locale(data.test, judged.rows).items():
                accepted = judged.scores[rows] >= thresholds[place]
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


def fixed_thresholds(
    data: StudyData, answers: TopAnswers, members: np.ndarray[Any, np.dtype[np.intp]], settings: ThresholdSettings
) -> Mapping[int, float]:
    """Return locale index to the threshold that its validation queries and all others' give."""
    own = _pairs(data.validation, answers, members)
    everything = ScoredPairs.together(list(own.values()))
    nothing = ScoredPairs.together([])
    common = bounded_threshold(
        nothing, everything, settings.precision, prior_pairs=inf, confidence=0.5, fewest=settings.fewest
    )
    counts = np.array([pairs.accepted(np.array([common], dtype=np.float32)) for pairs in own.values()])
    strength = prior_strength(counts[:, 0, 0], counts[:, 1, 0])
    found = {}
    for place in range(len(data.locales)):
        others = ScoredPairs.together([pairs for other, pairs in own.items() if other != place])
        found[place] = bounded_threshold(
            own.get(place, nothing),
            others,
            settings.precision,
            prior_pairs=strength,
            confidence=settings.confidence,
            fewest=settings.fewest,
            checked_pairs=settings.checked_pairs,
        )
    return found


def _pairs(
    queries: QuerySet, answers: TopAnswers, members: np.ndarray[Any, np.dtype[np.intp]]
) -> dict[int, ScoredPairs]:
    judged = Judged(answers, queries, members)
    found = {}
    for place, rows in by_locale(queries, judged.rows).items():
        kept = np.isfinite(judged.scores[rows])
        found[place] = ScoredPairs(judged.scores[rows][kept], judged.hit[rows][kept])
    return found
