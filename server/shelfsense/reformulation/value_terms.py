"""Tables of words that name a value of an attribute, and where a text has them.

A table has the columns language, attribute, value and terms; language ``any`` holds where no other is set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from shelfsense.reformulation.writing.languages import writing_of
from shelfsense.reformulation.writing.terms import folded_terms, read_terms, searched_text, term_pattern

# English words stand in every shop's queries; Vietnamese has words of its own that look like them.
_ENGLISH_TOO = {"hi": ("en",), "vi": ()}


class NamedValue(NamedTuple):
    """A term of a table as a text has it.

    Attributes:
        attribute: ``color``.
        value: ``red``.
        words: as they are searched.
    """

    attribute: str
    value: str
    words: str


def named_terms(table: Path, text: str, locale: str) -> Iterator[NamedValue]:
    """Yield the terms of a table that a text has, in order, the longest where several begin.

    Args:
        table: a path.
        text: a query or a head.
        locale: a tag of the bundle, or ``und``.
    """
    values, pattern = table_terms(table, writing_of(locale))
    for match in pattern.finditer(searched_text(text, locale)):
        yield NamedValue(*_value(values, match[0]), match[0])


def without_terms(table: Path, text: str, locale: str, values: frozenset[str]) -> str:
    """Return what is left of a text, folded, without the terms for some values."""
    known, pattern = table_terms(table, writing_of(locale))
    left = pattern.sub(
        lambda match: " " if _value(known, match[0])[1] in values else match[0], searched_text(text, locale)
    )
    return " ".join(left.split())


@lru_cache(maxsize=256)
def table_terms(table: Path, language: str) -> tuple[dict[str, tuple[str, str]], re.Pattern[str]]:
    """Return a language's terms, each with its attribute and value, and the pattern that finds them."""
    # The language's own meaning goes before that of a guest.
    values: dict[str, tuple[str, str]] = {}
    for one in (language, *_ENGLISH_TOO.get(language, ("any",))):
        for row in read_terms(table):
            if row["language"] == one:
                for term in folded_terms(row["terms"], language):
                    values.setdefault(term, (row["attribute"], row["value"]))
    return values, term_pattern(values, language)


def _value(values: dict[str, tuple[str, str]], found: str) -> tuple[str, str]:
    if found in values:
        return values[found]
    length = next(n for n in range(len(found), 0, -1) if f"{found[:n]}*" in values)
    return values[f"{found[:length]}*"]
