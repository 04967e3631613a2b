"""The gate of colours, brands, materials and units: what one text names, the other must name too.

Compares words of one language; across languages it has nothing to say, and neither of a word whose script
the other text does not use: "oral-b" and "オーラルb" are one brand. Numbers are `attribute_refusal`'s to
compare. Knows nothing of the network.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from shelfsense.reformulation.attribute_spans import AttributeSpan
from shelfsense.reformulation.gates import unit_of
from shelfsense.reformulation.number_words import is_number_word
from shelfsense.reformulation.same_word import same_word
from shelfsense.reformulation.synonyms import words_of_things
from shelfsense.reformulation.writing.languages import COMPOUNDING, UNSPACED, writing_of
from shelfsense.reformulation.writing.match_form import match_form, spaced_words
from shelfsense.text import normal_form

MARKED_BY_PEOPLE = ("en",)
"""Languages whose queries people have marked: only there the network's word is good for all kinds."""

# Elsewhere colours and materials are looked up (`named_attributes`), and sizes are told by their numbers.
_KINDS_EVERYWHERE = ("brand", "product number")
_NO_VALUE = frozenset(["size", "sized"])
_SHORTEST_NAME = 3
# Scripts in which the network cuts words to pieces; a name in Han letters or Hangul may have two.
_IN_PIECES = re.compile("[\u0900-\u097f\u0e00-\u0e7f\u3040-\u30ff]")
_SHORTEST_PART = 4  # of a compound: "rot" ends "brot"
# "红色" and "红", "赤い" and "赤", "สีแดง" and "แดง": the word that says "colour", and an ending.
_LAST = {"zh": ("色",), "ja": ("いろ", "色", "い", "の"), "ko": ("색",)}
_FIRST = {"th": ("สี",)}


def attribute_span_refusal(
    query_spans: Sequence[AttributeSpan],
    query_text: str,
    head_spans: Sequence[AttributeSpan],
    head_text: str,
    locale: str,
) -> str:
    """Refuse a head that drops, adds or changes a colour, a brand, a material, a unit or a quantity.

    Args:
        query_spans: what the query names.
        query_text: the query.
        head_spans: what the head names; none where nobody knows.
        head_text: what is to stand for the query.
        locale: of the head; the query is of the same language.
    """
    for spans, text, where in ((query_spans, head_text, ""), (head_spans, query_text, " from the query")):
        for span in spans:
            if _comparable(span, text, locale) and not _names(text, span, locale):
                return f"{span.kind} {span.text} is missing{where}"
    return ""


def _comparable(span: AttributeSpan, text: str, locale: str) -> bool:
    if span.kind == "brand" and not _may_be_brand(span.text, locale):
        return False
    if writing_of(locale) not in MARKED_BY_PEOPLE and span.kind not in _KINDS_EVERYWHERE:
        return False
    return bool(_scripts(span.text) & _scripts(text))


def _may_be_brand(text: str, locale: str) -> bool:
    """Tell what a table knows as something else, and pieces of words, from names."""
    form = normal_form(text)
    if len(form) < _SHORTEST_NAME and _IN_PIECES.match(form):
        return False
    return form not in words_of_things(locale)


def _scripts(text: str) -> set[str]:
    """Return the scripts of a text's letters, by the first word of their Unicode names."""
    return {unicodedata.name(c, "?").split(" ")[0] for c in text if c.isalpha()}


def _names(text: str, span: AttributeSpan, locale: str) -> bool:
    language = writing_of(locale)
    if language in UNSPACED:
        form = _joined(text, locale)
        sought = [_joined(word, locale) for word in span.text.split() if not _is_number(word)]
        return all(any(part in form for part in _bare(word, language)) for word in sought)
    words = spaced_words(text, locale).split()
    sought = [word for word in spaced_words(span.text, locale).split() if any(map(str.isalnum, word))]
    sought = [word for word in sought if not _is_number(word)]
    if all(any(_same(word, other, locale, language) for other in words) for word in sought):
        return True
    joined = match_form(span.text, locale) if language in COMPOUNDING else ""
    return len(joined) >= _SHORTEST_PART and joined in match_form(text, locale)


def _same(word: str, other: str, locale: str, language: str) -> bool:
    if same_word(word, other, locale) or unit_of(word) == unit_of(other):
        return True
    return language in COMPOUNDING and len(word) >= _SHORTEST_PART and (other.startswith(word) or other.endswith(word))


def _is_number(word: str) -> bool:
    # "Queen size" is "queen".
    return any(map(str.isdecimal, word)) or is_number_word(word) or word in _NO_VALUE


def _joined(text: str, locale: str) -> str:
    return match_form(text, locale).replace(" ", "")


def _bare(form: str, language: str) -> list[str]:
    """Return the forms of which one must be there."""
    found = [form]
    found += [form.removesuffix(last) for last in _LAST.get(language, ()) if form != last]
    found += [form.removeprefix(first) for first in _FIRST.get(language, ()) if form != first]
    return found
