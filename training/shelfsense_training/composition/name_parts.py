"""Taxonomy names taken apart: merchandisers write "Hats, Caps & Beanies", shoppers one of them."""

from __future__ import annotations

import re

# The words that join alternatives in a name, over the languages of the taxonomy.
_AND = r"and|und|et|y|e|en|og|och|ja|és|i|a|si|și|ve|och|và|dan|ir|in|και|и|και|및|と|和|与|及"
_SEPARATORS = re.compile(rf"\s*(?:[,&/、・;]|\s(?:{_AND})\s)\s*", re.IGNORECASE)
_BRACKETS = re.compile(r"\s*[(（\[].*?[)）\]]\s*")
_CONNECTED = re.compile(r"^-|-$")


def name_parts(name: str) -> list[str]:
    """Return the alternatives a name lists, the whole name first and nothing twice.

    A part that begins or ends with a hyphen leans on its neighbour ("Buchständer & -stützen")
    and is left out.
    """
    plain = _BRACKETS.sub(" ", name).strip()
    parts = [part.strip() for part in _SEPARATORS.split(plain)]
    whole = [part for part in parts if len(part) > 1 and not _CONNECTED.search(part)]
    return list(dict.fromkeys([name, plain, *whole]))
