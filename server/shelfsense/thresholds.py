"""The thresholds of a bundle: the least probability and score accepted, per locale, and what they rest on.

Beside them stands what makes the probabilities of a locale comparable with a threshold: its calibration.

Knows nothing of how they were fixed; that is training's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from shelfsense.errors import BundleRefused
from shelfsense.precise_score import PreciseScore
from shelfsense.strict_json import read_json

THRESHOLDS = "thresholds.json"
"""The file's name in a bundle."""

NEVER = 2.0
"""A threshold that no probability reaches; written where no threshold held the target precision."""

EVIDENCE = ("real", "composed", "fallback")
"""What a threshold was fixed on: shoppers' queries, composed ones, or another locale's threshold."""

IDENTITY = (1.0, 0.0)
"""The (scale, shift) that changes nothing."""

_REMEDY = "write the file again with shelfsense-train, or use another bundle"


@dataclass(frozen=True, slots=True)
class LocaleThresholds:
    """The thresholds of one locale.

    Attributes:
        product_types: least probability accepted, element 0 for level 1; above 1: never accepted.
        evidence: one of `EVIDENCE`, for the product types.
        reformulation: least score accepted, 0 to 1; above 1: never accepted.
        reformulation_evidence: one of `EVIDENCE`.
        calibration: (scale, shift) per level, element 0 for level 1, of the log-odds of the network's
            probabilities; empty where they stay as they are. Scales are above 0. Thresholds are of
            the calibrated probabilities.
        types: product type id to the threshold it has of its own; the others have their level's.
        precise: how re-ranked reformulations are scored and accepted; None where precise mode has no effect.
    """

    product_types: tuple[float, ...]
    evidence: str
    reformulation: float
    reformulation_evidence: str
    calibration: tuple[tuple[float, float], ...] = ()
    types: Mapping[str, float] = field(default_factory=dict)
    precise: PreciseScore | None = None


@dataclass(frozen=True, slots=True)
class AgreementWeights:
    """What makes one score of the signs that a head says what a query says: a logistic model.

    Attributes:
        cosine: weight of the cosine of their vectors.
        overlap: weight of the overlap of their letters, 0 to 1.
        both: weight of the product of the two.
        surplus: weight of what one's letters say beyond the other's, 0 to 1.
        type_odds: weight of the log-odds that the query means the head's product type, 0 where it has none.
        shift: the log-odds where all are 0.
        whole: added where every letter pair and triple is shared: the same words in another order, or in synonyms.
    """

    cosine: float
    overlap: float
    both: float
    surplus: float
    type_odds: float
    shift: float
    whole: float = 0.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds of every locale of a bundle, ``und`` among them.

    Attributes:
        by_locale: tag to thresholds.
        product_type_target_precision: the precision accepted product types promise, 0 to 1.
        reformulation_target_precision: the precision accepted reformulations promise, 0 to 1.
        agreement: what a reformulation's score is made of; the cosine alone where None.
    """

    by_locale: Mapping[str, LocaleThresholds]
    product_type_target_precision: float = 0.8
    reformulation_target_precision: float = 0.95
    agreement: AgreementWeights | None = None

    @classmethod
    def from_json(cls, data: bytes) -> Thresholds:
        """Read the form that `to_json` writes.

        Raises:
            BundleRefused: naming the file, the key and what is wrong with it.
        """
        try:
            table = read_json(data)
        except ValueError as error:
            raise _refused(f"is not JSON ({error})") from error
        locales = _value(table, "locales", "the file")
        if not isinstance(locales, dict):
            raise _refused("locales is no object")
        return cls(
            {tag: _read_locale(tag, entry) for tag, entry in locales.items()},
            _number(table, "product_type_target_precision", "the file"),
            _number(table, "reformulation_target_precision", "the file"),
            _agreement(table),
        )

    def to_json(self) -> bytes:
        """Return the thresholds as UTF-8 JSON, locales in their order."""
        table = {
            "product_type_target_precision": self.product_type_target_precision,
            "reformulation_target_precision": self.reformulation_target_precision,
            **({"agreement": asdict(self.agreement)} if self.agreement else {}),
            "locales": {
                tag: {
                    "product_types": list(entry.product_types),
                    "evidence": entry.evidence,
                    "reformulation": entry.reformulation,
                    "reformulation_evidence": entry.reformulation_evidence,
                    **({"calibration": [list(each) for each in entry.calibration]} if entry.calibration else {}),
                    **({"types": dict(entry.types)} if entry.types else {}),
                    **({"precise": asdict(entry.precise)} if entry.precise else {}),
                }
                for tag, entry in self.by_locale.items()
            },
        }
        return json.dumps(table, indent=1, allow_nan=False).encode()

    def require(self, locales: Iterable[str], levels: int) -> None:
        """Check that every locale has a threshold for every level, and a calibration for all levels or none.

        Raises:
            BundleRefused: naming the first locale that has not.
        """
        for tag in locales:
            if tag not in self.by_locale:
                raise _refused(f"has no thresholds for the locale {tag}")
            found = len(self.by_locale[tag].product_types)
            if found != levels:
                raise _refused(f"{tag}: has thresholds for {found} levels, the product types have {levels}")
            found = len(self.by_locale[tag].calibration)
            if found not in {0, levels}:
                raise _refused(f"{tag}: calibrates {found} levels, the product types have {levels}")


def _read_locale(tag: str, entry: Any) -> LocaleThresholds:
    levels = _value(entry, "product_types", tag)
    if not isinstance(levels, list):
        raise _refused(f"{tag}: product_types is no list")
    return LocaleThresholds(
        tuple(_checked(value, f"{tag}: product_types[{i}]") for i, value in enumerate(levels)),
        _evidence(entry, "evidence", tag),
        _number(entry, "reformulation", tag),
        _evidence(entry, "reformulation_evidence", tag),
        _calibration(entry, tag),
        _types(entry, tag),
        _precise(entry, tag),
    )


def _precise(entry: Any, tag: str) -> PreciseScore | None:
    found, where = entry.get("precise"), f"{tag}: precise"
    if found is None:
        return None
    scale, shift = (_finite(_value(found, name, where), f"{where}: {name}") for name in ("scale", "shift"))
    if scale <= 0:  # it would turn the order of the heads round
        raise _refused(f"{where} has the scale {scale!r}, not a number above 0")
    weight = _finite(found.get("cosine_weight", 0.0), f"{where}: cosine_weight")
    return PreciseScore(scale, shift, _number(found, "threshold", where), weight)


def _agreement(table: Any) -> AgreementWeights | None:
    found = table.get("agreement")
    if found is None:
        return None
    if isinstance(found, dict):
        found = {"whole": 0.0, **found}  # bundles of before it counted
    names = [each.name for each in fields(AgreementWeights)]
    return AgreementWeights(*(_finite(_value(found, name, "agreement"), f"agreement: {name}") for name in names))


def _types(entry: Any, tag: str) -> dict[str, float]:
    found = entry.get("types", {})
    if not isinstance(found, dict):
        raise _refused(f"{tag}: types is no object")
    return {name: _checked(value, f"{tag}: types[{name}]") for name, value in found.items()}


def _calibration(entry: Any, tag: str) -> tuple[tuple[float, float], ...]:
    found = entry.get("calibration", [])
    if not isinstance(found, list):
        raise _refused(f"{tag}: calibration is no list")
    return tuple(_map(value, f"{tag}: calibration[{i}]") for i, value in enumerate(found))


def _map(value: Any, where: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise _refused(f"{where} is {value!r}, not a pair of scale and shift")
    scale, shift = (_finite(each, where) for each in value)
    if scale <= 0:  # it would turn the order of the types round
        raise _refused(f"{where} has the scale {scale!r}, not a number above 0")
    return scale, shift


def _value(table: Any, key: str, where: str) -> Any:
    if not isinstance(table, dict) or key not in table:
        raise _refused(f"{where}: lacks {key}")
    return table[key]


def _number(table: Any, key: str, where: str) -> float:
    return _checked(_value(table, key, where), f"{where}: {key}")


def _checked(value: Any, where: str) -> float:
    if _is_number(value) and value >= 0:
        return float(value)
    raise _refused(f"{where} is {value!r}, not a number of 0 or more")


def _finite(value: Any, where: str) -> float:
    if not _is_number(value):
        raise _refused(f"{where} holds {value!r}, not a number")
    return float(value)


def _is_number(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer of hundreds of digits
        return False


def _evidence(table: Any, key: str, where: str) -> str:
    value = _value(table, key, where)
    if value not in EVIDENCE:
        raise _refused(f"{where}: {key} is {value!r}, not one of {', '.join(EVIDENCE)}")
    return str(value)


def _refused(fact: str) -> BundleRefused:
    return BundleRefused(THRESHOLDS, fact, _REMEDY)
