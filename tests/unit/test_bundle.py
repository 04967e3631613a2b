"""The bundle: whatever differs from the manifest is refused, with the file and the remedy."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfsense.bundle import FORMAT_VERSION, Bundle, write_bundle
from shelfsense.errors import BundleRefused

MANIFEST: dict[str, Any] = {
    "bundle_version": "1.2.3",
    "label_space": "toy",
    "locales": ["de"],
    "backbone": {"max_tokens": 64},
    "embedding": {"width": 4},
    "a_key_of_the_future": [1, 2],
}
FILES = {"tokenizer.json": b"{}", "head_index/vectors.npy": b"\x00\x01\x02"}
EVERY_FILE = ["manifest.json", "manifest.sha256", "tokenizer.json", "head_index/vectors.npy"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "bundle", MANIFEST, FILES).path


def change_manifest(folder: Path, **changes: Any) -> None:
    data = json.dumps({**json.loads((folder / "manifest.json").read_bytes()), **changes}).encode()
    (folder / "manifest.json").write_bytes(data)
    (folder / "manifest.sha256").write_text(hashlib.sha256(data).hexdigest() + "\n")


def test_what_was_written_is_read_back(folder: Path) -> None:
    bundle = Bundle.open(folder)
    assert bundle.version == "1.2.3"
    assert bundle.read("head_index/vectors.npy") == b"\x00\x01\x02"
    assert bundle.has("tokenizer.json")
    assert not bundle.has("model.onnx")


def test_an_unknown_manifest_key_is_kept(folder: Path) -> None:
    assert Bundle.open(folder).manifest["a_key_of_the_future"] == [1, 2]


@pytest.mark.parametrize("name", EVERY_FILE)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_one_flipped_bit_in_any_file_is_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, place: float, bit: int
) -> None:
    folder = write_bundle(tmp_path_factory.mktemp("flip") / "bundle", MANIFEST, FILES).path
    data = bytearray((folder / name).read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    (folder / name).write_bytes(bytes(data))
    with pytest.raises(BundleRefused, match="copy the bundle again") as caught:
        Bundle.open(folder)
    assert caught.value.file == ("manifest.json" if name == "manifest.sha256" else name)


@pytest.mark.parametrize("name", EVERY_FILE)
def test_a_missing_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleRefused, match=r"is missing; copy the bundle again") as caught:
        Bundle.open(folder)
    assert caught.value.file == name


@pytest.mark.parametrize("name", EVERY_FILE)
def test_a_file_that_grew_is_refused(folder: Path, name: str) -> None:
    with (folder / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(BundleRefused):
        Bundle.open(folder)


def test_an_unlisted_file_is_refused(folder: Path) -> None:
    (folder / "head_index" / "extra.bin").write_bytes(b"")
    with pytest.raises(BundleRefused, match="not listed in the manifest; remove it") as caught:
        Bundle.open(folder)
    assert caught.value.file == "head_index/extra.bin"


def test_a_newer_format_is_refused_with_the_upgrade(folder: Path) -> None:
    change_manifest(folder, format_version=FORMAT_VERSION + 1)
    with pytest.raises(BundleRefused, match=r"manifest.json: has format version 3.*upgrade shelfsense"):
        Bundle.open(folder)


@pytest.mark.parametrize("version", [None, "1", 0, -1, 1.0])
def test_a_format_that_never_was_is_refused(folder: Path, version: object) -> None:
    change_manifest(folder, format_version=version)
    with pytest.raises(BundleRefused, match="format version"):
        Bundle.open(folder)


@pytest.mark.parametrize("files", [[], {"tokenizer.json": {}}, {"tokenizer.json": "digest"}])
def test_a_manifest_without_digests_is_refused(folder: Path, files: object) -> None:
    change_manifest(folder, files=files)
    with pytest.raises(BundleRefused, match="sha256 and bytes"):
        Bundle.open(folder)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../secret"])
def test_a_manifest_cannot_name_what_lies_outside(folder: Path, name: str) -> None:
    files = json.loads((folder / "manifest.json").read_bytes())["files"]
    change_manifest(folder, files={**files, name: {"sha256": "", "bytes": 0}})
    with pytest.raises(BundleRefused, match="outside the bundle"):
        Bundle.open(folder)


def test_nothing_is_written_outside_the_folder(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match="outside the bundle"):
        write_bundle(tmp_path / "bundle", MANIFEST, {"../secret": b""})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match="SHELFSENSE_BUNDLE"):
        Bundle.open(tmp_path / "nowhere")


def test_a_file_changed_after_opening_is_refused_when_read(folder: Path) -> None:
    bundle = Bundle.open(folder)
    (folder / "tokenizer.json").write_bytes(b"[]")
    with pytest.raises(BundleRefused, match="differs from its digest"):
        bundle.read("tokenizer.json")


def test_a_file_outside_the_manifest_cannot_be_read(folder: Path) -> None:
    with pytest.raises(BundleRefused, match="not part of this bundle"):
        Bundle.open(folder).read("manifest.json")


def test_writing_replaces_a_bundle_whole(folder: Path) -> None:
    write_bundle(folder, {**MANIFEST, "bundle_version": "2"}, {"tokenizer.json": b"new"})
    assert Bundle.open(folder).version == "2"
    assert not (folder / "head_index").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"]


def test_writing_never_replaces_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    with pytest.raises(BundleRefused):
        write_bundle(tmp_path / "photos", MANIFEST, FILES)
    assert (tmp_path / "photos" / "cat.jpg").read_bytes() == b"cat"
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_write_that_fails_leaves_the_old_bundle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / "manifest.json").read_bytes()

    def full_disk(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_bundle(folder, MANIFEST, FILES)
    monkeypatch.undo()
    assert (folder / "manifest.json").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"]


def test_a_rename_that_fails_puts_the_old_bundle_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def fails_for_the_new_one(self: Path, target: Path) -> Path:
        if target == folder and "-old-" not in str(self):
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails_for_the_new_one)
    with pytest.raises(OSError, match="Input/output"):
        write_bundle(folder, {**MANIFEST, "bundle_version": "2"}, FILES)
    monkeypatch.undo()
    assert Bundle.open(folder).version == "1.2.3"
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"]


def test_a_bundle_is_written_in_the_oldest_format_that_says_all_it_holds(tmp_path: Path) -> None:
    manifest = {"bundle_version": "1", "label_space": "t", "locales": [], "backbone": {}, "embedding": {}}
    plain = b'{"locales": {"en": {"product_types": [0.5]}}}'
    mapped = b'{"locales": {"en": {"product_types": [0.5], "calibration": [[1.1, 0.2]]}}}'
    for files, version in (
        ({"thresholds.json": plain}, 1),
        ({"thresholds.json": mapped}, 2),
        ({"thresholds.json": plain, "type_map.json": b"{}"}, 2),
    ):
        assert write_bundle(tmp_path / "bundle", manifest, files).manifest["format_version"] == version
