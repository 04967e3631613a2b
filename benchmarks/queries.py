"""The queries that are asked: the project's own head and tail lists, read as plain files."""

from __future__ import annotations

import csv
import math
import random

from benchmarks.finding import ROOT, BenchmarkFailed
from shelfsense.query import Query

_LISTS = ROOT / "training" / "shelfsense_training" / "lexicon"


def sample_queries(count: int, *, seed: int = 0) -> list[Query]:
    """Return different queries in a random order, equally many of each locale, give or take one.

    Raises:
        BenchmarkFailed: the lists hold fewer.
    """
    by_locale = _by_locale()
    chance = random.Random(seed)
    share = math.ceil(count / max(1, len(by_locale)))
    chosen = [query for queries in by_locale.values() for query in chance.sample(queries, min(share, len(queries)))]
    if len(chosen) < count:
        raise BenchmarkFailed(f"{_LISTS} holds only {len(chosen)} queries for an even sample of {count}")
    chance.shuffle(chosen)
    return chosen[:count]


def _by_locale() -> dict[str, list[Query]]:
    found: dict[str, dict[str, Query]] = {}
    for kind in ("heads", "tails"):
        for path in sorted((_LISTS / kind).glob("*.tsv")):
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                    found.setdefault(path.stem, {})[row["query"]] = Query(row["query"], path.stem)
    return {locale: list(queries.values()) for locale, queries in found.items()}
