"""Heads that are the same words otherwise written: "t-shirt" and "t shirt", "スニーカー" and "すにーかー".

A table of match forms beside the head index, made when it is loaded, and again for what is added. It names
heads by their words and asks the index for them, so that a removed head is not found. Knows no vectors.
N heads of one part.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from operator import is_

import pyarrow as pa

from shelfsense.reformulation.hashed_rows import HashedRows
from shelfsense.reformulation.head import HeadMatch
from shelfsense.reformulation.head_index import HeadIndex
from shelfsense.reformulation.writing.match_form import match_form
from shelfsense.text import normal_form


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The match forms of some heads of a locale.

    Attributes:
        queries: (N,) as their shop writes them.
        forms: the rows by their match forms.
    """

    queries: pa.StringArray
    forms: HashedRows

    @classmethod
    def of(cls, queries: pa.StringArray, locale: str) -> _Part:
        return cls(queries, HashedRows.of(match_form(query, locale) for query in queries.to_pylist()))

    def find(self, form: str, locale: str) -> list[str]:
        found = [self.queries[row].as_py() for row in self.forms.find(form)]
        return [query for query in found if match_form(query, locale) == form]


class WrittenAlike:
    """Finds heads by match form.

    Any number of threads may ask while others change the index.

    Args:
        heads: the index.
    """

    def __init__(self, heads: HeadIndex) -> None:
        self._heads = heads
        self._parts: dict[str, tuple[_Part, ...]] = {}
        for locale in heads.locales:
            self._current(locale)

    def find(self, text: str, locale: str, *, beside: Collection[str] = ()) -> list[HeadMatch]:
        """Return the heads of a locale whose match form is that of a text, each with score 1.

        Args:
            text: a query of the locale's language.
            locale: a tag.
            beside: normal forms whose heads are known already, and left out.
        """
        form = match_form(text, locale)
        if not form:
            return []
        queries = [query for part in self._current(locale) for query in part.find(form, locale)]
        others = [other for other in map(normal_form, queries) if other not in beside]
        return self._heads.exact(locale, others) if others else []

    def _current(self, locale: str) -> tuple[_Part, ...]:
        known = self._parts.get(locale, ())
        queries = self._heads.queries(locale)
        if len(known) != len(queries) or not all(map(is_, [part.queries for part in known], queries)):
            made = {id(part.queries): part for part in known}
            # Replaced as a whole: of two threads that come at once both are right.
            known = tuple(made.get(id(part)) or _Part.of(part, locale) for part in queries)
            self._parts[locale] = known
        return known
