"""The head index: found by vector and by words, per locale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from shelfsense.reformulation.head_index import Head, HeadIndex, head_index_files
from tiny_heads import HEADS, VECTORS, bundle_of


@pytest.fixture
def index(tmp_path: Path) -> HeadIndex:
    return HeadIndex.load(bundle_of(tmp_path, head_index_files(HEADS, VECTORS)))


def unit(*values: float) -> NDArray[np.float32]:
    vector = np.array(values, dtype=np.float32)
    return vector / np.float32(np.linalg.norm(vector))


def test_the_closest_heads_of_the_locale_come_first(index: HeadIndex) -> None:
    matches = index.search("de", unit(1, 0, 0), 5)
    assert [match.query for match in matches] == ["rote Schuhe", "blaue Schuhe"]
    assert [match.score for match in matches] == pytest.approx([1.0, 0.6], abs=1e-3)


def test_heads_below_the_least_score_are_left_out(index: HeadIndex) -> None:
    assert [match.query for match in index.search("de", unit(1, 0, 0), 5, least=0.7)] == ["rote Schuhe"]


def test_more_heads_than_are_looked_for_first_are_all_found(tmp_path: Path) -> None:
    vectors = np.stack([unit(1, i / 10, 0) for i in range(24)])
    heads = [Head(f"head {i}", "en", 1.0) for i in range(24)]
    index = HeadIndex.load(bundle_of(tmp_path, head_index_files(heads, vectors)))
    all_found = index.search("en", unit(1, 0, 0), 20)
    assert len(all_found) == 20
    for near in (1, 7, 8, 9, 20):
        assert index.search("en", unit(1, 0, 0), 20, least=all_found[near - 1].score) == all_found[:near]


def test_heads_that_are_known_already_are_left_out(index: HeadIndex) -> None:
    red = index.exact("de", ["rote schuhe"])
    assert [match.query for match in index.search("de", unit(1, 0, 0), 5, beside=red)] == ["blaue Schuhe"]
    assert index.search("de", unit(1, 0, 0), 1, beside=red) == []  # it was the nearest one


def test_a_match_carries_its_head(index: HeadIndex) -> None:
    best = index.search("de", unit(0.6, 0.8, 0), 1)[0]
    assert (best.query, best.locale, best.volume, best.volume_is_estimate) == ("blaue Schuhe", "de", 50.0, True)
    assert (best.product_type, best.attributes) == ("", "")
    assert index.search("de", unit(1, 0, 0), 1)[0].product_type == "shoes"
    assert index.search("de", unit(1, 0, 0), 1)[0].attributes == '[["color","rot"]]'
    assert index.product_types == ("shoes", "")


def test_rows_are_unique_over_locales(index: HeadIndex) -> None:
    rows = [match.row for locale in ("de", "en") for match in index.search(locale, unit(1, 1, 1), 9)]
    assert sorted(rows) == [0, 1, 2, 3]


def test_a_score_stays_between_0_and_1(index: HeadIndex) -> None:
    assert [match.score for match in index.search("en", unit(0, -1, 0), 2)] == [0.0, 0.0]


def test_a_locale_without_heads_finds_nothing(index: HeadIndex) -> None:
    assert index.search("fr", unit(1, 0, 0), 5) == []
    assert index.exact("fr", ["rote schuhe"]) == []
    assert index.heads("fr") == 0


def test_heads_are_counted_by_locale(index: HeadIndex) -> None:
    assert index.locales == ("de", "en")
    assert (index.heads("de"), index.heads("en")) == (2, 2)


def test_equal_normal_forms_are_found_by_words(index: HeadIndex) -> None:
    found = index.exact("de", ["rote schuhe"])
    assert [(match.query, match.score, match.exact) for match in found] == [("rote Schuhe", 1.0, True)]
    assert index.exact("en", ["rote schuhe"]) == []
    assert index.exact("de", ["schuhe"]) == []


def test_every_head_of_one_normal_form_is_found_once(tmp_path: Path) -> None:
    heads = [Head("iPhone", "de", 1.0), Head("iphone ", "de", 2.0)]
    index = HeadIndex.load(bundle_of(tmp_path, head_index_files(heads, VECTORS[:2])))
    assert [match.volume for match in index.exact("de", ["iphone", "iphone"])] == [1.0, 2.0]


def test_a_bundle_without_a_head_index_has_no_heads(tmp_path: Path) -> None:
    index = HeadIndex.load(bundle_of(tmp_path, {"model_card.md": b""}))
    assert index.locales == ()
    assert index.search("de", unit(1, 0, 0), 5) == []


def test_an_index_of_no_heads_can_be_written_and_read(tmp_path: Path) -> None:
    index = HeadIndex.load(bundle_of(tmp_path, head_index_files([], np.empty((0, 3), dtype=np.float32))))
    assert index.locales == ()
