"""A head, a popular query as the head index holds it, and a head that was found. Knows neither vectors nor files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from shelfsense.errors import InputRefused

SCHEMA = pa.schema(
    [
        ("locale", pa.string()),
        ("query", pa.string()),
        ("volume", pa.float64()),
        ("volume_is_estimate", pa.bool_()),
        ("product_type", pa.string()),
        ("attributes", pa.string()),
    ]
)
"""The table of heads; files from before there were attributes lack that column."""


@dataclass(frozen=True, slots=True)
class Head:
    """A query with enough traffic to have reliable behaviour of its own.

    Attributes:
        query: as its shop writes it.
        locale: a tag of the bundle.
        volume: searches, in a unit of the list's own; 0 or more.
        volume_is_estimate: the volume is an editorial rank, not a count.
        product_type: id of the type it means; empty when unknown.
        attributes: what it asks of the product, in a short form for machines; empty when unknown.
    """

    query: str
    locale: str
    volume: float
    volume_is_estimate: bool = False
    product_type: str = ""
    attributes: str = ""


class HeadMatch(NamedTuple):
    """A head that a search found.

    Attributes:
        row: its number in the index, its own for as long as the index is loaded.
        query: as its shop writes it.
        locale: the locale whose head it is.
        volume: searches, in a unit of the list's own.
        volume_is_estimate: the volume is an editorial rank, not a count.
        product_type: id of the type it means; empty when unknown.
        score: cosine with what was asked, 0 to 1; 1 for the same words.
        exact: found by its words, not by its vector.
        attributes: what it asks of the product, in a short form for machines; empty when unknown.
    """

    row: int
    query: str
    locale: str
    volume: float
    volume_is_estimate: bool
    product_type: str
    score: float
    exact: bool = False
    attributes: str = ""


def check_heads(heads: Sequence[Head]) -> None:
    """Refuse heads that no search could find or rank.

    Raises:
        InputRefused: naming the head.
    """
    for head in heads:
        if not head.query.split() or not head.locale or not is_volume(head.volume):
            raise InputRefused(f"head index: {head} needs words, a locale and a volume of 0 or more")


def is_volume(volume: float) -> bool:
    """Return whether a number can be a volume: 0 or more, and finite."""
    return math.isfinite(volume) and volume >= 0


def head_table(heads: Sequence[Head]) -> pa.Table:
    """Return heads as a table of `SCHEMA`, in their order."""
    columns = [[getattr(head, name) for head in heads] for name in SCHEMA.names]
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], SCHEMA)
