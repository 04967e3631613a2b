"""The figures of a whole study, read from ``study.json``: variants, gains by training size, cold start."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from shelfsense.errors import InputRefused

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, its 95 % interval (None: not known) and the number of training seeds (0: not stated)."""

    value: float
    low: float | None
    high: float | None
    seeds: int


@dataclass(frozen=True, slots=True)
class VariantRow:
    """One variant on one part of the data; ``scope`` is ``global``, a part such as ``conflict set``, or a locale."""

    data: str
    metric: str
    scope: str
    variant: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class GainRow:
    """The relative gain of one locale (0.21: 21 %), unified over non-unified, at its number of training queries."""

    data: str
    locale: str
    training_queries: int
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class ColdStartRow:
    """One system on a locale it has not seen, after a number of labels; None: the number is not stated."""

    data: str
    locale: str
    system: str
    labels: int | None
    metric: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Study:
    """The rows of a study, each list in the file's order."""

    name: str
    variants: tuple[VariantRow, ...]
    gains: tuple[GainRow, ...]
    cold_start: tuple[ColdStartRow, ...]

    @classmethod
    def read(cls, path: Path) -> Study:
        """Read a study: an object with lists ``variants``, ``gains`` and ``cold_start``, each of them optional.

        Raises:
            InputRefused: naming the file, the row and the fact.
        """
        try:
            table = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputRefused(f"{path}: cannot be read as JSON ({error}); name a study.json") from error
        if not isinstance(table, dict):
            raise InputRefused(f"{path}: is no object; write variants, gains and cold_start as its keys")
        try:
            return cls(
                path.name,
                _rows(table, "variants", _variant),
                _rows(table, "gains", _gain),
                _rows(table, "cold_start", _cold_start),
            )
        except InputRefused as error:
            raise InputRefused(f"{path}: {error}; mend the file") from error


def _rows(table: Mapping[str, Any], key: str, read: Callable[[Mapping[str, Any]], Row]) -> tuple[Row, ...]:
    entries = table.get(key, [])
    if not isinstance(entries, list):
        raise InputRefused(f"{key} is no list")
    found = []
    for i, entry in enumerate(entries):
        try:
            found.append(read(entry if isinstance(entry, dict) else {}))
        except InputRefused as error:
            raise InputRefused(f"{key}[{i}]: {error}") from error
    return tuple(found)


def _variant(entry: Mapping[str, Any]) -> VariantRow:
    data, metric, scope, variant = (_text(entry, key) for key in ("data", "metric", "scope", "variant"))
    estimate = _estimate(entry, "value")
    if estimate.value < 0:
        raise InputRefused(f"value is {estimate.value:g}, below 0")
    return VariantRow(data, metric, scope, variant, estimate)


def _gain(entry: Mapping[str, Any]) -> GainRow:
    queries = _count(entry, "training_queries")
    if queries < 1:
        raise InputRefused("training_queries is 0; give 1 or more")
    return GainRow(_text(entry, "data"), _text(entry, "locale"), queries, _estimate(entry, "gain"))


def _cold_start(entry: Mapping[str, Any]) -> ColdStartRow:
    data, locale, system = (_text(entry, key) for key in ("data", "locale", "system"))
    labels = None if entry.get("labels") is None else _count(entry, "labels")
    return ColdStartRow(data, locale, system, labels, _text(entry, "metric"), _estimate(entry, "value"))


def _estimate(entry: Mapping[str, Any], key: str) -> Estimate:
    value, low, high = _number(entry, key), _optional(entry, "low"), _optional(entry, "high")
    if (low is None) != (high is None):
        raise InputRefused("has one end of its interval only; give low and high, or neither")
    if low is not None and high is not None and low > high:
        raise InputRefused(f"low {low:g} is above high {high:g}")
    seeds = 0 if entry.get("seeds") is None else _count(entry, "seeds")
    return Estimate(value, low, high, seeds)


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InputRefused(f"{key} is {value!r}, not a text" if key in entry else f"lacks {key}")
    return value


def _number(entry: Mapping[str, Any], key: str) -> float:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputRefused(f"{key} is {value!r}, not a number" if key in entry else f"lacks {key}")
    return float(value)


def _optional(entry: Mapping[str, Any], key: str) -> float | None:
    return None if entry.get(key) is None else _number(entry, key)


def _count(entry: Mapping[str, Any], key: str) -> int:
    value = _number(entry, key)
    if value < 0 or value != int(value):
        raise InputRefused(f"{key} is {value:g}, not a whole number of 0 or more")
    return int(value)
