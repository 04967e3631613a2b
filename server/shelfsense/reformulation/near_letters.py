"""Heads whose letters are near a query's, whatever their vectors: a misspelling, Hindi in Latin letters, a synonym.

An index of letters beside the head index, made when it is loaded, and again for what is added. It names
heads by their words, so that a removed head is not found. Knows no vectors.
"""

from __future__ import annotations

import pyarrow as pa

from shelfsense.reformulation.compared_form import compared_form
from shelfsense.reformulation.hashed_rows import HashedRows
from shelfsense.reformulation.head_index import HeadIndex
from shelfsense.reformulation.head_parts import HeadParts
from shelfsense.reformulation.letter_index import LetterIndex
from shelfsense.reformulation.writing.gram_overlap import gram_overlap

_LOOKED_AT = 3
"""Times as many texts as are wanted are compared in full: the index counts a gram once, and reads so many."""


class NearLetters:
    """Finds heads by their letters.

    Any number of threads may ask while others change the index.

    Args:
        heads: the index.
    """

    def __init__(self, heads: HeadIndex) -> None:
        self._parts = HeadParts(heads, _part)

    def find(self, text: str, locale: str, k: int, least: float) -> list[str]:
        """Return the queries of the k heads of a locale that share most letters with a text, most first.

        Args:
            text: a query of the locale's language.
            locale: a tag.
            k: 1 or more.
            least: `gram_overlap` of the compared forms that a head needs, 0 to 1.
        """
        form = compared_form(text, locale)
        found: list[tuple[float, str]] = []
        for queries, (letters, _) in self._parts.of(locale):
            if letters.small:
                found += [(share, queries[row].as_py()) for row, share in letters.nearest(form, k) if share >= least]
                continue
            for row, _ in letters.nearest(form, _LOOKED_AT * k):
                query = queries[row].as_py()
                overlap = gram_overlap(form, compared_form(query, locale))
                if overlap >= least:
                    found.append((overlap, query))
        found.sort(key=lambda each: -each[0])
        return [query for _, query in found[:k]]

    def of_same_words(self, text: str, locale: str) -> list[str]:
        """Return the queries of the heads of a locale that have the very words of a text, in synonyms or another order.

        Args:
            text: a query of the locale's language.
            locale: a tag.
        """
        form = compared_form(text, locale)
        if not form:
            return []
        key = _key(form)
        found = [queries[row].as_py() for queries, (_, words) in self._parts.of(locale) for row in words.find(key)]
        return [query for query in found if same_words(form, compared_form(query, locale))]


def same_words(one: str, other: str) -> bool:
    """Tell whether two compared forms have the same words, in whatever order."""
    return len(one) == len(other) and (one == other or _key(one) == _key(other))


def _key(form: str) -> str:
    return " ".join(sorted(form.split()))


def _part(queries: pa.StringArray, locale: str) -> tuple[LetterIndex, HashedRows]:
    forms = [compared_form(query, locale) for query in queries.to_pylist()]
    return LetterIndex.of(forms), HashedRows.of(map(_key, forms))
