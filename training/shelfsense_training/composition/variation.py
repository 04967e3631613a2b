"""The same query written otherwise: as other shoppers of the same language would type it.

Digits are never touched: a variant has the numbers of its text, in their order. What a variant is for:
pairs that mean the same by construction, in training and in tests of robustness.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from shelfsense.locales import language_of
from shelfsense.reformulation.negation import exclusions
from shelfsense_training.composition.attribute_words import AttributeTerm, read_attribute_terms
from shelfsense_training.composition.slips import typo
from shelfsense_training.composition.spellings import SPELLINGS, Spelling, everywhere
from shelfsense_training.composition.word_splitting import split_word
from shelfsense_training.sources.lexicon import read_heads

_JOINING = {"de", "nl", "sv", "da", "nb", "fi", "hu", "ko", "th", "ja", "zh"}
_HYPHENED = {"de", "nl", "sv", "da", "nb", "en", "fr", "es", "pt", "it"}
_UNSPACED = {"th", "ja", "zh"}
_TRIES_PER_VARIANT = 6


@dataclass(frozen=True, slots=True)
class Variant:
    """A text that means what its original means.

    Attributes:
        text: written otherwise.
        kind: what was done to it ("kana", "joined", "slip", ...).
    """

    text: str
    kind: str


class Variation:
    """Writes queries otherwise; every draw comes from one seeded source.

    Args:
        vocabulary: words per locale, for parting compounds; none are parted without.
        attributes: words per locale that may stand before or after a product's name.
        seed: of all draws.
    """

    def __init__(
        self,
        vocabulary: Mapping[str, frozenset[str]] | None = None,
        attributes: Mapping[str, Iterable[AttributeTerm]] | None = None,
        *,
        seed: int = 0,
    ) -> None:
        self._vocabulary = vocabulary or {}
        self._movable = {
            locale: frozenset(term.word for term in terms if term.kind in {"color", "audience", "material", "quality"})
            for locale, terms in (attributes or {}).items()
        }
        self._draw = random.Random(seed)  # noqa: S311 - augmentation, not a secret

    @classmethod
    def from_lexicon(cls, *, seed: int = 0) -> Variation:
        """Use the words of the project's own head queries and attribute list."""
        vocabulary: dict[str, set[str]] = {}
        for entry in read_heads():
            vocabulary.setdefault(entry.locale, set()).update(w for w in entry.text.lower().split() if len(w) >= 2)
        frozen = {locale: frozenset(words) for locale, words in vocabulary.items()}
        return cls(frozen, read_attribute_terms(), seed=seed)

    def variants(self, text: str, locale: str, count: int = 1) -> list[Variant]:
        """Return up to `count` different writings of a text, fewer where there are no more to be found.

        Args:
            text: a query.
            locale: a bundle locale.
            count: how many at most.
        """
        ways = self._ways(locale)
        found: dict[str, Variant] = {}
        for _ in range(count * _TRIES_PER_VARIANT):
            if len(found) >= count:
                break
            kind, write = self._draw.choice(ways)
            written = " ".join(write(text, self._draw).split())
            if written and written != text:
                found.setdefault(written, Variant(written, kind))
        return list(found.values())

    def _ways(self, locale: str) -> list[tuple[str, Spelling]]:
        language = language_of(locale)
        ways: list[tuple[str, Spelling]] = [*everywhere(language), *SPELLINGS.get(language, ())]
        if language not in _UNSPACED:
            ways.append(("slip", typo))
            ways.append(("order", self._for(self._reordered, locale)))
        if language in _JOINING:
            ways.append(("joined", _joined))
            ways.append(("parted", self._for(self._parted, locale)))
        if language in _HYPHENED:
            ways.append(("hyphen", _hyphened))
        return ways

    def _for(self, write: Callable[[str, str, random.Random], str], locale: str) -> Spelling:
        return lambda text, draw: write(text, locale, draw)

    def _parted(self, text: str, locale: str, draw: random.Random) -> str:
        vocabulary = self._vocabulary.get(locale, frozenset())
        words = text.split(" ")
        order = list(range(len(words)))
        draw.shuffle(order)
        for at in order:
            parts = split_word(words[at], vocabulary, linking=language_of(locale) == "de")
            if parts:
                words[at] = (" " if draw.random() < 0.7 or language_of(locale) in _UNSPACED | {"ko"} else "-").join(
                    parts
                )
                break
        return " ".join(words)

    def _reordered(self, text: str, locale: str, draw: random.Random) -> str:
        """Move one attribute from one end to the other; a text that excludes something keeps its order."""
        del draw
        words = text.split(" ")
        movable = self._movable.get(locale, frozenset())
        if len(words) < 2 or exclusions(text, locale):
            return text
        if words[0].lower() in movable:
            return " ".join([*words[1:], words[0]])
        if words[-1].lower() in movable and not any(map(str.isdecimal, words[-2])):
            return " ".join([words[-1], *words[:-1]])
        return text


def _joined(text: str, draw: random.Random) -> str:
    """Drop one space, never one beside a digit or a single letter."""
    words = text.split(" ")
    places = _joinable(words)
    if not places:
        return text
    at = draw.choice(places)
    return " ".join([*words[:at], words[at] + words[at + 1], *words[at + 2 :]])


def _hyphened(text: str, draw: random.Random) -> str:
    """Put a hyphen for one space, or a space for one hyphen, never beside a digit."""
    if "-" in text:
        at = text.index("-")
        beside = text[max(0, at - 1) : at] + text[at + 1 : at + 2]
        return text if any(map(str.isdecimal, beside)) else f"{text[:at]} {text[at + 1 :]}"
    words = text.split(" ")
    places = _joinable(words)
    if not places:
        return text
    at = draw.choice(places)
    return " ".join([*words[:at], f"{words[at]}-{words[at + 1]}", *words[at + 2 :]])


def _joinable(words: list[str]) -> list[int]:
    """Return where a word and the next may be joined: a word after a number may be its unit."""
    free = [_joins(word) and (i == 0 or _joins(words[i - 1])) for i, word in enumerate(words)]
    return [i for i in range(len(words) - 1) if free[i] and free[i + 1]]


def _joins(word: str) -> bool:
    return len(word) > 1 and not any(map(str.isdecimal, word))
