"""The form in which two texts' letters are compared: as they sound, numbers in digits, every synonym as one of its set.

Words that only link ("for", "wala", の) are left out: what they link stays, in whatever order.

For a figure of likeness, never for identity.
"""

from __future__ import annotations

import re
from functools import lru_cache

from shelfsense.reformulation.number_words import fold_number_words
from shelfsense.reformulation.synonyms import synonym_sets
from shelfsense.reformulation.term_table import TermTable
from shelfsense.reformulation.writing.languages import writing_of
from shelfsense.reformulation.writing.loose_form import loose_form
from shelfsense.reformulation.writing.match_form import spaced_words
from shelfsense.reformulation.writing.terms import anywhere
from shelfsense.text import normal_form


@lru_cache(maxsize=32768)
def compared_form(text: str, locale: str) -> str:
    """Return a text's `loose_form`, numbers in digits, each synonym replaced by the first of its set, links left out.

    Args:
        text: a query or a head.
        locale: a tag of the bundle, or ``und``.
    """
    language = writing_of(locale)
    table = _table(language)
    text = _without_links(fold_number_words(normal_form(text)), language)
    if table is None:
        return loose_form(text, locale)
    terms, first_of = table
    form, written, done = _sought(text, language), [], 0
    for start, end in terms.find(form):
        written += [form[done:start], first_of[form[start:end]]]
        done = end
    return "".join([*written, form[done:]])


_LINKS = {
    language: frozenset(words.split())
    for language, words in {
        "hi": "का की के को में से वाला वाली वाले लिए और ka ki ke ko me mein se wala wali wale vala vali vale liye aur k",
        "ko": "의 용",
    }.items()
}
_JOINED_LINKS = {"ja": re.compile("(?<=[^の])の(?=.)"), "th": re.compile("สำหรับ")}


def _without_links(text: str, language: str) -> str:
    if language in _JOINED_LINKS:
        return _JOINED_LINKS[language].sub(" ", text)
    links = _LINKS.get(language)
    if links is None:
        return text
    left = [word for word in text.split() if word not in links]
    return " ".join(left) or text


def _sought(text: str, language: str) -> str:
    """Return a text's loose form, its words apart where the language parts them."""
    if anywhere(language):
        return loose_form(text, language)
    return " ".join(loose_form(word, language) for word in spaced_words(text, language).split(" "))


@lru_cache(maxsize=64)
def _table(language: str) -> tuple[TermTable, dict[str, str]] | None:
    """Return a language's terms in their loose form, and what each is read as; None where it has none."""
    first_of: dict[str, str] = {}
    for each in synonym_sets(language):
        first = _sought(each.terms[0], language)
        for term in each.terms:
            first_of.setdefault(_sought(term, language), first)
    first_of.pop("", None)
    return (TermTable(first_of, language), first_of) if first_of else None
