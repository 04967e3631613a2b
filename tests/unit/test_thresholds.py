"""Thresholds: what a locale accepts, and clear words for a file that does not say so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shelfsense.errors import BundleRefused
from shelfsense.thresholds import NEVER, LocaleThresholds, Thresholds

THRESHOLDS = Thresholds(
    {
        "de": LocaleThresholds((0.6, 0.7), "real", 0.87, "composed"),
        "und": LocaleThresholds((NEVER, NEVER), "fallback", NEVER, "fallback"),
    }
)


def changed(path: list[str], value: Any) -> bytes:
    """Return the file with one value changed, or removed where the value is `...`."""
    table = json.loads(THRESHOLDS.to_json())
    place = table
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(table).encode()


def test_json_gives_back_the_same_thresholds() -> None:
    assert Thresholds.from_json(THRESHOLDS.to_json()) == THRESHOLDS


def test_the_targets_are_those_of_the_design_unless_set() -> None:
    assert THRESHOLDS.product_type_target_precision == 0.8
    assert THRESHOLDS.reformulation_target_precision == 0.95


def test_infinity_cannot_be_written_as_json() -> None:
    with pytest.raises(ValueError, match="JSON"):
        Thresholds({"de": LocaleThresholds((float("inf"),), "real", 0.5, "real")}).to_json()


@pytest.mark.parametrize(
    ("path", "value", "fact"),
    [
        (["locales"], ..., "the file: lacks locales"),
        (["locales"], [], "locales is no object"),
        (["product_type_target_precision"], "high", "the file: product_type_target_precision is 'high'"),
        (["locales", "de"], 3, "de: lacks product_types"),
        (["locales", "de", "product_types"], 0.5, "de: product_types is no list"),
        (["locales", "de", "product_types"], [0.5, -1], r"de: product_types\[1\] is -1"),
        (["locales", "de", "product_types"], [True, 0.5], r"de: product_types\[0\] is True"),
        (["locales", "de", "evidence"], "guess", "de: evidence is 'guess', not one of real, composed, fallback"),
        (["locales", "de", "reformulation"], ..., "de: lacks reformulation"),
        (["locales", "de", "reformulation"], float("nan"), "de: reformulation is nan"),
        (["locales", "de", "reformulation_evidence"], None, "de: reformulation_evidence is None"),
    ],
)
def test_a_bad_value_is_refused_by_its_name(path: list[str], value: Any, fact: str) -> None:
    with pytest.raises(BundleRefused, match=rf"thresholds.json: {fact}"):
        Thresholds.from_json(changed(path, value))


@pytest.mark.parametrize("data", [b"", b"\xff", b"[1]", b"3"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BundleRefused, match=r"thresholds.json"):
        Thresholds.from_json(data)


def test_every_locale_needs_every_level() -> None:
    THRESHOLDS.require(["de", "und"], 2)
    with pytest.raises(BundleRefused, match="no thresholds for the locale fr"):
        THRESHOLDS.require(["fr"], 2)
    with pytest.raises(BundleRefused, match="de: has thresholds for 2 levels, the product types have 3"):
        THRESHOLDS.require(["de"], 3)
