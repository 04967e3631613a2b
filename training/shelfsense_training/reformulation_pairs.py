"""Scored pairs of held-out phrasings and heads: what reformulation thresholds are fixed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from shelfsense.engines.engine import EngineOutput
from shelfsense.product_types import ProductTypes
from shelfsense.query import Query
from shelfsense.reformulation.gates import attribute_refusal, product_type_refusal
from shelfsense_training.calibration.scored_pairs import ScoredPairs
from shelfsense_training.pairs import is_held_out_pair
from shelfsense_training.sources.lexicon import LexiconEntry, read_heads, read_tails

Answer = Callable[[Sequence[Query]], EngineOutput]


def held_out_pairs(answer: Answer, product_types: ProductTypes) -> dict[str, ScoredPairs]:
    """Return, per locale, the best head of every held-out phrasing, with its head there and with it gone.

    Heads that a gate refuses are no pairs: no threshold decides on them.

    Args:
        answer: queries to the network's answers, by the engine that will serve them.
        product_types: of those answers.
    """
    heads, tails = read_heads(), [tail for tail in read_tails() if is_held_out_pair(tail)]
    found = {}
    for locale in sorted({tail.locale for tail in tails}):
        ours = [head for head in heads if head.locale == locale]
        asked = [tail for tail in tails if tail.locale == locale]
        output = answer(_queries(asked))
        cosines = output.embeddings @ answer(_queries(ours)).embeddings.T  # (asked, heads)
        cosines[~_passing(asked, ours, product_types.coherent(output.probabilities), product_types)] = _REFUSED
        same = np.array([[tail.concept == head.concept for head in ours] for tail in asked])
        rows = np.arange(len(asked))
        scores, right = [], []
        for table in (cosines, np.where(same, _REFUSED, cosines)):
            best = table.argmax(1)
            offered = table[rows, best] > _REFUSED
            scores.append(table[rows, best][offered])
            right.append(same[rows, best][offered])
        found[locale] = ScoredPairs(np.concatenate(scores).astype(np.float32), np.concatenate(right))
    return found


_REFUSED = -2.0


def _passing(
    asked: Sequence[LexiconEntry],
    heads: Sequence[LexiconEntry],
    probabilities: NDArray[np.float32],
    product_types: ProductTypes,
) -> NDArray[np.bool_]:
    """Return (asked, heads) whether the gates let a head pass."""
    own = [product_types.index[head.type_id] for head in heads]
    root = [product_types.at_level(label, 1) for label in own]
    return np.array(
        [
            [
                not product_type_refusal(float(row[root[h]]), float(row[own[h]]))
                and not attribute_refusal(query.text, head.text)
                for h, head in enumerate(heads)
            ]
            for query, row in zip(asked, probabilities, strict=True)
        ]
    )


def _queries(entries: Sequence[LexiconEntry]) -> list[Query]:
    return [Query(entry.text, entry.locale) for entry in entries]
