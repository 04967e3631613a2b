"""Composes shopper queries for a product name: attributes in the language's order, slips, parents.

A composed query means the same product type as the name it is built on; a word that narrows it
("red", "for men", "cheap") does not change the type.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shelfsense.locales import language_of
from shelfsense.text import model_form
from shelfsense_training.composition.name_parts import name_parts
from shelfsense_training.composition.slips import slip

_ATTRIBUTES = Path(__file__).resolve().parents[1] / "lexicon" / "attributes.tsv"
_UNSPACED = {"ja", "zh", "th"}
# Attribute families of the taxonomy that shoppers put in queries, whatever the product.
FAMILIES = ("Color", "Material", "Pattern", "Size", "Target gender", "Age group", "Style", "Fabric", "Shape")


@dataclass(frozen=True, slots=True)
class AttributeWord:
    """A word that shoppers add to a product name, and on which side of it."""

    word: str
    before: bool


class Composer:
    """Builds queries for names; every draw comes from one seeded source.

    Args:
        words: attribute words per locale.
        seed: of all draws.
    """

    def __init__(self, words: Mapping[str, Sequence[AttributeWord]], *, seed: int = 0) -> None:
        self._words = words
        self._draw = random.Random(seed)  # noqa: S311 - augmentation, not a secret

    @classmethod
    def from_lexicon(cls, values: Mapping[str, Mapping[str, Sequence[str]]], *, seed: int = 0) -> Composer:
        """Use the project's attribute words, and the taxonomy's values where a locale has them.

        Args:
            values: locale to attribute family to values.
            seed: of all draws.
        """
        words: dict[str, list[AttributeWord]] = {}
        with _ATTRIBUTES.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                words.setdefault(row["locale"], []).append(AttributeWord(row["word"], row["place"] == "before"))
        for locale, families in values.items():
            # The place of a taxonomy value is that of the language's colours, its commonest attribute.
            before = sum(w.before for w in words[locale][:6]) >= 3
            short = [v for family in FAMILIES for v in families.get(family, ()) if len(v) <= 20]
            words[locale].extend(AttributeWord(model_form(v, language_of(locale)), before) for v in short)
        return cls(words, seed=seed)

    def plain(self, name: str, locale: str) -> str:
        """Return a name as a query: one of its parts, lower case."""
        language = language_of(locale)
        parts = name_parts(name, language)
        chosen = parts[0] if self._draw.random() < 0.5 else self._draw.choice(parts)
        return model_form(chosen, language)

    def compose(self, name: str, parent: str, locale: str) -> str:
        """Return a longer or sloppier query for a name.

        Args:
            name: the category's own name.
            parent: the name above it; sometimes added, as shoppers do to be understood.
            locale: a bundle locale.
        """
        query = self.plain(name, locale)
        if parent and self._draw.random() < 0.15:
            query = self._join(query, self.plain(parent, locale), locale, before=self._draw.random() < 0.3)
        for _ in range(self._draw.choice((0, 1, 1, 1, 2))):
            query = self.with_attribute(query, locale)
        return self.with_slip(query, locale, share=0.3)

    def with_attribute(self, query: str, locale: str) -> str:
        """Return the query with one more attribute word, on the side its language puts it."""
        words = self._words.get(locale)
        if not words:
            return query
        chosen = self._draw.choice(words)
        before = chosen.before if self._draw.random() < 0.85 else not chosen.before
        return self._join(query, chosen.word, locale, before=before)

    def with_slip(self, query: str, locale: str, *, share: float) -> str:
        """Return the query, in a share of cases with one slip."""
        if self._draw.random() >= share:
            return query
        return slip(query, language_of(locale), self._draw)

    def _join(self, query: str, word: str, locale: str, *, before: bool) -> str:
        space = "" if language_of(locale) in _UNSPACED and self._draw.random() < 0.5 else " "
        return f"{word}{space}{query}" if before else f"{query}{space}{word}"
