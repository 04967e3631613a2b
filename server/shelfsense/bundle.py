"""The bundle: one folder with everything a server loads, verified by digest before anything is parsed.

Reading never hands out a byte whose digest was not checked on that very byte; writing goes to a
temporary folder and becomes visible by one rename. Knows the manifest, not what the files mean.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from shelfsense.bundle_signature import SIGNATURE, TrustedKeys, check_signature
from shelfsense.errors import BundleRefused
from shelfsense.strict_json import read_json

FORMAT_VERSION = 2
"""Newest bundle format this code reads. A bundle is written in the oldest format that says all it holds."""

_SINCE_2 = frozenset({"type_map.json", "head_index/vectors_int8.npy", "reranker.onnx"})
"""What a reader of format 1 would pass over, and answer otherwise than the bundle means, or cannot read."""

_SINCE_2_KEY = "attributes"
"""The manifest's key where the network has an attribute head: a reader of format 1 would leave its gate out."""

MANIFEST = "manifest.json"
MANIFEST_DIGEST = "manifest.sha256"
_REQUIRED = ("format_version", "bundle_version", "label_space", "locales", "files", "backbone", "embedding")
_COPY_AGAIN = "copy the bundle again from where it was published"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle folder.

    Attributes:
        path: the folder.
        manifest: the parsed manifest; unknown keys are kept.
        signed_by: fingerprint of the key that signed it; empty where nobody did.
    """

    path: Path
    manifest: Mapping[str, Any]
    signed_by: str = ""

    @classmethod
    def open(cls, path: Path | str, *, trusted: TrustedKeys | None = None) -> Bundle:
        """Verify a folder and return it as a bundle.

        Args:
            path: the folder.
            trusted: keys of which one must have signed it; None: it may lack a signature.

        Raises:
            BundleRefused: naming the file, the fact and the remedy.
            MissingExtra: it is signed, and the library that checks signatures is not installed.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise BundleRefused(str(folder), "is no folder", "name a bundle folder with --bundle or SHELFSENSE_BUNDLE")
        bundle = cls(folder, *_read_manifest(folder, trusted))
        listed = set(bundle.manifest["files"])
        for name in sorted(_files_in(folder) - listed - {MANIFEST, MANIFEST_DIGEST, SIGNATURE}):
            raise BundleRefused(name, "is not listed in the manifest", "remove it, or " + _COPY_AGAIN)
        for name in sorted(listed):
            bundle.read(name)
        return bundle

    @property
    def version(self) -> str:
        """The bundle's own version string."""
        return str(self.manifest["bundle_version"])

    def read(self, name: str) -> bytes:
        """Return the bytes of a listed file, their digest checked on the bytes returned.

        Raises:
            BundleRefused: when the file is not listed, missing, or differs from its digest.
        """
        entry = self.manifest["files"].get(name)
        if entry is None:
            raise BundleRefused(name, "is not part of this bundle", "use a bundle that has it")
        data = _read(self.path, name)
        if len(data) != entry["bytes"]:
            raise BundleRefused(name, f"has {len(data)} bytes, the manifest says {entry['bytes']}", _COPY_AGAIN)
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise BundleRefused(name, "differs from its digest in the manifest", _COPY_AGAIN)
        return data

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a listed file as the manifest says it, empty where it is not listed."""
        return str(self.manifest["files"].get(name, {}).get("sha256", ""))

    def has(self, name: str) -> bool:
        """Return whether the manifest lists the file."""
        return name in self.manifest["files"]


def write_bundle(out: Path | str, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Bundle:
    """Write a bundle folder and return it verified.

    Args:
        out: the folder to make; an existing bundle there is replaced by the rename, never edited.
        manifest: all keys but ``format_version`` and ``files``, which are filled in.
        files: file name (with ``/``) to content.

    Raises:
        BundleRefused: when what stands at ``out`` is no bundle, or a file name leads out of the folder.
    """
    _check_names(files)
    target = Path(out)
    target.parent.mkdir(parents=True, exist_ok=True)
    listed = {name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in files.items()}
    newer = not _SINCE_2.isdisjoint(files) or _SINCE_2_KEY in manifest or _calibrated_per_locale(files)
    version = 2 if newer else 1
    full = {**manifest, "format_version": version, "files": dict(sorted(listed.items()))}
    text = (json.dumps(full, ensure_ascii=False, indent=1) + "\n").encode()
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        staging.chmod(0o755)
        for name, data in files.items():
            place = staging / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        (staging / MANIFEST).write_bytes(text)
        (staging / MANIFEST_DIGEST).write_bytes(_digest_line(text))
        Bundle.open(staging)
        _replace(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Bundle.open(target)


def _calibrated_per_locale(files: Mapping[str, bytes]) -> bool:
    """Return whether thresholds.json maps any locale's probabilities, which readers of format 1 would not do."""
    try:
        locales = json.loads(files.get("thresholds.json", b"{}")).get("locales", {})
        return any("calibration" in entry or "types" in entry for entry in locales.values())
    except (ValueError, AttributeError, TypeError):
        return False  # no thresholds that anybody can read; who loads the bundle says so


def _replace(staging: Path, target: Path) -> None:
    if not target.exists():
        staging.rename(target)
        return
    Bundle.open(target)  # only ever replace what is a bundle
    retired = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
    target.rename(retired / "bundle")
    try:
        staging.rename(target)
    except OSError:
        (retired / "bundle").rename(target)
        retired.rmdir()
        raise
    shutil.rmtree(retired, ignore_errors=True)


def _read_manifest(folder: Path, trusted: TrustedKeys | None) -> tuple[dict[str, Any], str]:
    """Return the manifest, and the fingerprint of the key that signed the very bytes it was read from."""
    data = _read(folder, MANIFEST)
    if _read(folder, MANIFEST_DIGEST) != _digest_line(data):
        raise BundleRefused(MANIFEST, f"differs from its digest in {MANIFEST_DIGEST}", _COPY_AGAIN)
    signature = _read(folder, SIGNATURE) if os.path.lexists(folder / SIGNATURE) else None
    signed_by = check_signature(signature, data, trusted)
    try:
        manifest = read_json(data)
    except ValueError as error:
        raise BundleRefused(MANIFEST, f"is not JSON ({error})", _COPY_AGAIN) from error
    if not isinstance(manifest, dict):
        raise BundleRefused(MANIFEST, "is not a JSON object", _COPY_AGAIN)
    version = manifest.get("format_version")
    if not isinstance(version, int) or not 1 <= version <= FORMAT_VERSION:
        raise BundleRefused(
            MANIFEST, f"has format version {version}, this server reads up to {FORMAT_VERSION}", "upgrade shelfsense"
        )
    missing = [key for key in _REQUIRED if key not in manifest]
    if missing:
        raise BundleRefused(MANIFEST, f"lacks the key {missing[0]}", _COPY_AGAIN)
    files = manifest["files"]
    if not isinstance(files, dict) or not all(_is_entry(entry) for entry in files.values()):
        raise BundleRefused(MANIFEST, "has no sha256 and bytes for every file", _COPY_AGAIN)
    _check_names(files)
    return manifest, signed_by


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("sha256"), str) and isinstance(entry.get("bytes"), int)


def _check_names(names: Iterable[str]) -> None:
    for name in names:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise BundleRefused(MANIFEST, f"lists {name}, which lies outside the bundle", _COPY_AGAIN)
        if "\0" in name:
            raise BundleRefused(MANIFEST, f"lists {name!r}, which no file can be called", _COPY_AGAIN)


def _digest_line(manifest: bytes) -> bytes:
    return f"{hashlib.sha256(manifest).hexdigest()}\n".encode()


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        fact = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise BundleRefused(name, fact, _COPY_AGAIN) from error


def _files_in(folder: Path) -> set[str]:
    found: set[str] = set()
    for parent, _, names in os.walk(folder):
        found.update((Path(parent) / name).relative_to(folder).as_posix() for name in names)
    return found
