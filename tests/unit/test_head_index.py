"""The head index: found by vector and by words, per locale, from files that say what they hold."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from shelfsense.bundle import Bundle, write_bundle
from shelfsense.errors import BundleRefused, InputRefused
from shelfsense.reformulation.head_index import Head, HeadIndex, head_index_files

HEADS = [
    Head("rote Schuhe", "de", 900.0, product_type="shoes"),
    Head("red shoes", "en", 100.0),
    Head("blaue Schuhe", "de", 50.0, volume_is_estimate=True),
    Head("blue shoes", "en", 70.0),
]
VECTORS = np.array([[1, 0, 0], [0, 1, 0], [0.6, 0.8, 0], [0, 0, 1]], dtype=np.float32)


def bundle_of(tmp_path: Path, files: dict[str, bytes], width: int = 3) -> Bundle:
    """Return a bundle that holds just these files."""
    manifest = {"bundle_version": "1", "label_space": "toy", "locales": ["de", "en"], "backbone": {}}
    return write_bundle(tmp_path / "bundle", {**manifest, "embedding": {"width": width}}, files)


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


def test_a_match_carries_its_head(index: HeadIndex) -> None:
    best = index.search("de", unit(0.6, 0.8, 0), 1)[0]
    assert (best.query, best.locale, best.volume, best.volume_is_estimate) == ("blaue Schuhe", "de", 50.0, True)
    assert best.product_type == ""
    assert index.search("de", unit(1, 0, 0), 1)[0].product_type == "shoes"


def test_rows_are_unique_over_locales(index: HeadIndex) -> None:
    rows = [match.row for locale in ("de", "en") for match in index.search(locale, unit(1, 1, 1), 9)]
    assert sorted(rows) == [0, 1, 2, 3]


def test_vectors_of_any_float_type_are_written_alike() -> None:
    assert head_index_files(HEADS, VECTORS.astype(np.float64)) == head_index_files(HEADS, VECTORS)


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


@pytest.mark.parametrize(
    ("heads", "vectors", "fact"),
    [
        (HEADS, VECTORS[:2], r"4 heads need as many vectors, got shape \(2, 3\)"),
        (HEADS, VECTORS * 2, "not of length 1"),
        (HEADS, VECTORS * np.nan, "not of length 1"),
        ([Head(" ", "de", 1.0)], VECTORS[:1], "needs words"),
        ([Head("x", "", 1.0)], VECTORS[:1], "a locale"),
        ([Head("x", "de", -1.0)], VECTORS[:1], "volume of 0 or more"),
        ([Head("x", "de", float("nan"))], VECTORS[:1], "volume of 0 or more"),
    ],
)
def test_heads_that_make_no_index_are_refused(heads: list[Head], vectors: NDArray[np.float32], fact: str) -> None:
    with pytest.raises(InputRefused, match=fact):
        head_index_files(heads, vectors)


def npy(array: NDArray[np.generic]) -> bytes:
    data = io.BytesIO()
    np.save(data, array, allow_pickle=array.dtype == object)
    return data.getvalue()


@pytest.mark.parametrize(
    ("vectors", "fact"),
    [
        (b"", "is no array"),
        (b"\x93NUMPY", "is no array"),
        (npy(np.array([{}], dtype=object)), "is no array"),  # a pickle is never opened
        (npy(VECTORS), "is float32"),
        (npy(VECTORS[:3].astype(np.float16)), r"float16 \(3, 3\), not float16 \(4, 3\)"),
        (npy((VECTORS * 2).astype(np.float16)), "not of length 1"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(tmp_path: Path, vectors: bytes, fact: str) -> None:
    files = {**head_index_files(HEADS, VECTORS), "head_index/vectors.npy": vectors}
    with pytest.raises(BundleRefused, match=rf"head_index/vectors.npy: .*{fact}"):
        HeadIndex.load(bundle_of(tmp_path, files))


def test_a_width_other_than_the_manifest_s_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match=r"not float16 \(4, 8\)"):
        HeadIndex.load(bundle_of(tmp_path, head_index_files(HEADS, VECTORS), width=8))


def arrow(**columns: pa.Array) -> bytes:
    table, out = pa.table(columns), pa.BufferOutputStream()
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    data: bytes = out.getvalue().to_pybytes()
    return data


def columns(locales: list[str | None]) -> dict[str, pa.Array]:
    return {
        "locale": pa.array(locales, pa.string()),
        "query": pa.array(["a", "b", "c", "d"]),
        "volume": pa.array([1.0] * 4),
        "volume_is_estimate": pa.array([False] * 4),
        "product_type": pa.array([""] * 4),
    }


@pytest.mark.parametrize(
    ("heads", "fact"),
    [
        (b"", "is no Arrow IPC file"),
        (b"ARROW1\0\0 and nothing more", "is no Arrow IPC file"),
        (arrow(query=pa.array(["a"])), "has the columns query string"),
        (arrow(**columns(["de", "en", "en", "de"])), "not grouped by locale"),
        (arrow(**columns(["de", "de", None, "en"])), "has rows without locale"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, heads: bytes, fact: str) -> None:
    files = {**head_index_files(HEADS, VECTORS), "head_index/heads.arrow": heads}
    with pytest.raises(BundleRefused, match=rf"head_index/heads.arrow: .*{fact}"):
        HeadIndex.load(bundle_of(tmp_path, files))


@pytest.mark.parametrize("missing", ["head_index/heads.arrow", "head_index/vectors.npy"])
def test_half_an_index_is_refused(tmp_path: Path, missing: str) -> None:
    files = head_index_files(HEADS, VECTORS)
    del files[missing]
    with pytest.raises(BundleRefused, match=missing):
        HeadIndex.load(bundle_of(tmp_path, files))
