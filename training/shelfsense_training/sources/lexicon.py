"""Words of the project's own writing: heads and rarer phrasings, queries as shoppers ask, texts that are none."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "lexicon"


@dataclass(frozen=True, slots=True)
class LexiconEntry:
    """A query of our own writing and what it means.

    Attributes:
        text: the query.
        locale: a bundle locale.
        type_id: its product type, of level 2 or 3.
        concept: the shopping need, shared between locales; empty outside the head lists.
        rank: editorial rank of the need, 0 = most popular; -1 where there is none.
    """

    text: str
    locale: str
    type_id: str
    concept: str = ""
    rank: int = -1


@dataclass(frozen=True, slots=True)
class AskedQuery:
    """A query of our own, written as shoppers ask.

    Attributes:
        text: the query.
        locale: a bundle locale, or `ANY_LOCALE` for a name that is the same in all of them.
        type_ids: the product types it may mean, of any level.
    """

    text: str
    locale: str
    type_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WrittenPair:
    """Two queries of our own that say the same, and what is near the second.

    Attributes:
        query: how a less usual shopper asks.
        head: what most shoppers type for it.
        near: popular queries that differ from the head in one attribute or product.
        locale: a bundle locale.
        name: of the file, which says in which writing the query is.
    """

    query: str
    head: str
    near: tuple[str, ...]
    locale: str
    name: str


ANY_LOCALE = "any"
LATIN_HINDI = "hi-IN-latn"


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def read_product_names() -> list[LexiconEntry]:
    """Return the lexicons of the locales that the taxonomy does not name."""
    return [
        LexiconEntry(row["query"], locale, row["product_type_id"])
        for locale in ("hi-IN", "ar-SA")
        for row in _rows(FOLDER / f"{locale}.tsv")
    ]


def read_heads() -> list[LexiconEntry]:
    """Return the head queries of every locale, best rank first within a locale."""
    return _read_concepts("heads")


def read_tails() -> list[LexiconEntry]:
    """Return rarer phrasings of the same needs."""
    return _read_concepts("tails")


def read_asked() -> list[AskedQuery]:
    """Return the queries written as shoppers ask, each text once per locale."""
    found: dict[tuple[str, str], AskedQuery] = {}
    for path in sorted((FOLDER / "asked").glob("*.tsv")):
        for row in _rows(path):
            types = tuple(row["product_type_ids"].split())
            for text in filter(None, map(str.strip, row["queries"].split("|"))):
                found.setdefault((text, path.stem), AskedQuery(text, path.stem, types))
    return list(found.values())


def read_nothing() -> list[tuple[str, str]]:
    """Return (text, locale) of texts that mean no product: about orders, the shop, chat, noise."""
    return [(row["text"], path.stem) for path in sorted((FOLDER / "nothing").glob("*.tsv")) for row in _rows(path)]


def read_written_pairs() -> list[WrittenPair]:
    """Return the pairs of every file, in the order of the files."""
    return [
        WrittenPair(
            row["query"],
            row["head"],
            tuple(row["near"].split(" | ")),
            "hi-IN" if path.stem == LATIN_HINDI else path.stem,
            path.stem,
        )
        for path in sorted((FOLDER / "pairs").glob("*.tsv"))
        for row in _rows(path)
    ]


def _read_concepts(kind: str) -> list[LexiconEntry]:
    concepts = {row["concept"]: (row["product_type_id"], i) for i, row in enumerate(_rows(FOLDER / "concepts.tsv"))}
    found = []
    for path in sorted((FOLDER / kind).glob("*.tsv")):
        for row in _rows(path):
            type_id, rank = concepts[row["concept"]]
            found.append(LexiconEntry(row["query"], path.stem, type_id, row["concept"], rank))
    return sorted(found, key=lambda e: (e.locale, e.rank))
