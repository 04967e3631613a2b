"""Splits by hash: the same on every run and machine."""

from __future__ import annotations

from collections import Counter

import pytest

from shelfsense_training.sources.splits import (
    Split,
    hash_bucket,
    is_held_out_category,
    split_of_name,
    split_of_query,
)


@pytest.mark.parametrize(
    ("key", "first_four_bytes"),
    # FIPS 180-2, appendix B.1: sha256("abc") = ba7816bf...; of no bytes: e3b0c442...; of c3 bc, which is ü
    # in UTF-8: 607474ca... (sha256sum)
    [("abc", 0xBA7816BF), ("", 0xE3B0C442), ("ü", 0x607474CA)],
)
@pytest.mark.parametrize("buckets", [3, 10, 100])
def test_the_bucket_is_the_first_four_bytes_of_sha256(key: str, first_four_bytes: int, buckets: int) -> None:
    assert hash_bucket(key, buckets) == first_four_bytes % buckets


def test_a_query_is_split_by_its_normal_form() -> None:
    # 0xba7816bf = 3,128,432,319: bucket 9 of ten, training. 0xe3b0c442 = 3,820,012,610: bucket 0, test.
    assert {split_of_query(text) for text in ("abc", " ABC ", "ＡＢＣ", "aBc\n")} == {Split.TRAIN}
    assert split_of_query("  ") is Split.TEST


def test_two_tenths_of_queries_are_test_and_one_validation() -> None:
    sides = Counter(split_of_query(f"query {i}") for i in range(10_000))
    assert sides[Split.TEST] / 10_000 == pytest.approx(0.2, abs=0.015)
    assert sides[Split.VALIDATION] / 10_000 == pytest.approx(0.1, abs=0.015)


def test_names_are_split_by_category_and_locale() -> None:
    sides = Counter(split_of_name(f"aa-{i}", tag) for i in range(2_500) for tag in ("de", "en", "ja", "fr"))
    assert sides[Split.TEST] / 10_000 == pytest.approx(0.02, abs=0.005)
    assert sides[Split.VALIDATION] / 10_000 == pytest.approx(0.01, abs=0.005)
    assert len({split_of_name("aa-1", f"x{i}") for i in range(500)}) == 3


def test_one_category_in_a_hundred_is_held_out_everywhere() -> None:
    assert sum(is_held_out_category(f"aa-{i}") for i in range(10_000)) / 10_000 == pytest.approx(0.01, abs=0.004)
