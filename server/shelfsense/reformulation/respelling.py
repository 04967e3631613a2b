"""A query with its slips put right by the head it is compared with: "whte" beside "white" names that colour.

A word that names a colour, a material, an audience or an opposite by itself is no slip, whatever stands
beside it. Knows nothing of gates.
"""

from __future__ import annotations

from shelfsense.reformulation.named_attributes import named_attributes
from shelfsense.reformulation.opposites import named_values
from shelfsense.reformulation.same_word import one_slip

_SHORTEST = 4
_SHORTEST_RIGHT = 5


def respelt(query: str, head: str, locale: str) -> str:
    """Return the query, each of its words that is one slip from a word of the head alone written as the head has it.

    Args:
        query: what was asked, in normal form.
        head: what is to stand for it, in normal form.
        locale: of both.
    """
    words, others = query.split(" "), head.split(" ")
    right = [word for word in others if word not in words and len(word) >= _SHORTEST_RIGHT and word.isalpha()]
    if not right:
        return query
    return " ".join(_respelt(word, right, locale) if word not in others else word for word in words)


def _respelt(word: str, right: list[str], locale: str) -> str:
    if len(word) < _SHORTEST or not word.isalpha():
        return word
    found = next((other for other in right if one_slip(word, other)), None)
    if found is None or named_attributes(word, locale) or named_values(word, locale):
        return word
    return found
