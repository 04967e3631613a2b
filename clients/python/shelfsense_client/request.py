"""What a caller asks, in plain Python; `wire.py` turns it into messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypedDict

MAX_BATCH_QUERIES = 1024
"""Most queries the service takes in one BatchUnderstand."""

_MAX_BATCH_BYTES = 2 * 1024 * 1024
"""Most text put into one call, in bytes: half of the 4 MiB that a gRPC server accepts by default."""


class AnswerOptions(TypedDict, total=False):
    """Keyword options of an answer; what is left out takes the service's default.

    Attributes:
        top_k: product types of each level, 1 to 100 (5).
        max_reformulations: reformulations at most, 0 to 50 (3).
        precise: rank reformulations with the cross-encoder where the bundle has one; slower (False).
        cross_locale: look for heads in sister locales where the query's own has none (False).
        include_refused: also return reformulations that were refused, with the reason (False).
    """

    top_k: int
    max_reformulations: int
    precise: bool
    cross_locale: bool
    include_refused: bool


class ReformulateOptions(TypedDict, total=False):
    """The options of `AnswerOptions` that reformulations know."""

    max_reformulations: int
    precise: bool
    cross_locale: bool
    include_refused: bool


@dataclass(frozen=True, slots=True)
class Query:
    """What a shopper typed, and in which store.

    Attributes:
        text: up to 1 KiB of UTF-8 and 64 tokens; bytes go over unread, so that broken UTF-8 from a log
            is an error of this query alone.
        locale: the store's BCP 47 tag; empty when unknown.
        truncate: cut a longer text and mark the answer, instead of having it refused.
    """

    text: str | bytes
    locale: str = ""
    truncate: bool = False

    @property
    def size(self) -> int:
        """Most bytes the text can take on the wire."""
        return len(self.text) if isinstance(self.text, bytes) else 4 * len(self.text)


def batches(queries: Iterable[Query]) -> Iterator[list[Query]]:
    """Split queries into calls the service accepts, in order: at most 1,024 queries and 2 MiB of text each."""
    batch: list[Query] = []
    size = 0
    for query in queries:
        if batch and (len(batch) == MAX_BATCH_QUERIES or size + query.size > _MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(query)
        size += query.size
    if batch:
        yield batch
