"""Something made once of each part of a locale's heads, and again only for what was put together anew.

N heads of one part.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Generic, TypeVar

import pyarrow as pa

from shelfsense.reformulation.head_index import HeadIndex

Made = TypeVar("Made")


class HeadParts(Generic[Made]):
    """Keeps what was made of each part.

    Any number of threads may ask while others change the index.

    Args:
        heads: the index.
        make: makes it of the queries (N,) of one part and their locale.
    """

    def __init__(self, heads: HeadIndex, make: Callable[[pa.StringArray, str], Made]) -> None:
        self._heads = heads
        self._make = make
        self._parts: dict[str, tuple[tuple[pa.StringArray, Made], ...]] = {}
        for locale in heads.locales:
            self.of(locale)

    def of(self, locale: str) -> tuple[tuple[pa.StringArray, Made], ...]:
        """Return each part's queries and what was made of them."""
        known = self._parts.get(locale, ())
        queries = self._heads.queries(locale)
        if len(known) != len(queries) or not all(map(is_, [part for part, _ in known], queries)):
            made = {id(part): found for part, found in known}
            # Replaced as a whole: of two threads that come at once both are right.
            known = tuple((part, made[id(part)] if id(part) in made else self._make(part, locale)) for part in queries)
            self._parts[locale] = known
        return known
