"""Judges mined labels against a truth table: precision and recall by traffic.

A pair (query, type) of a locale is true where its true probability is at least `TRUE_FROM`. Queries of all locales
together are ordered by volume; ten equal shares of them are the deciles, and the fewest that hold half of the volume
are the top half of traffic. Precision counts labels, recall true pairs; every query of the truth counts, mined or not.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from shelfsense.errors import InputRefused
from shelfsense.text import normal_form

TRUE_FROM = 0.2
"""Smallest true probability of a true label; mining keeps labels from the same figure on."""

_Key = tuple[str, str]
_TRUTH = ("query", "locale", "product_type_id", "probability", "volume", "conflict")
_LABELS = ("query", "locale", "product_type_id", "probability")


def judge_labels(labels: Path, truth: Path) -> dict[str, Any]:
    """Compare labels with a truth table.

    Args:
        labels: Parquet with `_LABELS` columns, as mining writes it.
        truth: Parquet ``truth(query, locale, product_type_id, probability, volume, conflict)``; a query's rows
            share its volume.

    Returns:
        Figures (``precision``, ``recall``, ``f1``, ``labels``, ``true_pairs``, ``queries``,
        ``queries_with_labels`` and ``probability_error``, the mean absolute error over labels that are true) under
        ``all``, ``top_half_of_traffic``, ``deciles`` (the most popular first), ``conflict`` and ``by_locale``, and
        the number of labels of queries that the truth does not hold. A figure without denominator is null.

    Raises:
        InputRefused: when a file cannot be read or lacks a column.
    """
    known = _Truth(_read(truth, _TRUTH))
    mined, unknown = _mined(_read(labels, _LABELS), known)
    top = int(np.searchsorted(known.volume.cumsum(), known.volume.sum() / 2)) + 1 if len(known.keys) else 0
    bounds = [round(len(known.keys) * i / 10) for i in range(11)]
    locales = sorted({locale for locale, _ in known.keys})
    return {
        "true_from": TRUE_FROM,
        "labels_of_unknown_queries": unknown,
        "all": _figures(known.keys, known, mined),
        "top_half_of_traffic": _figures(known.keys[:top], known, mined),
        "deciles": [_figures(known.keys[a:b], known, mined) for a, b in pairwise(bounds)],
        "conflict": _figures([key for key in known.keys if key in known.conflict], known, mined),
        "by_locale": {name: _figures([k for k in known.keys if k[0] == name], known, mined) for name in locales},
    }


class _Truth:
    """The truth by (locale, normal form).

    Attributes:
        keys: all queries, the most popular first; equal volumes by locale and query.
        volume: of each key.
        shares: true probability by type, of each key.
        conflict: keys whose string means something else in another locale.
    """

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.shares: dict[_Key, dict[str, float]] = {}
        self.conflict: set[_Key] = set()
        typed: dict[_Key, dict[str, float]] = {}
        for row in rows:
            key = (row["locale"], normal_form(row["query"]))
            self.shares.setdefault(key, {})[row["product_type_id"]] = row["probability"]
            typed.setdefault(key, {})[row["query"]] = row["volume"]
            if row["conflict"]:
                self.conflict.add(key)
        volumes = {key: sum(spellings.values()) for key, spellings in typed.items()}
        self.keys = sorted(volumes, key=lambda key: (-volumes[key], key))
        self.volume: NDArray[np.float64] = np.array([volumes[key] for key in self.keys], dtype=np.float64)

    def pairs(self, key: _Key) -> set[str]:
        return {type_ for type_, share in self.shares[key].items() if share >= TRUE_FROM}


def _mined(rows: list[dict[str, Any]], truth: _Truth) -> tuple[dict[_Key, dict[str, float]], int]:
    mined: dict[_Key, dict[str, float]] = {}
    unknown = 0
    for row in rows:
        key = (row["locale"], normal_form(row["query"]))
        if key in truth.shares:
            mined.setdefault(key, {})[row["product_type_id"]] = row["probability"]
        else:
            unknown += 1
    return mined, unknown


def _figures(keys: list[_Key], truth: _Truth, mined: dict[_Key, dict[str, float]]) -> dict[str, float | int | None]:
    labels = right = true = labelled = 0
    errors: list[float] = []
    for key in keys:
        wanted, given = truth.pairs(key), mined.get(key, {})
        labels += len(given)
        labelled += bool(given)
        true += len(wanted)
        hits = wanted & given.keys()
        right += len(hits)
        errors += [abs(given[type_] - truth.shares[key][type_]) for type_ in hits]
    return {
        "queries": len(keys),
        "queries_with_labels": labelled,
        "labels": labels,
        "true_pairs": true,
        "precision": right / labels if labels else None,
        "recall": right / true if true else None,
        "f1": 2 * right / (labels + true) if labels + true else None,
        "probability_error": float(np.mean(errors)) if errors else None,
    }


def _read(path: Path, columns: tuple[str, ...]) -> list[dict[str, Any]]:
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
