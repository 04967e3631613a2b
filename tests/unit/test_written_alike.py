"""Heads found by the same words otherwise written, also while the index changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from shelfsense.bundle import write_bundle
from shelfsense.reformulation.head_index import Head, HeadIndex, head_index_files
from shelfsense.reformulation.written_alike import WrittenAlike

HEADS = (
    Head("T-Shirt Herren", "de", 5.0),
    Head("tshirt herren", "de", 3.0),
    Head("schuhe", "de", 1.0),
    Head("スニーカー", "ja", 2.0),
    Head("iphone 13", "de", 1.0),
)


def unit(rows: int) -> NDArray[np.float32]:
    return np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (rows, 1))


@pytest.fixture
def index(tmp_path: Path) -> HeadIndex:
    manifest = {"bundle_version": "1", "label_space": "toy", "locales": [], "backbone": {}, "embedding": {"width": 2}}
    files = head_index_files(HEADS, unit(len(HEADS)))
    return HeadIndex.load(write_bundle(tmp_path / "bundle", manifest, files))


def found(alike: WrittenAlike, text: str, locale: str) -> list[str]:
    return sorted(match.query for match in alike.find(text, locale))


def test_every_head_of_the_same_words_is_found_with_score_1(index: HeadIndex) -> None:
    alike = WrittenAlike(index)
    assert found(alike, "T Shirt  HERREN", "de") == ["T-Shirt Herren", "tshirt herren"]
    assert all(match.exact and match.score == 1.0 for match in alike.find("t shirt herren", "de"))
    assert found(alike, "すにーかー", "ja") == ["スニーカー"]


def test_heads_that_are_known_already_are_left_out(index: HeadIndex) -> None:
    alike = WrittenAlike(index)
    found = alike.find("t shirt herren", "de", beside={"tshirt herren"})
    assert [match.query for match in found] == ["T-Shirt Herren"]
    assert alike.find("t shirt herren", "de", beside={"tshirt herren", "t-shirt herren"}) == []


def test_other_words_other_numbers_and_other_locales_find_nothing(index: HeadIndex) -> None:
    alike = WrittenAlike(index)
    assert found(alike, "schuh", "de") == []
    assert found(alike, "iphone 1 3", "de") == []
    assert found(alike, "schuhe", "ja") == []
    assert found(alike, "schuhe", "fr") == []
    assert found(alike, "🎈", "de") == []


def test_a_removed_head_is_found_no_more_and_an_added_one_at_once(index: HeadIndex) -> None:
    alike = WrittenAlike(index)
    index.remove("de", "tshirt herren")
    assert found(alike, "t shirt herren", "de") == ["T-Shirt Herren"]
    index.add([Head("Kaffee-Maschine", "de", 1.0), Head("kaffee", "fr", 1.0)], unit(2))
    assert found(alike, "kaffeemaschine", "de") == ["Kaffee-Maschine"]
    assert found(alike, "Kaffee", "fr") == ["kaffee"]
    index.compact().result(10)
    assert found(alike, "t shirt herren", "de") == ["T-Shirt Herren"]
    assert found(alike, "kaffee maschine", "de") == ["Kaffee-Maschine"]
