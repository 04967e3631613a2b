"""A query changed in one attribute: near in its letters, and another wish.

What a contrast is for: negatives that no shopper's behaviour has to show, and tests of the gates.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import shelfsense.reformulation
from shelfsense.locales import language_of
from shelfsense.reformulation.negation import exclusions
from shelfsense.reformulation.opposites import named_values
from shelfsense.reformulation.writing.languages import writing_of
from shelfsense.reformulation.writing.terms import read_terms
from shelfsense_training.composition.attribute_words import AttributeTerm, read_attribute_terms

KINDS = ("color", "material", "size", "audience")
"""Attributes that make another wish; quality and intent words do not."""

_UNSPACED = {"ja", "zh", "th"}
_NUMBER = re.compile(r"\d+")
_TRIES_PER_CONTRAST = 8


@dataclass(frozen=True, slots=True)
class Contrast:
    """A text that differs from its original in one attribute.

    Attributes:
        text: the changed text.
        kind: ``number``, ``negation added``, ``negation dropped``, ``opposite``, or an attribute of
            `KINDS` and ``swapped``, ``added`` or ``dropped``.
    """

    text: str
    kind: str


class Contrasts:
    """Changes queries in one attribute; every draw comes from one seeded source.

    Args:
        attributes: terms per locale.
        seed: of all draws.
    """

    def __init__(self, attributes: Mapping[str, Sequence[AttributeTerm]], *, seed: int = 0) -> None:
        self._attributes = {
            locale: tuple(term for term in terms if term.kind in KINDS) for locale, terms in attributes.items()
        }
        self._draw = random.Random(seed)  # noqa: S311 - augmentation, not a secret

    @classmethod
    def from_lexicon(cls, *, seed: int = 0) -> Contrasts:
        """Use the project's own attribute words."""
        return cls(read_attribute_terms(), seed=seed)

    def contrasts(self, text: str, locale: str, count: int = 1) -> list[Contrast]:
        """Return up to `count` different texts that each differ in one attribute, fewer where there are no more.

        Args:
            text: a query.
            locale: a bundle locale.
            count: how many at most.
        """
        changes = self._changes(text, locale)
        found: dict[str, Contrast] = {}
        for _ in range(count * _TRIES_PER_CONTRAST if changes else 0):
            if len(found) >= count:
                break
            kind, change = self._draw.choice(changes)
            changed = " ".join(change().split())
            if changed and changed != text:
                found.setdefault(changed, Contrast(changed, kind))
        return list(found.values())

    def _changes(self, text: str, locale: str) -> list[tuple[str, Callable[[], str]]]:
        changes: list[tuple[str, Callable[[], str]]] = []
        if _NUMBER.search(text):
            # Numbers are what vectors confuse most: drawn as often as all else together.
            changes += [("number", partial(self._other_number, text))] * 3
        terms = self._attributes.get(locale, ())
        present = [(term, match) for term in terms for match in _found(term.word, text, language_of(locale))]
        for term, match in present:
            others = [each.word for each in terms if each.kind == term.kind and each.word != term.word]
            if others:
                changes.append((f"{term.kind} swapped", partial(self._swapped, text, match, others)))
            changes.append((f"{term.kind} dropped", partial(_put, text, match, "")))
        named = {term.kind for term, _ in present} | set(named_values(text, locale))
        for kind in KINDS:
            fitting = [term for term in terms if term.kind == kind and not _said(term.word, text)]
            if kind not in named and fitting:
                changes.append((f"{kind} added", partial(self._added, text, fitting, locale)))
        return [*changes, *self._negations(text, locale), *self._opposites(text, locale)]

    def _other_number(self, text: str) -> str:
        match = self._draw.choice(list(_NUMBER.finditer(text)))
        length = min(len(match[0]), 9)
        low, high = (1 if length == 1 else 10 ** (length - 1)), 10**length - 1
        near = int(match[0][-length:]) + self._draw.choice((-2, -1, 1, 2, 3))
        number = near if low <= near <= high and self._draw.random() < 0.6 else self._draw.randint(low, high)
        return _put(text, match, match[0][:-length] + str(number))

    def _swapped(self, text: str, match: re.Match[str], others: Sequence[str]) -> str:
        return _put(text, match, self._draw.choice(others))

    def _added(self, text: str, terms: Sequence[AttributeTerm], locale: str) -> str:
        term = self._draw.choice(terms)
        space = "" if language_of(locale) in _UNSPACED else " "
        return f"{term.word}{space}{text}" if term.before else f"{text}{space}{term.word}"

    def _negations(self, text: str, locale: str) -> Iterator[tuple[str, Callable[[], str]]]:
        before, after = _negators(writing_of(locale))
        words = text.split(" ")
        space = "" if language_of(locale) in _UNSPACED else " "
        if exclusions(text, locale):
            matches = [m for negator in (*before, *after) for m in _found(negator, text, language_of(locale))]
            if matches:
                yield "negation dropped", partial(_put, text, matches[0], "")
        elif len(words) > 1 and not _NUMBER.search(words[-1]) and before:
            yield "negation added", partial(" ".join, [*words[:-1], f"{before[0]}{space}{words[-1]}"])
        elif len(words) > 1 and not _NUMBER.search(words[0]) and after:
            yield "negation added", partial(" ".join, [f"{words[0]}{space}{after[0]}", *words[1:]])

    def _opposites(self, text: str, locale: str) -> Iterator[tuple[str, Callable[[], str]]]:
        for term, others in _opposites(writing_of(locale)).items():
            for match in _found(term, text, language_of(locale)):
                yield "opposite", partial(self._swapped, text, match, others)


def _found(term: str, text: str, language: str) -> Iterator[re.Match[str]]:
    if term not in text:
        return iter(())
    return _whole(term, unspaced=language in _UNSPACED).finditer(text)


@lru_cache(maxsize=4096)
def _whole(term: str, *, unspaced: bool) -> re.Pattern[str]:
    return re.compile(re.escape(term) if unspaced else rf"(?<!\S){re.escape(term)}(?!\S)")


def _said(word: str, text: str) -> bool:
    """Return whether a text says a word already, in another of its endings ("schwarze", "schwarz")."""
    return (word[:4] if len(word) > 5 else word[:3]).lower() in text.lower()


def _put(text: str, match: re.Match[str], word: str) -> str:
    return f"{text[: match.start()]}{word}{text[match.end() :]}"


@lru_cache(maxsize=64)
def _negators(language: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the plain words that exclude what follows them, and those that exclude what precedes."""
    found: dict[str, tuple[str, ...]] = {}
    for row in read_terms(_tables() / "negations.tsv"):
        if row["language"] == language and row["kind"] in {"before", "after"}:
            found[row["kind"]] = tuple(row["terms"].split(" | "))
    return found.get("before", ()), found.get("after", ())


@lru_cache(maxsize=64)
def _opposites(language: str) -> dict[str, tuple[str, ...]]:
    """Return each term that has an opposite, and the first term of every other value of its attribute."""
    rows = [row for row in read_terms(_tables() / "opposites.tsv") if row["language"] == language]
    plain = [
        (row["attribute"], row["value"], [t for t in row["terms"].split(" | ") if not t.endswith("*")]) for row in rows
    ]
    return {
        term: others
        for attribute, value, terms in plain
        if attribute != "audience"
        and (others := tuple(t[0] for a, v, t in plain if a == attribute and v != value and t))
        for term in terms
    }


def _tables() -> Path:
    return Path(shelfsense.reformulation.__file__).parent
