"""What is asked: real queries, some of them again and again, as requests that are ready to send.

Real queries come from ``../shared/data/query_category``, and so do their lengths; where it is absent, the
project's own lists stand in for them. No text leaves this process but to the server that is measured.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np

from benchmarks.finding import ROOT
from benchmarks.queries import sample_queries
from shelfsense.query import Query
from shelfsense.v1 import query_understanding_pb2 as pb

JUDGEMENTS = ROOT.parent / "shared" / "data" / "query_category" / "judgements.csv"
"""Real queries of a marketplace, ten languages."""

_LOCALES = {"pt": "pt-BR", "ar": "ar-SA"}  # of languages that are no locale of the bundle by themselves
_OWN = 6000
_OFTEN = 512
_ZIPF = 1.0  # query frequencies of search logs fall about as 1 / rank (Baeza-Yates et al., SIGIR 2007)


def load_queries(path: Path = JUDGEMENTS, *, seed: int = 0) -> tuple[list[Query], str]:
    """Return different queries in a random order, and where they are from, in words."""
    if not path.exists():
        return sample_queries(_OWN, seed=seed), "the project's own head and tail lists"
    with path.open(encoding="utf-8", newline="") as file:
        found = {Query(row["query"], _locale(row["language"])): None for row in csv.DictReader(file)}
    queries = [each for each in found if 0 < len(each.text.encode()) <= 200]
    random.Random(seed).shuffle(queries)
    return queries, "real queries of `query_category`, ten languages"


def _locale(language: str) -> str:
    return _LOCALES.get(language, language)


class QueryMix:
    """Requests of which a share asks for what was asked before.

    Args:
        queries: different queries; the first of them are those asked often, the others are asked once each,
            and from the first on again when they run out.
        hits: the share of requests for queries asked often, 0 to 1.
        seed: of the order.
    """

    def __init__(self, queries: Sequence[Query], *, hits: float = 0.0, seed: int = 0) -> None:
        often = min(_OFTEN, len(queries) // 4) if hits else 0
        self._hits = hits
        self._chance = np.random.default_rng(seed)
        self._often = list(queries[:often])
        self._once: Iterator[Query] = cycle(queries[often:])
        weights = 1 / np.arange(1, often + 1) ** _ZIPF
        self._weights = weights / weights.sum() if often else weights

    def often(self) -> list[bytes]:
        """Return a request for each query asked often, to fill a cache with."""
        return [understand_request(each) for each in self._often]

    def queries(self, count: int) -> list[Query]:
        """Draw queries."""
        again = self._chance.random(count) < self._hits
        ranks = self._chance.choice(len(self._often), count, p=self._weights) if self._hits else np.zeros(count, int)
        return [self._often[rank] if hit else next(self._once) for hit, rank in zip(again, ranks, strict=True)]

    def requests(self, count: int) -> list[bytes]:
        """Draw requests of `Understand`."""
        return [understand_request(each) for each in self.queries(count)]

    def batches(self, count: int, size: int) -> list[bytes]:
        """Draw requests of `BatchUnderstand`."""
        return [batch_request(self.queries(size)) for _ in range(count)]


def understand_request(query: Query) -> bytes:
    """Return the bytes of an `UnderstandRequest`."""
    return pb.UnderstandRequest(query=pb.Query(text=query.text, locale=query.locale)).SerializeToString()


def batch_request(queries: Sequence[Query]) -> bytes:
    """Return the bytes of a `BatchUnderstandRequest`."""
    messages = [pb.Query(text=each.text, locale=each.locale) for each in queries]
    return pb.BatchUnderstandRequest(queries=messages).SerializeToString()
