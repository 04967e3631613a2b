"""Words that shoppers of one language use for the same thing: couch and sofa, ノイキャン and ノイズキャンセリング.

Tables of our own writing, one a language, in which a term stands in one set only. A set says that its
terms may replace each other in nearly every query.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from shelfsense.reformulation.term_table import TermTable
from shelfsense.reformulation.writing.languages import writing_of
from shelfsense.reformulation.writing.terms import read_terms
from shelfsense.text import normal_form

_TABLES = Path(__file__).with_name("synonyms")


@dataclass(frozen=True, slots=True)
class SynonymSet:
    """Terms for one thing.

    Attributes:
        kind: ``product``, ``attribute``, ``unit``, ``brand`` or ``phrase``.
        terms: 2 or more in normal form, the one that popular queries use first.
    """

    kind: str
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FoundTerm:
    """A term where it stands in a text.

    Attributes:
        start: its first letter.
        end: behind its last.
        term: as it is written.
        among: the set that it is of.
    """

    start: int
    end: int
    term: str
    among: SynonymSet


@lru_cache(maxsize=64)
def synonym_sets(locale: str) -> tuple[SynonymSet, ...]:
    """Return the sets of a locale's language, none where it has no table."""
    path = _TABLES / f"{writing_of(locale)}.tsv"
    if not path.exists():
        return ()
    return tuple(
        SynonymSet(row["kind"], tuple(map(normal_form, row["terms"].split(" | ")))) for row in read_terms(path)
    )


def found_terms(text: str, locale: str) -> list[FoundTerm]:
    """Return the terms of a text that can be said otherwise, first to last, the longest where several begin.

    Args:
        text: in normal form or model form.
        locale: a tag of the bundle, or ``und``.
    """
    table = _table(writing_of(locale))
    if table is None:
        return []
    terms, sets = table
    return [FoundTerm(start, end, text[start:end], sets[text[start:end]]) for start, end in terms.find(text)]


@lru_cache(maxsize=8192)
def in_first_terms(text: str, locale: str) -> str:
    """Return a text with every term replaced by the first of its set.

    Args:
        text: a query or a head.
        locale: a tag of the bundle, or ``und``.
    """
    text = normal_form(text)
    written, done = [], 0
    for found in found_terms(text, locale):
        written += [text[done : found.start], found.among.terms[0]]
        done = found.end
    return "".join([*written, text[done:]])


def words_of_things(locale: str) -> frozenset[str]:
    """Return the terms of a locale's language that name no brand, and the words that they are made of.

    Args:
        locale: a tag of the bundle, or ``und``.
    """
    return _words_of_things(writing_of(locale))


@lru_cache(maxsize=64)
def _words_of_things(language: str) -> frozenset[str]:
    sets = synonym_sets(language)
    brands = {word for each in sets if each.kind == "brand" for term in each.terms for word in (term, *term.split())}
    things = {word for each in sets if each.kind != "brand" for term in each.terms for word in (term, *term.split())}
    return frozenset(things - brands)


@lru_cache(maxsize=64)
def _table(language: str) -> tuple[TermTable, dict[str, SynonymSet]] | None:
    sets: dict[str, SynonymSet] = {}
    for each in synonym_sets(language):
        for term in each.terms:
            sets.setdefault(term, each)
    return (TermTable(sets, language), sets) if sets else None
