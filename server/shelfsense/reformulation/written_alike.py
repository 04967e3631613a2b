"""Heads that are the same words otherwise written: "t-shirt" and "t shirt", "スニーカー" and "すにーかー".

A table of match forms beside the head index, made when it is loaded, and again for what is added. It names
heads by their words and asks the index for them, so that a removed head is not found. Knows no vectors.
N heads of one part.
"""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from shelfsense.reformulation.hashed_rows import HashedRows
from shelfsense.reformulation.head import HeadMatch
from shelfsense.reformulation.head_index import HeadIndex
from shelfsense.reformulation.head_parts import HeadParts
from shelfsense.reformulation.writing.match_form import match_form
from shelfsense.text import normal_form


class WrittenAlike:
    """Finds heads by match form.

    Any number of threads may ask while others change the index.

    Args:
        heads: the index.
    """

    def __init__(self, heads: HeadIndex) -> None:
        self._heads = heads
        self._forms = HeadParts(heads, _forms)

    def find(self, text: str, locale: str, *, beside: Collection[str] = ()) -> list[HeadMatch]:
        """Return the heads of a locale whose match form is that of a text, each with score 1.

        Args:
            text: a query of the locale's language.
            locale: a tag.
            beside: normal forms whose heads are known already, and left out.
        """
        form = match_form(text, locale)
        if not form:
            return []
        found = [queries[row].as_py() for queries, forms in self._forms.of(locale) for row in forms.find(form)]
        others = [normal_form(query) for query in found if match_form(query, locale) == form]
        others = [other for other in others if other not in beside]
        return self._heads.exact(locale, others) if others else []


def _forms(queries: pa.StringArray, locale: str) -> HashedRows:
    return HashedRows.of(match_form(query, locale) for query in queries.to_pylist())
