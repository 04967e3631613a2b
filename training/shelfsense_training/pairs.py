"""Pairs of texts that say the same, of the project's own writing and of the taxonomy's translations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from shelfsense.locales import language_of
from shelfsense.text import model_form
from shelfsense_training.sources.lexicon import LexiconEntry, WrittenPair, read_heads, read_tails
from shelfsense_training.sources.splits import hash_bucket


@dataclass(frozen=True, slots=True)
class TextPair:
    """Two texts with one meaning.

    Attributes:
        first: (text in model form, locale).
        second: likewise.
        group: the shopping need; pairs of one group are no negatives of each other.
    """

    first: tuple[str, str]
    second: tuple[str, str]
    group: int


def is_held_out_pair(entry: LexiconEntry) -> bool:
    """Return whether a rarer phrasing is kept for fixing thresholds (one in three)."""
    return hash_bucket(f"tail|{entry.locale}|{entry.text}", 3) == 0


def is_held_out_writing(pair: WrittenPair) -> bool:
    """Return whether a written pair is kept for choosing recipes and fixing thresholds (one in three)."""
    return hash_bucket(f"pair|{pair.locale}|{pair.query}", 3) == 0


class PairSource:
    """Draws pairs: a rarer phrasing and its head, or the heads of one need in two locales.

    Args:
        across_share: share of pairs that cross locales.
    """

    def __init__(self, *, across_share: float = 0.5) -> None:
        self._across_share = across_share
        heads = read_heads()
        groups = {concept: i for i, concept in enumerate(sorted({head.concept for head in heads}))}
        by_place = {(head.concept, head.locale): head for head in heads}
        self._within = [
            TextPair(_text(tail), _text(by_place[tail.concept, tail.locale]), groups[tail.concept])
            for tail in read_tails()
            if (tail.concept, tail.locale) in by_place and not is_held_out_pair(tail)
        ]
        self._by_group = _grouped((groups[head.concept], _text(head)) for head in heads)

    def draw(self, random: np.random.Generator, count: int) -> list[TextPair]:
        """Return pairs of distinct groups, so that each is a fair negative of the others."""
        pairs: dict[int, TextPair] = {}
        while len(pairs) < count:
            across = random.random() < self._across_share
            pair = self._across(random) if across else self._within[random.integers(len(self._within))]
            pairs.setdefault(pair.group, pair)
        return list(pairs.values())

    def _across(self, random: np.random.Generator) -> TextPair:
        group = int(random.integers(len(self._by_group)))
        members = self._by_group[group]
        first, second = random.choice(len(members), 2, replace=False)
        return TextPair(members[first], members[second], group)


def _text(entry: LexiconEntry) -> tuple[str, str]:
    return model_form(entry.text, language_of(entry.locale)), entry.locale


def _grouped(items: Iterable[tuple[int, tuple[str, str]]]) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for group, text in items:
        found[group].append(text)
    return found
