"""Real shoppers' queries, where the data sets lie beside the checkout; none of them is part of the project."""

from __future__ import annotations

import csv
import random

from shelfsense.errors import InputRefused
from shelfsense.query import Query
from shelfsense_training.sources.data_folder import data_folder

_FILE = "query_category/judgements.csv"


def real_queries(count: int, *, seed: int = 0) -> tuple[list[Query], str] | None:
    """Return so many different real queries in a random order and what they are of, None where there is no data."""
    try:
        path = data_folder() / _FILE
        with path.open(encoding="utf-8", newline="") as file:
            found = sorted({(row["query"], row["language"]) for row in csv.DictReader(file)})
    except (InputRefused, FileNotFoundError):
        return None
    chance = random.Random(seed)
    chosen = chance.sample(found, min(count, len(found)))
    return [Query(text, language, truncate=True) for text, language in chosen], "query_category, every language"
