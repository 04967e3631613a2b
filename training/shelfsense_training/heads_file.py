"""Reads a shop's own head queries: ``query, locale, volume`` in CSV, TSV or Parquet.

Queries with personal data are left out: a head is shown to other shoppers.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from shelfsense.errors import InputRefused, InvalidQuery
from shelfsense.locales import UNDETERMINED, Locales
from shelfsense.reformulation.head_index import Head
from shelfsense.text import normal_form
from shelfsense_training.onboarding.personal_data import personal_data

COLUMNS = ("query", "locale", "volume")


@dataclass(frozen=True, slots=True)
class HeadsFile:
    """What a file of heads held.

    Attributes:
        heads: each query of a locale once.
        rows: rows read.
        dropped: rows left out by what they hold: ``e-mail``, ``card`` or ``phone``.
    """

    heads: list[Head]
    rows: int
    dropped: Mapping[str, int]

    @property
    def merged(self) -> int:
        """How many rows went into the head of an earlier one."""
        return self.rows - sum(self.dropped.values()) - len(self.heads)

    def __str__(self) -> str:
        dropped = sum(self.dropped.values())
        why = f" ({', '.join(f'{kind} {count:,}' for kind, count in sorted(self.dropped.items()))})" if dropped else ""
        return f"{self.rows:,} rows read, {self.merged:,} merged, {dropped:,} dropped{why}"


def read_heads_file(path: Path, locales: Sequence[str]) -> HeadsFile:
    """Return the heads of a file; of equal queries of one locale the volumes are added up.

    Args:
        path: the file; its suffix says which form.
        locales: the bundle's; a row's tag is resolved to one of them.

    Raises:
        InputRefused: naming the line, the fact and the remedy.
    """
    resolver = Locales(locales)
    found: dict[tuple[str, str], Head] = {}
    rows, dropped = 0, Counter[str]()
    for line, row in _rows(path):
        rows += 1
        place = f"{path}: line {line}"
        locale = _locale(resolver, row["locale"], place)
        if not row["query"].strip():
            raise InputRefused(f"{place}: query is empty; remove the row")
        volume = _volume(row["volume"], place)
        kind = personal_data(row["query"])
        if kind:
            dropped[kind] += 1
            continue
        key = (normal_form(row["query"]), locale)
        volume += found[key].volume if key in found else 0.0
        found[key] = Head(query=row["query"].strip(), locale=locale, volume=volume)
    if not found:
        raise InputRefused(f"{path}: holds no heads; give it rows of query, locale, volume without personal data")
    return HeadsFile(list(found.values()), rows, dropped)


def _locale(resolver: Locales, tag: str, place: str) -> str:
    try:
        locale = resolver.resolve(tag).tag
    except InvalidQuery as error:
        raise InputRefused(f"{place}: {error}") from error
    if locale == UNDETERMINED:
        raise InputRefused(f"{place}: locale {tag!r} is not one of the bundle's; remove or map the row")
    return locale


def _volume(text: str, place: str) -> float:
    try:
        volume = float(text)
    except ValueError:
        volume = -1.0
    if not math.isfinite(volume) or volume < 0:
        raise InputRefused(f"{place}: volume {text!r} is no number of 0 or more; write the searches of the query")
    return volume


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield rows with their line (Parquet: row) number, values as text."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        _require(path, table.column_names)
        for number, row in enumerate(table.select(list(COLUMNS)).to_pylist(), start=1):
            yield number, {name: "" if row[name] is None else str(row[name]) for name in COLUMNS}
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        _require(path, reader.fieldnames or [])
        for row in reader:
            yield reader.line_num, {name: row[name] or "" for name in COLUMNS}


def _require(path: Path, columns: Sequence[str]) -> None:
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise InputRefused(f"{path}: lacks the column {missing[0]} (it has {', '.join(columns)}); add it")
