"""How many real queries are heads of the bundle, word for word: what answers kept ahead would serve."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from shelfsense.errors import InvalidQuery
from shelfsense.query import Query
from shelfsense.understander import Understander
from shelfsense_training.sources.judged_queries import read_judged_queries


def real_traffic(folder: Path) -> Iterator[tuple[str, list[Query]]]:
    """Yield the name of a query set and its queries, one per row: a query that was asked more often counts so.

    Args:
        folder: the data folder.
    """
    judged = read_judged_queries(folder)
    yield "query_category, 10 languages", [Query(each.text, each.locale, truncate=True) for each in judged]
    with (folder / "esci_us" / "queries.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        yield "esci_us", [Query(row["query"], "en", truncate=True) for row in rows]
    lines = (folder / "taobao_zh" / "queries.txt").read_text(encoding="utf-8").splitlines()
    yield "taobao_zh", [Query(line, "zh-CN", truncate=True) for line in lines if line.strip()]


def known_shares(understander: Understander, queries: Iterable[Query]) -> Mapping[str, float]:
    """Return how many queries there are, and the share that are heads of their locale: of all, and of different ones."""
    asked: dict[tuple[str, str], int] = {}
    for query in queries:
        try:
            found = understander.normalise(query)
        except InvalidQuery:
            continue  # nobody could have asked it
        key = (found.locale, found.normal_form)
        asked[key] = asked.get(key, 0) + 1
    known = {key: count for key, count in asked.items() if understander.heads.exact(key[0], [key[1]])}
    total = sum(asked.values())
    return {
        "queries": total,
        "different": len(asked),
        "share": sum(known.values()) / max(1, total),
        "share_of_different": len(known) / max(1, len(asked)),
    }
