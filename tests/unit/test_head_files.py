"""The files of a head index: what is written comes back, older files are read, and what does not fit is refused."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from shelfsense.errors import BundleRefused, InputRefused
from shelfsense.reformulation.head_files import VECTORS as FLOAT_FILE
from shelfsense.reformulation.head_files import VECTORS_INT8, read_head_files
from shelfsense.reformulation.head_index import Head, HeadIndex, head_index_files
from tiny_heads import HEADS, VECTORS, bundle_of


def test_vectors_of_any_float_type_are_written_alike() -> None:
    assert head_index_files(HEADS, VECTORS.astype(np.float64)) == head_index_files(HEADS, VECTORS)


def test_what_is_read_is_written_again_to_the_byte(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    vectors = draw.standard_normal((500, 64))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    files = head_index_files([Head(str(i), "de", i, attributes="a=b") for i in range(500)], vectors)
    table, read = read_head_files(bundle_of(tmp_path, files, width=64))
    assert head_index_files([Head(**row) for row in table.to_pylist()], read) == files
    assert np.abs(read - vectors).max() < 0.5 / 127  # half a step of the largest number there could be


def test_an_older_bundle_is_read(tmp_path: Path) -> None:
    order = [0, 2, 1, 3]  # by locale
    older = {name: values.filter(pa.array([True] * 4)) for name, values in columns(["de", "de", "en", "en"]).items()}
    files = {"head_index/heads.arrow": arrow(**older), FLOAT_FILE: npy(VECTORS[order].astype(np.float16))}
    bundle = bundle_of(tmp_path, files)
    assert bundle.manifest["format_version"] == 1
    table, vectors = read_head_files(bundle)
    assert table.column("attributes").to_pylist() == [""] * 4
    assert np.array_equal(vectors, VECTORS[order].astype(np.float16))
    assert [match.query for match in HeadIndex.load(bundle).search("en", VECTORS[3], 1)] == ["d"]
    heads = [Head(**row) for row in table.to_pylist()]
    assert head_index_files(heads, vectors, stored_as=FLOAT_FILE)[FLOAT_FILE] == files[FLOAT_FILE]


def test_attributes_may_be_null(tmp_path: Path) -> None:
    table = arrow(**columns(["de"] * 4), attributes=pa.array(["size=m", None, None, ""]))
    files = {**head_index_files(HEADS, VECTORS), "head_index/heads.arrow": table}
    read, _ = read_head_files(bundle_of(tmp_path, files))
    assert read.column("attributes").to_pylist() == ["size=m", "", "", ""]


def test_older_readers_refuse_a_bundle_whose_vectors_they_do_not_know(tmp_path: Path) -> None:
    assert bundle_of(tmp_path, head_index_files(HEADS, VECTORS)).manifest["format_version"] == 2


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
    files = {**head_index_files(HEADS, VECTORS), FLOAT_FILE: vectors}
    del files[VECTORS_INT8]
    with pytest.raises(BundleRefused, match=rf"head_index/vectors.npy: .*{fact}"):
        HeadIndex.load(bundle_of(tmp_path, files))


@pytest.mark.parametrize(
    ("vectors", "fact"),
    [
        (b"", "is no array"),
        (npy(VECTORS), r"is float32 \(4, 3\), not int8 \(4, 3\)"),
        (npy(np.ones((3, 3), dtype=np.int8)), r"is int8 \(3, 3\), not int8 \(4, 3\)"),
        (npy(np.zeros((4, 3), dtype=np.int8)), "holds rows of zeros, which point nowhere"),
    ],
)
def test_bytes_that_do_not_fit_are_refused(tmp_path: Path, vectors: bytes, fact: str) -> None:
    files = {**head_index_files(HEADS, VECTORS), VECTORS_INT8: vectors}
    with pytest.raises(BundleRefused, match=rf"head_index/vectors_int8.npy: .*{fact}"):
        HeadIndex.load(bundle_of(tmp_path, files))


def test_two_files_of_vectors_are_refused(tmp_path: Path) -> None:
    files = {**head_index_files(HEADS, VECTORS), FLOAT_FILE: npy(VECTORS.astype(np.float16))}
    with pytest.raises(BundleRefused, match=r"stands beside head_index/vectors_int8\.npy"):
        HeadIndex.load(bundle_of(tmp_path, files))


def test_a_width_other_than_the_manifest_s_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match=r"not int8 \(4, 8\)"):
        HeadIndex.load(bundle_of(tmp_path, head_index_files(HEADS, VECTORS), width=8))


def arrow(**columns: pa.Array) -> bytes:
    table, out = pa.table(columns), pa.BufferOutputStream()
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    data: bytes = out.getvalue().to_pybytes()
    return data


def columns(locales: Sequence[str | None]) -> dict[str, pa.Array]:
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


@pytest.mark.parametrize("missing", ["head_index/heads.arrow", VECTORS_INT8])
def test_half_an_index_is_refused(tmp_path: Path, missing: str) -> None:
    files = head_index_files(HEADS, VECTORS)
    del files[missing]
    with pytest.raises(BundleRefused, match=missing):
        HeadIndex.load(bundle_of(tmp_path, files))
