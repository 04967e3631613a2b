"""Taxonomy names taken apart: merchandisers write "Hats, Caps & Beanies", shoppers one of them."""

from __future__ import annotations

import re

# The words that join alternatives in a name, over the languages of the taxonomy.
_AND = r"and|und|et|y|e|en|og|och|ja|és|i|a|si|și|ve|och|và|dan|ir|in|και|и|και|및|と|和|与|及"
_SEPARATORS = re.compile(rf"\s*(?:[,&/、・;]|\s(?:{_AND})\s)\s*", re.IGNORECASE)
_BRACKETS = re.compile(r"\s*[(（\[].*?[)）\]]\s*")
_CONNECTED = re.compile(r"^-|-$")


_UNSPACED = {"ja", "zh", "th"}


def name_parts(name: str, language: str) -> list[str]:
    """Return the alternatives a name lists, the whole name first and nothing twice.

    "Hats, Caps & Beanies" lists three products, "Phone & Data Jacks" one: parts count only where
    every one is a single word, and in languages without spaces only where there are three or more.
    A part that begins or ends with a hyphen leans on its neighbour ("Buchständer & -stützen").
    """
    plain = _BRACKETS.sub(" ", name).strip()
    parts = [part.strip() for part in _SEPARATORS.split(plain)]
    enough = len(parts) >= 3 if language in _UNSPACED else not any(" " in part for part in parts)
    listed = [part for part in parts if len(part) > 1 and not _CONNECTED.search(part)] if enough else []
    return list(dict.fromkeys([name, plain, *listed]))
