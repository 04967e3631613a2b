"""Words that name who or what a thing is for, and their opposites: a wired mouse is no wireless one.

Who a thing is for must be the same, and silence is not the same as a name: curtains are not for women.
Opposites conflict only where both texts name one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from shelfsense.reformulation.value_terms import named_terms, table_terms
from shelfsense.reformulation.writing.languages import writing_of

_TABLE = Path(__file__).with_name("opposites.tsv")
_AUDIENCE = "audience"
# Shoppers join them to what stands before: 운동화여자.
_KOREAN_WITHIN = re.compile("(?<=[가-힣])(?<!유)(여성|여자|남성|남자|어린이|아동)")
# A girl is a child, and in most languages a cot for babies is a child's bed.
_WITHIN = {"girls": "children", "boys": "children", "babies": "children"}


def audience_refusal(query: str, head: str, query_locale: str, head_locale: str) -> str:
    """Return why the head is for others than the query says, empty where it is not.

    Args:
        query: what was asked.
        head: what is to stand for it.
        query_locale: a tag of the bundle, or ``und``.
        head_locale: likewise; languages may differ.
    """
    asked = named_values(query, query_locale).get(_AUDIENCE, frozenset())
    offered = named_values(head, head_locale).get(_AUDIENCE, frozenset())
    if asked == offered or _widened(asked) & offered or asked & _widened(offered):
        return ""
    if not asked:
        return f"is for {_listed(offered)}, the query does not say so"
    if not offered:
        return f"does not say that it is for {_listed(asked)}"
    return f"is for another audience: {_listed(offered)}, not {_listed(asked)}"


def opposite_refusal(query: str, head: str, query_locale: str, head_locale: str) -> str:
    """Return in what the head says the opposite of the query, empty where it does not or one does not say.

    Args:
        query: what was asked.
        head: what is to stand for it.
        query_locale: a tag of the bundle, or ``und``.
        head_locale: likewise; languages may differ.
    """
    asked, offered = named_values(query, query_locale), named_values(head, head_locale)
    for attribute in asked:
        if attribute != _AUDIENCE and attribute in offered and not asked[attribute] & offered[attribute]:
            return f"says the opposite: {_listed(offered[attribute])}, not {_listed(asked[attribute])}"
    return ""


@lru_cache(maxsize=8192)
def named_values(text: str, locale: str) -> dict[str, frozenset[str]]:
    """Return what a text names: attribute to its values (``audience`` to ``women``, ``cord`` to ``wired``).

    Args:
        text: a query or a head.
        locale: a tag of the bundle, or ``und``.
    """
    found: dict[str, set[str]] = {}
    if writing_of(locale) == "ko":
        text = _KOREAN_WITHIN.sub(r" \1", text)
    for attribute, value, _ in named_terms(_TABLE, text, locale):
        if value:  # a "thing" row has none: it only looks like a name
            found.setdefault(attribute, set()).add(value)
    return {attribute: frozenset(named) for attribute, named in found.items()}


def without_cord_terms(language: str) -> list[str]:
    """Return the terms of a language for things that need no cord; they exclude nothing."""
    return [term for term, (_, value) in table_terms(_TABLE, language)[0].items() if value == "wireless"]


def _widened(values: frozenset[str]) -> frozenset[str]:
    return values | {_WITHIN[value] for value in values if value in _WITHIN}


def _listed(values: frozenset[str]) -> str:
    return " and ".join(sorted(values))
