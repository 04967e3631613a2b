"""Pairs of texts that mean the same, with near texts that do not: what the embedding head learns from.

Sources, each with its share of a batch: rarer phrasings and heads of the project's own writing, one need
in two locales, pairs written with what is near them, queries of our own and the same written otherwise or
in a synonym, judged queries that share exact products, and misspelt queries with their corrections. Every
query brings texts that differ from it in one attribute, as negatives.
"""

from __future__ import annotations

import csv
import random as plain_random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shelfsense.locales import language_of
from shelfsense.reformulation.synonyms import synonym_sets
from shelfsense.text import model_form
from shelfsense_training.composition.contrast import Contrasts
from shelfsense_training.composition.synonym_writing import rewritten
from shelfsense_training.composition.variation import Variation
from shelfsense_training.pairs import PairSource, TextPair, is_held_out_writing
from shelfsense_training.retrieval.graded_queries import GradedQueries
from shelfsense_training.sources.lexicon import (
    ANY_LOCALE,
    read_asked,
    read_heads,
    read_nothing,
    read_written_pairs,
)
from shelfsense_training.sources.splits import Split, split_of_query

_ALSO_VARIED = 1 / 3
_WRITTEN_NEAR = 3

Text = tuple[str, str]
"""A text in model form and its locale."""

SHARES: Mapping[str, float] = {"own": 0.3, "varied": 0.45, "shared": 0.15, "spelling": 0.1}
"""Of the sources before there were synonyms and written pairs."""

PHRASING_SHARES: Mapping[str, float] = {
    "own": 0.12, "varied": 0.22, "synonyms": 0.22, "written": 0.28, "shared": 0.09, "spelling": 0.07,
}  # fmt: skip
"""Of all sources."""


@dataclass(frozen=True, slots=True)
class MeaningPair:
    """Two texts of one meaning and what is near them.

    Attributes:
        query: what a shopper might ask.
        partner: what says the same.
        near: texts that do not: negatives of both.
        meaning: pairs of equal meaning are no negatives of each other.
        weight: importance, mean about 1.
    """

    query: Text
    partner: Text
    near: tuple[Text, ...]
    meaning: str
    weight: float = 1.0


class MeaningPairs:
    """Draws pairs; a draw depends on its random source alone.

    Args:
        shared: judged queries and their partners; a fold may be kept out by `without_fold`.
        spellings: (misspelt, correction), English.
        held_out: texts (in model form, locale) that may not be drawn.
        near: texts that differ in one attribute, per pair.
        without_fold: of `shared`, -1 for none.
        shares: of the sources.
    """

    def __init__(
        self,
        shared: GradedQueries | None,
        spellings: Sequence[tuple[str, str]] = (),
        *,
        held_out: frozenset[Text] = frozenset(),
        near: int = 2,
        without_fold: int = -1,
        shares: Mapping[str, float] | None = None,
    ) -> None:
        self._own = PairSource()
        self._near = near
        self._texts = [text for text in own_texts() if text not in held_out]
        self._locales: dict[str, list[Text]] = {}
        for text in self._texts:
            self._locales.setdefault(text[1], []).append(text)
        self._names = sorted(self._locales)
        self._spellings = list(spellings)
        self._written = [pair for pair in read_written_pairs() if not is_held_out_writing(pair)]
        self._sayable = [locale for locale in self._names if synonym_sets(locale)]
        self._shared = shared
        self._pairs = [
            pair for pair in (shared.shared if shared else ()) if shared and shared.fold[pair.first] != without_fold
        ]
        sources: dict[str, Callable[[np.random.Generator], MeaningPair | None]] = {
            "own": self._own_pair,
            "varied": self._varied_pair,
            "synonyms": self._synonym_pair,
            "written": self._written_pair,
            "shared": self._shared_pair,
            "spelling": self._spelling_pair,
        }
        wanted = shares or SHARES
        self._sources = {
            name: draw
            for name, draw in sources.items()
            if wanted.get(name, 0) > 0
            and not (name == "shared" and not self._pairs)
            and not (name == "spelling" and not self._spellings)
            and not (name == "synonyms" and not self._sayable)
            and not (name == "written" and not self._written)
        }
        weights = np.array([wanted[name] for name in self._sources])
        self._weights = weights / weights.sum()

    def draw(self, random: np.random.Generator, count: int) -> list[MeaningPair]:
        """Return so many pairs, each of another meaning."""
        self._variation = Variation.from_lexicon(seed=int(random.integers(2**31)))
        self._contrasts = Contrasts.from_lexicon(seed=int(random.integers(2**31)))
        draws = list(self._sources.values())
        found: dict[str, MeaningPair] = {}
        while len(found) < count:
            pair = draws[int(random.choice(len(draws), p=self._weights))](random)
            if pair:
                found.setdefault(pair.meaning, pair)
        return list(found.values())

    def _own_pair(self, random: np.random.Generator) -> MeaningPair:
        pair: TextPair = self._own.draw(random, 1)[0]
        return self._with_near(pair.first, pair.second, f"own|{pair.group}")

    def _varied_pair(self, random: np.random.Generator) -> MeaningPair | None:
        """A text and the same written otherwise; half of the texts get an attribute first, so that both have it."""
        # Locales alike, not texts: a language with few texts has writings of its own all the same.
        members = self._locales[self._names[int(random.integers(len(self._names)))]]
        text, locale = members[int(random.integers(len(members)))]
        if random.random() < 0.5:
            changed = self._contrasts.contrasts(text, locale)
            text = _folded(changed[0].text, locale) if changed and changed[0].kind.endswith("added") else text
        variants = self._variation.variants(text, locale)
        if not variants:
            return None
        written = _folded(variants[0].text, locale)
        return self._with_near((written, locale), (text, locale), f"{locale}|{text}") if written != text else None

    def _synonym_pair(self, random: np.random.Generator) -> MeaningPair | None:
        """A text and the same in other words, one in three written otherwise besides."""
        members = self._locales[self._sayable[int(random.integers(len(self._sayable)))]]
        text, locale = members[int(random.integers(len(members)))]
        draw = plain_random.Random(int(random.integers(2**31)))  # noqa: S311 - augmentation, not a secret
        other = rewritten(rewritten(text, locale, draw), locale, draw)
        if draw.random() < _ALSO_VARIED:
            other = next((each.text for each in self._variation.variants(other, locale)), other)
        written = _folded(other, locale)
        return self._with_near((written, locale), (text, locale), f"{locale}|{text}") if written != text else None

    def _written_pair(self, random: np.random.Generator) -> MeaningPair:
        """A pair of our own, the query written otherwise now and then, with some of what is near the head."""
        pair = self._written[int(random.integers(len(self._written)))]
        query, head = _folded(pair.query, pair.locale), _folded(pair.head, pair.locale)
        if random.random() < _ALSO_VARIED:
            query = next((_folded(v.text, pair.locale) for v in self._variation.variants(query, pair.locale)), query)
        chosen = random.choice(len(pair.near), min(_WRITTEN_NEAR, len(pair.near)), replace=False).tolist()
        near = tuple((_folded(pair.near[i], pair.locale), pair.locale) for i in chosen)
        return MeaningPair((query, pair.locale), (head, pair.locale), near, f"{pair.locale}|{head}")

    def _shared_pair(self, random: np.random.Generator) -> MeaningPair:
        assert self._shared is not None
        pair = self._pairs[int(random.integers(len(self._pairs)))]
        first, second = (self._shared.texts[row] for row in random.permutation([pair.first, pair.second]))
        # No contrasts: partners often differ in an attribute themselves.
        group = int(self._shared.group[pair.first])
        return MeaningPair((first, "en"), (second, "en"), (), f"shared|{group}", importance(pair.common, pair.fewer))

    def _spelling_pair(self, random: np.random.Generator) -> MeaningPair:
        wrong, right = self._spellings[int(random.integers(len(self._spellings)))]
        return self._with_near((wrong, "en"), (right, "en"), f"en|{right}")

    def _with_near(self, query: Text, partner: Text, meaning: str) -> MeaningPair:
        near = [
            (_folded(each.text, partner[1]), partner[1])
            for each in self._contrasts.contrasts(partner[0], partner[1], self._near)
        ]
        return MeaningPair(query, partner, tuple(text for text in near if text[0] != query[0]), meaning)


def importance(common: int, fewer: int) -> float:
    """Return a pair's weight: more shared products say more, and so does a larger share of them.

    Args:
        common: exact products in common, 1 or more.
        fewer: exact products of the query that has fewer.
    """
    return 0.4 + 0.3 * min(common - 1, 2) + 0.5 * common / max(1, fewer)


def read_spellings(path: Path, split: Split) -> list[tuple[str, str]]:
    """Return (misspelt, correction), in model form, of one split by the correction."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [
            (row["query"], row["correction"]) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]
    pairs = [(model_form(wrong, "en"), model_form(right, "en")) for wrong, right in rows]
    return [(wrong, right) for wrong, right in pairs if wrong != right and split_of_query(right) is split]


def own_texts() -> list[Text]:
    """Return the texts of our own writing, in model form, but for the held-out pairs' queries."""
    return sorted({*lexicon_texts(), *written_texts()})


def lexicon_texts() -> list[Text]:
    """Return the heads, the queries written as shoppers ask, and the texts that mean no product."""
    heads = [(_folded(head.text, head.locale), head.locale) for head in read_heads()]
    asked = [(_folded(q.text, q.locale), q.locale) for q in read_asked() if q.locale != ANY_LOCALE]
    nothing = [(_folded(text, locale), locale) for text, locale in read_nothing()]
    return sorted({text for text in (*heads, *asked, *nothing) if text[0]})


def written_texts() -> list[Text]:
    """Return the texts of the written pairs that are not held out."""
    pairs = [pair for pair in read_written_pairs() if not is_held_out_writing(pair)]
    return sorted({(_folded(text, p.locale), p.locale) for p in pairs for text in (p.query, p.head, *p.near)})


def _folded(text: str, locale: str) -> str:
    return model_form(text, language_of(locale))
