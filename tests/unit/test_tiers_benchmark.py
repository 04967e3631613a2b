"""The benchmark of first tiers puts measured speed beside the study's quality, and says what that comes to."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.tiers import _row

SPEEDS = {
    32: {"all layers": 1.0, "layers 2": 2.5, "static": 20.0, "grams": 10.0},
    1: {"all layers": 1.0, "layers 2": 2.0, "static": 5.0, "grams": 4.0},
}


def measured(kind: str, layers: int, *, passed: float, alone: float, together: float) -> dict[str, Any]:
    def part(least: float) -> dict[str, Any]:
        ratios = {"top_1, level 1": {"value": least, "low": least - 0.01, "high": least + 0.01}}
        return {"ratios": ratios, "least_ratio": least, "same_accepted_types": 0.9}

    mixed = {"share": 1 - passed, "tokens_passed_on": passed, **part(together)}
    return {"name": f"{kind} {layers}", "kind": kind, "layers": layers, "alone": part(alone), "mixed": mixed}


def test_a_static_tier_costs_its_own_time_and_what_it_passes_on() -> None:
    row = _row(measured("static", 0, passed=0.45, alone=0.9, together=0.996), SPEEDS)
    assert row.together == pytest.approx(1 / (0.05 + 0.45))
    assert not row.earns


def test_after_an_exit_the_network_goes_on_from_there() -> None:
    row = _row(measured("exit", 2, passed=0.5, alone=0.9, together=0.999), SPEEDS)
    assert row.together == pytest.approx(1 / (0.4 + 0.5 * 0.6))


def test_a_student_that_passes_on_pays_for_both() -> None:
    row = _row(measured("layers", 2, passed=0.5, alone=0.9, together=0.999), SPEEDS)
    assert row.together == pytest.approx(1 / (0.4 + 0.5))


def test_a_tier_earns_its_place_by_speed_and_quality_of_the_same_way_of_using_it() -> None:
    fast_and_good = measured("static", 0, passed=0.3, alone=0.9, together=0.996)
    fast_or_good = measured("static", 0, passed=0.6, alone=0.99, together=0.999)
    assert _row(fast_and_good, SPEEDS).earns
    assert not _row(fast_or_good, SPEEDS).earns
