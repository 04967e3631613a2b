"""A locale's own calibration and thresholds: what they do by hand, and that their absence changes no bit."""

from __future__ import annotations

import json
from math import log
from typing import Any

import numpy as np
import pytest

from shelfsense.errors import BundleRefused
from shelfsense.locale_calibration import LocaleCalibration
from shelfsense.product_types import ProductTypeNode, ProductTypes
from shelfsense.thresholds import LocaleThresholds, Thresholds
from shelfsense.type_ranking import TypeRanking, type_thresholds

TREE = ProductTypes(
    "toy",
    [
        ProductTypeNode("a", "", "Apparel"),
        ProductTypeNode("b", "", "Bags"),
        ProductTypeNode("a1", "a", "Shoes"),
        ProductTypeNode("b1", "b", "Backpacks"),
    ],
)
PLAIN = LocaleThresholds((0.6, 0.5), "real", 0.9, "real")
MAPPED = LocaleThresholds((0.6, 0.5), "real", 0.9, "real", ((2.0, log(3)), (0.5, 0.0)), {"a1": 0.25})
THRESHOLDS = Thresholds({"de": PLAIN, "fr": MAPPED})
CALIBRATION = LocaleCalibration(TREE, THRESHOLDS)

OLD_FILE = b"""{
 "product_type_target_precision": 0.8,
 "reformulation_target_precision": 0.95,
 "locales": {
  "de": {
   "product_types": [
    0.6,
    0.5
   ],
   "evidence": "real",
   "reformulation": 0.9,
   "reformulation_evidence": "real"
  }
 }
}"""


def row(*values: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


def test_the_map_by_hand() -> None:
    # Level 1: odds squared, times 3; level 2: their square root. 1/2 is odds 1, 1/3 odds 1/2, 4/5 odds 4.
    found = CALIBRATION.apply(row(1 / 2, 1 / 3, 4 / 5, 1 / 2), "fr")
    assert found == pytest.approx([3 / 4, 3 / 7, 2 / 3, 1 / 2], rel=1e-6)
    assert found.dtype == np.float32


def test_a_batch_is_mapped_row_by_row() -> None:
    batch = np.random.default_rng(0).random((5, 4), dtype=np.float32)
    together = CALIBRATION.apply(batch, "fr")
    assert [together[i].tolist() for i in range(5)] == [CALIBRATION.apply(each, "fr").tolist() for each in batch]


def test_certainty_and_impossibility_stay_numbers() -> None:
    found = CALIBRATION.apply(row(0, 1, 0, 1), "fr")
    assert found[[1, 3]] == pytest.approx([1, 1], abs=1e-3)
    assert found[[0, 2]] == pytest.approx([0, 0], abs=1e-6)


def test_without_a_map_the_very_same_array_comes_back() -> None:
    given = row(0.1, 0.2, 0.3, 0.4)
    assert CALIBRATION.apply(given, "de") is given
    identity = LocaleThresholds((0.6, 0.5), "real", 0.9, "real", ((1.0, 0.0), (1.0, 0.0)))
    assert LocaleCalibration(TREE, Thresholds({"de": identity})).apply(given, "de") is given


def test_a_file_without_the_new_keys_is_written_again_byte_for_byte() -> None:
    read = Thresholds.from_json(OLD_FILE)
    assert read.by_locale["de"] == PLAIN
    assert read.to_json() == OLD_FILE


def test_a_file_with_them_gives_them_back() -> None:
    written = THRESHOLDS.to_json()
    assert Thresholds.from_json(written) == THRESHOLDS
    assert json.loads(written)["locales"]["fr"]["calibration"] == [[2.0, log(3)], [0.5, 0.0]]
    assert "types" not in json.loads(written)["locales"]["de"]


def test_ranking_answers_as_before_where_a_locale_has_no_keys() -> None:
    values = np.random.default_rng(1).random(4, dtype=np.float32)
    answered = TypeRanking(TREE, THRESHOLDS).rank(values, "de", 5)
    assert answered.probabilities.tolist() == TREE.coherent(values[None])[0].tolist()
    assert {each.threshold for each in answered.best if each.level == 1} == {float(np.float32(0.6))}


def test_ranking_maps_before_it_makes_levels_agree() -> None:
    # a: 1/2 -> 3/4, a1: 4/5 -> 2/3; then a is the mean of 3/4 and 2/3.
    found = TypeRanking(TREE, THRESHOLDS).rank(row(1 / 2, 0.01, 4 / 5, 0.01), "fr", 1)
    assert {each.id: each.probability for each in found.best} == pytest.approx({"a1": 2 / 3, "a": 17 / 24}, rel=1e-6)


def test_a_type_is_accepted_at_its_own_threshold_and_says_it() -> None:
    # Level 2 takes the square root of the odds: 1/9 -> 1/3, which is 1/4: at its threshold. b1 the same, below 0.5.
    found = TypeRanking(TREE, THRESHOLDS).rank(row(0.9, 0.9, 0.1, 0.1), "fr", 2)
    by_id = {each.id: each for each in found.best}
    assert (by_id["a1"].threshold, by_id["a1"].accepted) == (0.25, by_id["a1"].probability >= 0.25)
    lower = TypeRanking(TREE, THRESHOLDS).rank(row(0.9, 0.9, 0.11, 0.11), "fr", 2)
    by_id = {each.id: each for each in lower.best}
    assert (by_id["a1"].accepted, by_id["b1"].accepted, by_id["b1"].threshold) == (True, False, 0.5)


def test_the_thresholds_of_all_types() -> None:
    assert type_thresholds(TREE, MAPPED).tolist() == row(0.6, 0.6, 0.25, 0.5).tolist()


def test_a_threshold_of_an_unknown_type_is_refused() -> None:
    entry = LocaleThresholds((0.6, 0.5), "real", 0.9, "real", types={"zz": 0.5})
    with pytest.raises(BundleRefused, match=r"product type zz, which product_types\.json lacks"):
        TypeRanking(TREE, Thresholds({"de": entry}))


@pytest.mark.parametrize(
    ("key", "value", "fact"),
    [
        ("calibration", 3, "de: calibration is no list"),
        ("calibration", [[1.0]], r"de: calibration\[0\] is \[1.0\], not a pair"),
        ("calibration", [[1.0, 0.0], [0.0, 1.0]], r"de: calibration\[1\] has the scale 0.0, not a number above 0"),
        ("calibration", [["1", 0.0]], r"de: calibration\[0\] holds '1', not a number"),
        ("types", [], "de: types is no object"),
        ("types", {"a1": -1}, r"de: types\[a1\] is -1"),
    ],
)
def test_a_bad_value_is_refused_by_its_name(key: str, value: Any, fact: str) -> None:
    table = json.loads(OLD_FILE)
    table["locales"]["de"][key] = value
    with pytest.raises(BundleRefused, match=fact):
        Thresholds.from_json(json.dumps(table).encode())


def test_a_calibration_has_all_levels_or_none() -> None:
    entry = LocaleThresholds((0.6, 0.5), "real", 0.9, "real", ((1.0, 0.5),))
    with pytest.raises(BundleRefused, match="de: calibrates 1 levels, the product types have 2"):
        Thresholds({"de": entry}).require(["de"], 2)
