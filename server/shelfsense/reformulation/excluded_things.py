"""Things that shoppers exclude, under one name for all their words: शुगर and चीनी are both sugar."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from shelfsense.reformulation.writing.terms import folded_terms, read_terms

_TABLE = Path(__file__).with_name("excluded_things.tsv")


@lru_cache(maxsize=2048)
def known_thing(excluded: str) -> str:
    """Return the name of an excluded thing, empty where the table does not know it.

    Args:
        excluded: in folded letters of whatever language.
    """
    terms = _terms()
    starts = (f"{excluded[:length]}*" for length in range(len(excluded), 2, -1))
    return terms.get(excluded) or next((terms[start] for start in starts if start in terms), "")


@lru_cache(maxsize=1)
def _terms() -> dict[str, str]:
    return {term: row["thing"] for row in read_terms(_TABLE) for term in folded_terms(row["terms"], row["language"])}
