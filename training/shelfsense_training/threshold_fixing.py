"""Fixes the thresholds of a bundle on validation data, and says what each rests on.

Product types, levels 1 and 2: a locale with real validation queries gets the mean of its own
threshold and that of all real queries together (its own alone is noisy at about a hundred queries);
a locale with names only gets the larger of its names' threshold and the real one, because names are
easier than queries; a locale with neither, and ``und``, falls back to the real one. Level 3 has no
real judgements: its threshold rests on held-out names everywhere.

Reformulations: rarer phrasings kept out of training, each asked twice, with its head in the index
and with that head taken out, so that precision is also that of queries which have no head. It is
the precision's lower bound that has to hold, and a locale's own threshold counts where it is the
larger: a wrong head sells the wrong thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense.locales import UNDETERMINED
from shelfsense.thresholds import NEVER, LocaleThresholds, Thresholds

TYPE_PRECISION = 0.8
REFORMULATION_PRECISION = 0.95
_FEWEST_ACCEPTED = 20
_ONE_SIDED = 1.645  # 95 % of a normal distribution lie below


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """Scores of pairs, and which are right.

    Attributes:
        scores: (N,).
        right: (N,) bool.
    """

    scores: NDArray[np.float32]
    right: NDArray[np.bool_]


def least_threshold(
    pairs: ScoredPairs, precision: float, *, fewest: int = _FEWEST_ACCEPTED, confident: bool = False
) -> float:
    """Return the least threshold that keeps a precision, `NEVER` where none does on enough pairs.

    Args:
        pairs: scored pairs.
        precision: wanted among the pairs at or above the threshold.
        fewest: accepted pairs below which a precision is no evidence.
        confident: ask the precision of its lower 95 % bound (Wilson, one-sided), not of its estimate.
    """
    order = np.argsort(-pairs.scores, kind="stable")
    scores, right = pairs.scores[order], pairs.right[order]
    accepted = np.arange(1, len(scores) + 1)
    share = np.cumsum(right) / np.maximum(accepted, 1)
    held = (_wilson_lower(share, accepted) if confident else share) >= precision
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
    pooled = [least_threshold(_together([pairs[k] for pairs in real.values()]), TYPE_PRECISION) for k in range(2)]
    names = _together([pairs[2] for pairs in composed.values()])
    deepest = least_threshold(names, TYPE_PRECISION)
    together = _together(list(reformulations.values()))
    any_reformulation = least_threshold(together, REFORMULATION_PRECISION, confident=True)
    by_locale = {}
    for tag in (*locales, UNDETERMINED):
        evidence = "real" if tag in real else "composed" if tag in composed else "fallback"
        if tag in real:
            own = [least_threshold(pairs, TYPE_PRECISION) for pairs in real[tag]]
            upper = [(a + b) / 2 if a <= 1 else b for a, b in zip(own, pooled, strict=True)]
        elif tag in composed:
            upper = [max(least_threshold(p, TYPE_PRECISION), b) for p, b in zip(composed[tag][:2], pooled, strict=True)]
            upper = [b if value > 1 else value for value, b in zip(upper, pooled, strict=True)]
        else:
            upper = pooled
        heads = NEVER
        if tag in reformulations:
            heads = least_threshold(reformulations[tag], REFORMULATION_PRECISION, confident=True)
        by_locale[tag] = LocaleThresholds(
            product_types=(*upper, deepest),
            evidence=evidence,
            reformulation=max(heads, any_reformulation) if heads <= 1 else any_reformulation,
            reformulation_evidence="composed" if tag in reformulations else "fallback",
        )
    return Thresholds(by_locale, TYPE_PRECISION, REFORMULATION_PRECISION)


def _wilson_lower(share: NDArray[np.float64], count: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the lower bound of a share among so many (Wilson, 1927)."""
    z = _ONE_SIDED
    centre = share + z**2 / (2 * count)
    spread = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    bound: NDArray[np.float64] = (centre - spread) / (1 + z**2 / count)
    return bound


def _together(pairs: Sequence[ScoredPairs]) -> ScoredPairs:
    return ScoredPairs(np.concatenate([p.scores for p in pairs]), np.concatenate([p.right for p in pairs]))
