"""One level's threshold for every locale, from its own pairs and those of all others.

S locales.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

import numpy as np

from shelfsense_training.calibration.bounded_threshold import bounded_threshold
from shelfsense_training.calibration.prior_strength import prior_strength
from shelfsense_training.calibration.scored_pairs import ScoredPairs


@dataclass(frozen=True, slots=True)
class ThresholdSettings:
    """How sure a threshold has to be.

    Attributes:
        precision: the target.
        confidence: that the precision is reached; see `bounded_threshold`.
        checked_pairs: accepted pairs on which the promise will be checked; likewise.
        prior_pairs: accepted pairs that all other locales' precision counts for in one; found by how
            alike they are (`prior_strength`) where None.
        fewest: accepted pairs below which a precision is no evidence.
        type_pairs: accepted pairs of a type, at its locale's threshold, from which it may have its own.
        type_confidence: that a type's precision is below the target, before it gets one; high, because
            thousands of types are asked.
    """

    precision: float = 0.8
    confidence: float = 0.9
    checked_pairs: float = 200.0
    prior_pairs: float | None = None
    fewest: int = 20
    type_pairs: int = 50
    type_confidence: float = 0.99


@dataclass(frozen=True, slots=True)
class LevelThresholds:
    """The thresholds of one level.

    Attributes:
        common: of a locale without pairs.
        by_locale: of the others.
    """

    common: float
    by_locale: Mapping[str, float]


def level_thresholds(pairs: Mapping[str, ScoredPairs], settings: ThresholdSettings) -> LevelThresholds:
    """Fix one level's thresholds.

    Args:
        pairs: locale to the pairs of its queries with all types of the level.
        settings: how sure.
    """
    least = min((each.reach(settings.precision) for each in pairs.values()), default=inf)
    near = {tag: each.from_score(least) for tag, each in pairs.items()}
    everything = ScoredPairs.together(list(near.values()))
    strength = _strength(near, everything, settings)
    by_locale = {}
    for tag, own in near.items():
        others = ScoredPairs.together([each for name, each in near.items() if name != tag])
        by_locale[tag] = settled(own, others, strength, settings)
    return LevelThresholds(settled(ScoredPairs.together([]), everything, strength, settings), by_locale)


def settled(own: ScoredPairs, group: ScoredPairs, prior_pairs: float, settings: ThresholdSettings) -> float:
    """Return the bounded threshold at these settings."""
    return bounded_threshold(
        own,
        group,
        settings.precision,
        prior_pairs=prior_pairs,
        confidence=settings.confidence,
        fewest=settings.fewest,
        checked_pairs=settings.checked_pairs,
    )


def _strength(pairs: Mapping[str, ScoredPairs], everything: ScoredPairs, settings: ThresholdSettings) -> float:
    """Return what the others' precision is worth in a locale, judged where all together just hold the target."""
    if settings.prior_pairs is not None:
        return settings.prior_pairs
    none = ScoredPairs.together([])
    even = bounded_threshold(
        none, everything, settings.precision, prior_pairs=inf, confidence=0.5, fewest=settings.fewest
    )
    at = np.array([even], dtype=np.float32)
    counts = np.array([each.accepted(at) for each in pairs.values()]).reshape(-1, 2)  # (S, 2)
    return prior_strength(counts[:, 0], counts[:, 1])
