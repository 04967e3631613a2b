"""Colours and materials that a text names, as values that languages and scripts share: 화이트, 흰색, white.

The table is of our own writing. A value with a question mark is what a word may mean: an orange is a
fruit, too, so it answers a colour and never asks for one; "thing" rows only look like attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from shelfsense.reformulation.attribute_spans import AttributeSpan
from shelfsense.reformulation.negation import exclusions
from shelfsense.reformulation.value_terms import named_terms, without_terms

_TABLE = Path(__file__).with_name("named_attributes.tsv")
_ATTRIBUTES = ("color", "material")
# Shops use either word for one thing; an imitation of leather is none.
_MEANT_BY = {"navy": "blue", "merino": "wool", "steel": "metal"}


def named_attribute_refusal(query: str, head: str, query_locale: str, head_locale: str) -> str:
    """Return which colour or material only one of the two names, empty where they name the same.

    Args:
        query: what was asked.
        head: what is to stand for it.
        query_locale: a tag of the bundle, or ``und``.
        head_locale: likewise; languages may differ.
    """
    asked, offered = named_attributes(query, query_locale), named_attributes(head, head_locale)
    for attribute in _ATTRIBUTES:
        ours, theirs = asked.get(attribute, frozenset()), offered.get(attribute, frozenset())
        lacking, added = _certain(ours) - _meant(theirs), _certain(theirs) - _meant(ours)
        if ours and theirs and not _meant(ours) & _meant(theirs):
            lacking = _meant(ours)
        if lacking:
            return f"{attribute} {_listed(lacking)} is missing"
        if added:
            return f"{attribute} {_listed(added)} is missing from the query"
    return ""


def spans_not_shared(
    spans: Sequence[AttributeSpan], other: str, locale: str, other_locale: str
) -> tuple[AttributeSpan, ...]:
    """Return spans without the words whose colour or material another text names in words of its own.

    Args:
        spans: of one text.
        other: the other text.
        locale: of the spans.
        other_locale: of the other text.
    """
    named = named_attributes(other, other_locale)
    shared = frozenset[str]().union(*(_meant(values) for values in named.values()))
    if not shared:
        return tuple(spans)
    every_way = shared | {word for word, meant in _MEANT_BY.items() if meant in shared}
    values = every_way | {f"{value}?" for value in every_way}
    left = []
    for span in spans:
        text = without_terms(_TABLE, span.text, locale, values) if span.kind in _ATTRIBUTES else span.text
        if any(map(str.isalnum, text)):
            left.append(span._replace(text=text))
    return tuple(left)


@lru_cache(maxsize=8192)
def named_attributes(text: str, locale: str) -> dict[str, frozenset[str]]:
    """Return the values that a text names, by attribute; what it excludes it does not name.

    Args:
        text: a query or a head.
        locale: a tag of the bundle, or ``und``.
    """
    found: dict[str, set[str]] = {}
    excluded = [one.thing for one in exclusions(text, locale)]
    for attribute, value, words in named_terms(_TABLE, text, locale):
        if attribute in _ATTRIBUTES and not any(
            thing.startswith(words) or words.startswith(thing) for thing in excluded
        ):
            found.setdefault(attribute, set()).add(value)
    return {attribute: frozenset(values) for attribute, values in found.items()}


def _certain(values: frozenset[str]) -> frozenset[str]:
    return _meant(frozenset(value for value in values if not value.endswith("?")))


def _meant(values: frozenset[str]) -> frozenset[str]:
    bare = (value.removesuffix("?") for value in values)
    return frozenset(_MEANT_BY.get(value, value) for value in bare)


def _listed(values: frozenset[str]) -> str:
    return " and ".join(sorted(values))
