"""The attribute words of the project's own writing, with what kind of attribute each is."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache

from shelfsense_training.sources.lexicon import FOLDER


@dataclass(frozen=True, slots=True)
class AttributeTerm:
    """A word that shoppers add to a product's name.

    Attributes:
        kind: ``color``, ``audience``, ``material``, ``quality``, ``size`` or ``intent``.
        word: as shoppers of its locale write it.
        before: whether it stands before the name.
    """

    kind: str
    word: str
    before: bool


@lru_cache(maxsize=1)
def read_attribute_terms() -> dict[str, tuple[AttributeTerm, ...]]:
    """Return the terms of each locale, in the order of the file."""
    terms: dict[str, list[AttributeTerm]] = {}
    with (FOLDER / "attributes.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            terms.setdefault(row["locale"], []).append(
                AttributeTerm(row["kind"], row["word"], row["place"] == "before")
            )
    return {locale: tuple(found) for locale, found in terms.items()}
