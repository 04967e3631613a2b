"""The thresholds of a bundle: the least probability and score accepted, per locale, and what they rest on.

Knows nothing of how they were fixed; that is training's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shelfsense.errors import BundleRefused

THRESHOLDS = "thresholds.json"
"""The file's name in a bundle."""

NEVER = 2.0
"""A threshold that no probability reaches; written where no threshold held the target precision."""

EVIDENCE = ("real", "composed", "fallback")
"""What a threshold was fixed on: shoppers' queries, composed ones, or another locale's threshold."""

_REMEDY = "write the file again with shelfsense-train, or use another bundle"


@dataclass(frozen=True, slots=True)
class LocaleThresholds:
    """The thresholds of one locale.

    Attributes:
        product_types: least probability accepted, element 0 for level 1; above 1: never accepted.
        evidence: one of `EVIDENCE`, for the product types.
        reformulation: least score accepted, 0 to 1; above 1: never accepted.
        reformulation_evidence: one of `EVIDENCE`.
    """

    product_types: tuple[float, ...]
    evidence: str
    reformulation: float
    reformulation_evidence: str


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds of every locale of a bundle, ``und`` among them.

    Attributes:
        by_locale: tag to thresholds.
        product_type_target_precision: the precision accepted product types promise, 0 to 1.
        reformulation_target_precision: the precision accepted reformulations promise, 0 to 1.
    """

    by_locale: Mapping[str, LocaleThresholds]
    product_type_target_precision: float = 0.8
    reformulation_target_precision: float = 0.95

    @classmethod
    def from_json(cls, data: bytes) -> Thresholds:
        """Read the form that `to_json` writes.

        Raises:
            BundleRefused: naming the file, the key and what is wrong with it.
        """
        try:
            table = json.loads(data)
        except ValueError as error:
            raise _refused(f"is not JSON ({error})") from error
        locales = _value(table, "locales", "the file")
        if not isinstance(locales, dict):
            raise _refused("locales is no object")
        return cls(
            {tag: _read_locale(tag, entry) for tag, entry in locales.items()},
            _number(table, "product_type_target_precision", "the file"),
            _number(table, "reformulation_target_precision", "the file"),
        )

    def to_json(self) -> bytes:
        """Return the thresholds as UTF-8 JSON, locales in their order."""
        table = {
            "product_type_target_precision": self.product_type_target_precision,
            "reformulation_target_precision": self.reformulation_target_precision,
            "locales": {
                tag: {
                    "product_types": list(entry.product_types),
                    "evidence": entry.evidence,
                    "reformulation": entry.reformulation,
                    "reformulation_evidence": entry.reformulation_evidence,
                }
                for tag, entry in self.by_locale.items()
            },
        }
        return json.dumps(table, indent=1, allow_nan=False).encode()

    def require(self, locales: Iterable[str], levels: int) -> None:
        """Check that every locale has a threshold for every level.

        Raises:
            BundleRefused: naming the first locale that has not.
        """
        for tag in locales:
            if tag not in self.by_locale:
                raise _refused(f"has no thresholds for the locale {tag}")
            found = len(self.by_locale[tag].product_types)
            if found != levels:
                raise _refused(f"{tag}: has thresholds for {found} levels, the product types have {levels}")


def _read_locale(tag: str, entry: Any) -> LocaleThresholds:
    levels = _value(entry, "product_types", tag)
    if not isinstance(levels, list):
        raise _refused(f"{tag}: product_types is no list")
    return LocaleThresholds(
        tuple(_checked(value, f"{tag}: product_types[{i}]") for i, value in enumerate(levels)),
        _evidence(entry, "evidence", tag),
        _number(entry, "reformulation", tag),
        _evidence(entry, "reformulation_evidence", tag),
    )


def _value(table: Any, key: str, where: str) -> Any:
    if not isinstance(table, dict) or key not in table:
        raise _refused(f"{where}: lacks {key}")
    return table[key]


def _number(table: Any, key: str, where: str) -> float:
    return _checked(_value(table, key, where), f"{where}: {key}")


def _checked(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise _refused(f"{where} is {value!r}, not a number of 0 or more")
    return float(value)


def _evidence(table: Any, key: str, where: str) -> str:
    value = _value(table, key, where)
    if value not in EVIDENCE:
        raise _refused(f"{where}: {key} is {value!r}, not one of {', '.join(EVIDENCE)}")
    return str(value)


def _refused(fact: str) -> BundleRefused:
    return BundleRefused(THRESHOLDS, fact, _REMEDY)
