"""Many terms found in a short text, by looking letters up: an alternation of thousands takes a millisecond.

Terms are whole words where a language parts its words, also ends of a compound where it joins them, and
stand anywhere where it writes no spaces.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from shelfsense.reformulation.writing.languages import COMPOUNDING
from shelfsense.reformulation.writing.terms import anywhere

_SHORTEST_ANYWHERE = 2
_SHORTEST_PART = {"ko": 2, "th": 3}
"""Letters from which on a term counts as part of a word; in a Thai text without spaces two are too often others."""
_SHORTEST_COMPOUND_PART = 5


class TermTable:
    """Terms of one language.

    Args:
        terms: as they stand in the texts that are searched.
        language: a subtag.
    """

    def __init__(self, terms: Iterable[str], language: str) -> None:
        self._terms = frozenset(filter(None, terms))
        lengths: dict[str, set[int]] = {}
        for term in self._terms:
            lengths.setdefault(term[0], set()).add(len(term))
        self._lengths = {first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()}
        self._anywhere = anywhere(language)
        self._joins = language in COMPOUNDING or language == "ko"
        default = _SHORTEST_ANYWHERE if self._anywhere else _SHORTEST_COMPOUND_PART
        self._shortest = _SHORTEST_PART.get(language, default)

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where terms stand, first to last, the longest where several begin; none overlap."""
        at, last = 0, len(text)
        while at < last:
            end = self._longest(text, at)
            if end:
                yield at, end
                at = end
            else:
                at += 1

    def _longest(self, text: str, at: int) -> int:
        begins = not at or _apart(text[at - 1])
        if not (begins or self._anywhere or self._joins):
            return 0
        for length in self._lengths.get(text[at], ()):
            end = at + length
            if end <= len(text) and text[at:end] in self._terms and self._stands(text, at, end, begins=begins):
                return end
        return 0

    def _stands(self, text: str, at: int, end: int, *, begins: bool) -> bool:
        ends = end == len(text) or _apart(text[end])
        if begins and ends:
            return True
        long = end - at >= self._shortest
        if self._anywhere:
            # A Latin word is one even there.
            word = text[at:end]
            if not word.isascii():
                return long
            before, after = text[at - 1 : at], text[end : end + 1]
            return not (_latin(before) and _latin(word[0])) and not (_latin(after) and _latin(word[-1]))
        return self._joins and long and (begins or ends)


def _latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


@lru_cache(maxsize=8192)
def _apart(character: str) -> bool:
    """Return whether a character parts words: letters, digits and the marks of a letter do not."""
    inside = character.isalnum() or character in _MARKS or unicodedata.category(character)[0] == "M"
    return not inside


_MARKS = frozenset("'’")
