"""Groups of queries that mean the same: what a consistent ranking answers alike.

A need of the lexicon: its head, the phrasings kept out of training, and one other writing of each phrasing.
A golden pair: the query and its head.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from shelfsense_training.composition.variation import Variation
from shelfsense_training.pairs import is_held_out_pair
from shelfsense_training.sources.lexicon import read_heads, read_tails

FEWEST_MEMBERS = 3


@dataclass(frozen=True, slots=True)
class MeaningGroup:
    """Queries of one meaning.

    Attributes:
        locale: of all.
        head: one of them, which is in the index.
        others: the rest.
    """

    locale: str
    head: str
    others: tuple[str, ...]


def lexicon_groups(locale: str, *, seed: int = 0) -> Iterator[MeaningGroup]:
    """Yield the needs of a locale that have `FEWEST_MEMBERS` or more.

    Args:
        locale: a bundle locale.
        seed: of the other writings.
    """
    variation = Variation.from_lexicon(seed=seed)
    tails = defaultdict(list)
    for tail in read_tails():
        if tail.locale == locale and is_held_out_pair(tail):
            tails[tail.concept].append(tail.text)
    for head in read_heads():
        if head.locale == locale and head.concept in tails:
            texts = tails[head.concept]
            written = [variant.text for text in texts for variant in variation.variants(text, locale)]
            others = tuple(dict.fromkeys(text for text in (*texts, *written) if text != head.text))
            if 1 + len(others) >= FEWEST_MEMBERS:
                yield MeaningGroup(locale, head.text, others)
