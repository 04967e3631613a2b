"""Rows by the hash of their texts."""

from __future__ import annotations

import numpy as np

from shelfsense.reformulation.hashed_rows import HashedRows

TEXTS = ["b", "a", "c", "a", "d", "a"]
ROWS = HashedRows.of(TEXTS)


def test_all_rows_of_a_text_are_found_in_their_order() -> None:
    assert [ROWS.find(text) for text in "abcd"] == [[1, 3, 5], [0], [2], [4]]


def test_a_text_that_no_row_has_finds_none() -> None:
    assert ROWS.find("e") == []
    assert HashedRows.of([]).find("a") == []


def test_rows_of_one_hash_are_found_together_whatever_their_texts() -> None:
    assert HashedRows.of_hashes(np.array([hash("x"), 5, hash("x")])).find("x") == [0, 2]


def test_hashes_come_back_in_the_order_of_the_rows() -> None:
    assert ROWS.by_row().tolist() == [hash(text) for text in TEXTS]
