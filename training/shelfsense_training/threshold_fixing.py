"""Fixes the thresholds of a bundle on validation data, and says what each rests on.

Product types, levels 1 and 2: a locale with real validation queries gets the threshold whose
precision is credibly high, by its own pairs and, as they are few, by those of all other locales
(`calibration.level_thresholds`); a locale with names only gets the larger of its names' threshold
and the common real one, because names are easier than queries; a locale with neither, and ``und``,
falls back to the common one. Level 3 has no real judgements: its threshold rests on held-out names
everywhere.

Reformulations: rarer phrasings kept out of training, each asked twice, with its head in the index
and with that head taken out, so that precision is also that of queries which have no head. It is
the precision's lower bound that has to hold, by the same rule: a wrong head sells the wrong thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from shelfsense.locales import UNDETERMINED
from shelfsense.thresholds import NEVER, LocaleThresholds, Thresholds
from shelfsense_training.calibration.level_thresholds import ThresholdSettings, level_thresholds
from shelfsense_training.calibration.scored_pairs import ScoredPairs

TYPE_PRECISION = 0.8
REFORMULATION_PRECISION = 0.95
SAID_ALIKE = ThresholdSettings(precision=REFORMULATION_PRECISION, prior_pairs=200.0, fewest=100)
"""As sure as of product types; the others' word counts for
more, because one score is fitted for all locales and a locale has a hundred phrasings; and no precision of
fewer than a hundred is looked at, because three wrong among the first fifty would end the way at once."""

_FEWEST_ACCEPTED = 20


def least_threshold(pairs: ScoredPairs, precision: float, *, fewest: int = _FEWEST_ACCEPTED) -> float:
    """Return the least threshold that keeps a precision, `NEVER` where none does on enough pairs.

    Args:
        pairs: scored pairs.
        precision: wanted among the pairs at or above the threshold.
        fewest: accepted pairs below which a precision is no evidence.
    """
    order = np.argsort(-pairs.scores, kind="stable")
    scores, right = pairs.scores[order], pairs.right[order]
    accepted = np.arange(1, len(scores) + 1)
    share = np.cumsum(right) / np.maximum(accepted, 1)
    held = share >= precision
    # A threshold takes all pairs of an equal score: only the last of a run can be a cut.
    last_of_run = np.append(scores[1:] != scores[:-1], True) if len(scores) else np.zeros(0, bool)
    cuts = np.flatnonzero(held & last_of_run & (accepted >= fewest))
    return float(scores[cuts[-1]]) if len(cuts) else NEVER


def fix_thresholds(
    locales: Sequence[str],
    real: Mapping[str, Sequence[ScoredPairs]],
    composed: Mapping[str, Sequence[ScoredPairs]],
    reformulations: Mapping[str, ScoredPairs],
) -> Thresholds:
    """Fix every locale's thresholds.

    Args:
        locales: tags of the bundle, without ``und``.
        real: locale to the pairs of levels 1 and 2 of real validation queries.
        composed: locale to the pairs of levels 1, 2 and 3 of held-out names.
        reformulations: locale to pairs of held-out phrasings.
    """
    settings = ThresholdSettings(precision=TYPE_PRECISION)
    judged = [level_thresholds({tag: pairs[k] for tag, pairs in real.items()}, settings) for k in range(2)]
    pooled = [each.common for each in judged]
    names = ScoredPairs.together([pairs[2] for pairs in composed.values()])
    deepest = least_threshold(names, TYPE_PRECISION)
    said_alike = level_thresholds(reformulations, SAID_ALIKE)
    by_locale = {}
    for tag in (*locales, UNDETERMINED):
        evidence = "real" if tag in real else "composed" if tag in composed else "fallback"
        if tag in real:
            upper = [each.by_locale[tag] for each in judged]
        elif tag in composed:
            upper = [max(least_threshold(p, TYPE_PRECISION), b) for p, b in zip(composed[tag][:2], pooled, strict=True)]
            upper = [b if value > 1 else value for value, b in zip(upper, pooled, strict=True)]
        else:
            upper = pooled
        by_locale[tag] = LocaleThresholds(
            product_types=(*upper, deepest),
            evidence=evidence,
            reformulation=said_alike.by_locale.get(tag, said_alike.common),
            reformulation_evidence="composed" if tag in reformulations else "fallback",
        )
    return Thresholds(by_locale, TYPE_PRECISION, REFORMULATION_PRECISION)
