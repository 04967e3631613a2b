"""What fuzzing found in files of a bundle: right by digest, wrong within, and once met by an error that was not ours."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from shelfsense.bundle import Bundle, write_bundle
from shelfsense.errors import BundleRefused, InputRefused
from shelfsense.locales import Locales
from shelfsense.manifest_values import manifest_locales, manifest_number
from shelfsense.overrides.overrides_file import read_overrides
from shelfsense.product_types import ProductTypes
from shelfsense.reformulation.attribute_spans import spans_from_text
from shelfsense.reformulation.head import Head
from shelfsense.reformulation.head_files import HEADS, VECTORS_INT8, head_index_files, read_head_files
from shelfsense.reformulation.head_index import HeadIndex
from shelfsense.strict_json import read_json
from shelfsense.thresholds import Thresholds
from shelfsense.tokenizer import QueryTokenizer
from tiny import tiny_tokenizer_json
from tiny_heads import HEADS as FOUR_HEADS
from tiny_heads import VECTORS, bundle_of

_DEEP = b"[" * 100_000
_SURROGATE = b'{"a": "\\ud800"}'


def _bundle(folder: Path, **manifest: Any) -> Bundle:
    usual = {"bundle_version": "1", "label_space": "x", "locales": ["en"], "backbone": {}, "embedding": {"width": 3}}
    return write_bundle(folder / "bundle", {**usual, **manifest}, {})


@pytest.mark.parametrize("data", [_DEEP, _SURROGATE, b'["\\udfff"]', b'{"\\ud800": 1}', b"{", b"\xff"])
def test_json_that_cannot_be_used_is_one_kind_of_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(data)


def test_json_keeps_what_it_says() -> None:
    assert read_json('{"ß": [1, 2.5, null, "\\ud83d\\udc5f"]}') == {"ß": [1, 2.5, None, "👟"]}


@pytest.mark.parametrize("data", [_DEEP, _SURROGATE])
def test_no_reader_of_json_falls_over_it(data: bytes) -> None:
    with pytest.raises(InputRefused, match="not the expected JSON"):
        ProductTypes.from_json(data)
    with pytest.raises(BundleRefused, match="is not JSON"):
        Thresholds.from_json(data)


@pytest.mark.parametrize(
    "tree",
    [
        {"label_space": "x", "nodes": [["a", "", None]]},
        {"label_space": "x", "nodes": [["a", 0, "A"]]},
        {"label_space": None, "nodes": []},
    ],
)
def test_a_type_without_a_text_for_a_name_is_refused(tree: Any) -> None:
    with pytest.raises(InputRefused, match="stands where a text should"):
        ProductTypes.from_json(json.dumps(tree).encode())


def test_a_threshold_of_hundreds_of_digits_is_no_number() -> None:
    entry = {"product_types": [10**400], "evidence": "real", "reformulation": 1, "reformulation_evidence": "real"}
    table = {"locales": {"en": entry}, "product_type_target_precision": 0.8, "reformulation_target_precision": 0.95}
    with pytest.raises(BundleRefused, match=r"en: product_types\[0\] is 1000"):
        Thresholds.from_json(json.dumps(table).encode())


@pytest.mark.parametrize("locales", [{"en": 1}, "en", [["en"]], [1], ["en", "en"], ["a\0b"], ["und"], None])
def test_locales_that_are_none_are_refused(tmp_path: Path, locales: Any) -> None:
    with pytest.raises(BundleRefused, match=r"manifest.json: locales"):
        manifest_locales(_bundle(tmp_path, locales=locales))


@pytest.mark.parametrize("embedding", [None, [], {}, {"width": "8"}, {"width": 0}, {"width": True}, {"width": 1.5}])
def test_a_width_that_is_no_whole_number_is_refused(tmp_path: Path, embedding: Any) -> None:
    bundle = _bundle(tmp_path, embedding=embedding)
    with pytest.raises(BundleRefused, match=r"embedding.width is .*, not a number of 1 or more"):
        manifest_number(bundle, "embedding", "width")
    with pytest.raises(BundleRefused, match=r"embedding.width"):
        HeadIndex.load(bundle)


def test_a_file_name_with_nul_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match="which no file can be called"):
        write_bundle(tmp_path / "bundle", {}, {"a\0b": b""})


def _files(bundle: Bundle) -> dict[str, bytes]:
    return {name: bundle.read(name) for name in bundle.manifest["files"]}


def _array(header: str) -> bytes:
    data = io.BytesIO()
    np.save(data, np.zeros((4, 3), dtype=np.int8))
    whole = data.getvalue()
    return whole[:10] + header.encode().ljust(118)[:118] + whole[128:]


@pytest.mark.parametrize(
    "header",
    ["{'descr': '|i1', 'shape': (4, 3", '{"""', "{'descr': '|i1', 'fortran_order': False, 'shape': (4, 10**99)}", "\\"],
)
def test_an_array_with_a_broken_header_is_refused(tmp_path: Path, header: str) -> None:
    files = {**head_index_files(FOUR_HEADS, VECTORS), VECTORS_INT8: _array(header)}
    with pytest.raises(BundleRefused, match=r"vectors_int8.npy: is no array"):
        read_head_files(bundle_of(tmp_path, files))


def test_attributes_of_a_head_that_nobody_can_read_are_refused_before_a_query_meets_them(tmp_path: Path) -> None:
    heads = [Head("red shoes", "en", 1.0, attributes='[["shade","red"]]')]
    bundle = bundle_of(tmp_path, head_index_files(heads, VECTORS[:1]))
    assert HeadIndex.load(bundle).heads("en") == 1  # no query of this bundle has any
    (tmp_path / "with").mkdir()
    compared = write_bundle(tmp_path / "with" / "bundle", {**bundle.manifest, "attributes": []}, _files(bundle))
    with pytest.raises(BundleRefused, match=rf"{HEADS}: attributes .* name no kind"):
        HeadIndex.load(compared)
    with pytest.raises(InputRefused, match="are no list of kinds"):
        spans_from_text("[" * 100_000)


def test_a_tokenizer_that_fails_on_what_it_does_not_know_is_refused() -> None:
    assert Tokenizer.from_str(tiny_tokenizer_json().decode())
    without = json.loads(tiny_tokenizer_json())
    without["model"]["unk_id"] = None
    with pytest.raises(InputRefused, match="set its unk_id"):
        QueryTokenizer.from_json(json.dumps(without).encode(), Locales(["en"]))


def test_a_small_file_of_overrides_cannot_take_all_memory() -> None:
    rows, out = 300_000, io.BytesIO()
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), pa.array(["x" * 1000]))
    columns = dict.fromkeys(("query", "locale", "action", "value"), long)
    pq.write_table(pa.table(columns), out)
    assert len(out.getvalue()) < 500_000
    with pytest.raises(InputRefused, match="take more than 256 MB"):
        read_overrides(out.getvalue())
