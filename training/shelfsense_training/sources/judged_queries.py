"""Real judged queries of a large marketplace, mapped onto the default tree.

The mapping is `query_category_map.tsv`, of the project's own writing: each category prefix to at
most three acceptable level-2 nodes in at most two verticals; the longest prefix decides. A judged
path without a prefix has no acceptable node: asked about, it counts as a miss.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from shelfsense.text import normal_form
from shelfsense_training.sources.splits import Split, split_of_query

LOCALE_OF_LANGUAGE = {
    "ar": "ar-SA", "de": "de", "en": "en", "es": "es", "fr": "fr",
    "it": "it", "ja": "ja", "ko": "ko", "pl": "pl", "pt": "pt-BR",
}  # fmt: skip
MAPPING = Path(__file__).with_name("query_category_map.tsv")

_COMMA_IN_NAME = {"sports shoes,clothing&accessories", "kitchen,dining & bar"}
_SEPARATOR = re.compile(r",(?! )")


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query with one judged category.

    Attributes:
        text: as typed.
        locale: the bundle locale of its language.
        category: the marketplace's path, root first.
        relevant: the judgement.
        acceptable: ids of level-2 nodes the category maps onto; empty where unmapped.
        split: by normalised query.
    """

    text: str
    locale: str
    category: tuple[str, ...]
    relevant: bool
    acceptable: tuple[str, ...]
    split: Split


def split_category(path: str) -> tuple[str, ...]:
    """Split a category path at the commas that separate nodes."""
    for name in _COMMA_IN_NAME:
        path = path.replace(name, name.replace(",", "\0"))
    return tuple(part.replace("\0", ",") for part in _SEPARATOR.split(path))


def read_mapping(path: Path = MAPPING) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Read the mapping table: category prefix to acceptable level-2 ids."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {tuple(r["prefix"].split(" > ")): tuple(r["product_type_ids"].split()) for r in rows}


def acceptable_nodes(category: tuple[str, ...], mapping: dict[tuple[str, ...], tuple[str, ...]]) -> tuple[str, ...]:
    """Return the nodes of the longest prefix that the mapping knows, empty for none."""
    for length in range(len(category), 0, -1):
        if category[:length] in mapping:
            return mapping[category[:length]]
    return ()


def read_judged_queries(folder: Path) -> list[JudgedQuery]:
    """Read and map all judgements of ``query_category``."""
    mapping = read_mapping()
    with (folder / "query_category" / "judgements.csv").open(encoding="utf-8", newline="") as file:
        found = []
        for row in csv.DictReader(file):
            category = split_category(row["category_path"])
            found.append(
                JudgedQuery(
                    row["query"],
                    LOCALE_OF_LANGUAGE[row["language"]],
                    category,
                    row["label"] == "1",
                    acceptable_nodes(category, mapping),
                    split_of_query(row["query"]),
                )
            )
    return found


def duplicates(queries: list[JudgedQuery]) -> Counter[str]:
    """Count judgements per normalised query."""
    return Counter(normal_form(q.text) for q in queries)
