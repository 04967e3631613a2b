"""Scored pairs of held-out phrasings and heads: what reformulation thresholds are fixed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from shelfsense.query import Query
from shelfsense_training.pairs import is_held_out_pair
from shelfsense_training.sources.lexicon import LexiconEntry, read_heads, read_tails
from shelfsense_training.threshold_fixing import ScoredPairs

Embed = Callable[[Sequence[Query]], NDArray[np.float32]]


def held_out_pairs(embed: Embed) -> dict[str, ScoredPairs]:
    """Return, per locale, the best head of every held-out phrasing, with its head there and with it gone.

    Args:
        embed: queries to unit vectors (N, E), by the engine that will serve them.
    """
    heads, tails = read_heads(), [tail for tail in read_tails() if is_held_out_pair(tail)]
    found = {}
    for locale in sorted({tail.locale for tail in tails}):
        ours = [head for head in heads if head.locale == locale]
        asked = [tail for tail in tails if tail.locale == locale]
        cosines = embed(_queries(asked)) @ embed(_queries(ours)).T  # (asked, heads)
        same = np.array([[tail.concept == head.concept for head in ours] for tail in asked])
        best = cosines.argmax(1)
        rows = np.arange(len(asked))
        without = np.where(same, -1.0, cosines)
        scores = np.concatenate([cosines[rows, best], without.max(1)]).astype(np.float32)
        found[locale] = ScoredPairs(scores, np.concatenate([same[rows, best], np.zeros(len(asked), dtype=bool)]))
    return found


def _queries(entries: Sequence[LexiconEntry]) -> list[Query]:
    return [Query(entry.text, entry.locale) for entry in entries]
