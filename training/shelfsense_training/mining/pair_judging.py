"""Judges mined pairs against the simulator's needs: precision and recall by traffic, and whether importance pays.

A pair is right where both queries have one need. Queries of all locales together are ordered by popularity; ten equal
shares of them are the deciles, and a pair belongs to the decile of its rarer query. Recall counts all pairs of queries
with one need, mined or not: of a need with n queries that is n (n - 1) / 2, so `reached` also says which share of
the queries that have a partner got a right one. Queries merged before mining count as not mined.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shelfsense.errors import InputRefused
from shelfsense.text import normal_form

_Key = tuple[str, str]
_PAIRS = ("query_a", "query_b", "locale", "importance")
_NEEDS = ("query", "locale", "need", "popularity")
DECILES, QUARTILES = 10, 4


class _Pair(NamedTuple):
    """A mined pair of known queries; `fault` is empty where it is right, else what differs."""

    head: _Key
    tail: _Key
    importance: float
    decile: int
    quartile: int
    fault: Literal["", "variant", "types"]


def judge_pairs(pairs: Path, needs: Path) -> dict[str, Any]:
    """Compare pairs with the truth of reformulation.

    Args:
        pairs: Parquet with `_PAIRS` columns, as mining writes it.
        needs: Parquet ``needs(query, locale, need, popularity)``, a need being types, a slash and a variant.

    Returns:
        Figures under ``all``, ``importance_quartiles`` (of all pairs, the least important first), ``deciles`` (the
        most popular first, each with its own part of the ``importance_quartiles``) and ``by_locale``, and the number
        of pairs with a query that the truth does not hold. Figures are ``pairs``, ``precision``,
        ``weighted_precision`` (by importance), ``other_variant`` and ``other_types`` (pairs that are wrong by the
        attribute alone, or by type), and but for quartiles ``true_pairs``, ``recall``, ``queries_with_a_partner``
        and ``reached``. A figure without denominator is null.

    Raises:
        InputRefused: when a file cannot be read or lacks a column.
    """
    truth = _Truth.read(_rows(needs, _NEEDS))
    mined, unknown = _mined(_rows(pairs, _PAIRS), truth)
    reached = {key for pair in mined if not pair.fault for key in (pair.head, pair.tail)}

    def figures(chosen: list[_Pair], keys: list[_Key]) -> dict[str, Any]:
        return _precision(chosen) | _recall(chosen, keys, truth, reached)

    by_decile: list[list[_Pair]] = [[pair for pair in mined if pair.decile == i] for i in range(DECILES)]
    return {
        "pairs_of_unknown_queries": unknown,
        "all": figures(mined, list(truth.need)),
        "importance_quartiles": _quartiles(mined),
        "deciles": [
            figures(chosen, [key for key, decile in truth.decile.items() if decile == i])
            | {"importance_quartiles": _quartiles(chosen)}
            for i, chosen in enumerate(by_decile)
        ],
        "by_locale": {
            name: figures([p for p in mined if p.head[0] == name], [key for key in truth.need if key[0] == name])
            for name in sorted({locale for locale, _ in truth.need})
        },
    }


@dataclass(frozen=True, slots=True)
class _Truth:
    """The truth by (locale, normal form).

    Attributes:
        need: of each query.
        rank: 0 for the most popular; equal popularity by locale and query.
        decile: 0 holds the most popular.
        heads: how many more popular queries of its need and locale each query has.
        partners: how many queries of its need and locale there are beside it.
    """

    need: dict[_Key, str]
    rank: dict[_Key, int]
    decile: dict[_Key, int]
    heads: dict[_Key, int]
    partners: dict[_Key, int]

    @classmethod
    def read(cls, rows: list[dict[str, Any]]) -> _Truth:
        popularity: dict[_Key, float] = defaultdict(float)
        need: dict[_Key, str] = {}
        for row in rows:
            key = (row["locale"], normal_form(row["query"]))
            popularity[key] += row["popularity"]
            need[key] = row["need"]
        ordered = sorted(need, key=lambda key: (-popularity[key], key))
        seen: dict[_Key, int] = defaultdict(int)
        heads: dict[_Key, int] = {}
        for key in ordered:
            heads[key] = seen[key[0], need[key]]
            seen[key[0], need[key]] += 1
        return cls(
            need,
            {key: i for i, key in enumerate(ordered)},
            {key: i * DECILES // len(ordered) for i, key in enumerate(ordered)},
            heads,
            {key: seen[key[0], need[key]] - 1 for key in ordered},
        )


def _mined(rows: list[dict[str, Any]], truth: _Truth) -> tuple[list[_Pair], int]:
    """Return the pairs of known queries, each once, and the number of the others."""
    found: dict[tuple[_Key, _Key], float] = {}
    unknown = 0
    for row in rows:
        one, other = ((row["locale"], normal_form(row[name])) for name in ("query_a", "query_b"))
        if one not in truth.need or other not in truth.need:
            unknown += 1
        elif one != other:
            head, tail = sorted((one, other), key=truth.rank.__getitem__)
            found[head, tail] = max(row["importance"], found.get((head, tail), 0.0))
    order = np.argsort(list(found.values()), kind="stable") if found else np.zeros(0, dtype=np.int64)
    quartile = np.empty(len(found), dtype=np.int64)
    quartile[order] = np.arange(len(found)) * QUARTILES // max(len(found), 1)
    return [
        _Pair(head, tail, importance, truth.decile[tail], int(part), _fault(truth.need[head], truth.need[tail]))
        for ((head, tail), importance), part in zip(found.items(), quartile, strict=True)
    ], unknown


def _fault(one: str, other: str) -> Literal["", "variant", "types"]:
    if one == other:
        return ""
    return "variant" if one.partition("/")[0] == other.partition("/")[0] else "types"


def _quartiles(mined: Sequence[_Pair]) -> list[dict[str, Any]]:
    return [_precision([pair for pair in mined if pair.quartile == part]) for part in range(QUARTILES)]


def _precision(mined: Sequence[_Pair]) -> dict[str, Any]:
    right = [pair for pair in mined if not pair.fault]
    weight = sum(pair.importance for pair in mined)
    return {
        "pairs": len(mined),
        "precision": len(right) / len(mined) if mined else None,
        "weighted_precision": sum(pair.importance for pair in right) / weight if weight else None,
        "other_variant": sum(pair.fault == "variant" for pair in mined),
        "other_types": sum(pair.fault == "types" for pair in mined),
    }


def _recall(mined: Sequence[_Pair], keys: Sequence[_Key], truth: _Truth, reached: set[_Key]) -> dict[str, Any]:
    true = sum(truth.heads[key] for key in keys)
    paired = [key for key in keys if truth.partners[key]]
    return {
        "true_pairs": true,
        "recall": sum(not pair.fault for pair in mined) / true if true else None,
        "queries_with_a_partner": len(paired),
        "reached": sum(key in reached for key in paired) / len(paired) if paired else None,
    }


def _rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    if not path.is_file():
        raise InputRefused(f"{path}: there is no such file")
    try:
        names = pq.read_schema(path).names
        missing = [name for name in columns if name not in names]
        if missing:
            raise InputRefused(f"{path}: there is no column '{missing[0]}'; the columns are: {', '.join(names)}")
        rows: list[dict[str, Any]] = pq.read_table(path, columns=list(columns)).to_pylist()
    except pa.ArrowException as error:
        raise InputRefused(f"{path}: cannot be read as Parquet ({error})") from error
    return rows
