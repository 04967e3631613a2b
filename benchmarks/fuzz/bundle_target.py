"""The files of a bundle: one of them is the input, with its right digest, and the bundle is loaded and asked.

An input is a letter that chooses the file, then its content; one more letter than there are files means heads.arrow,
made of lines of fields that are apart by a unit separator. Only `BundleRefused` may come out of loading, and what
loads has to answer: a bundle that passes and fails at its first query would take the old one's place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from benchmarks.fuzz.json_mutation import mutated_json
from benchmarks.fuzz.small_bundle import write_small_bundle
from benchmarks.fuzz.target import Target
from benchmarks.fuzz.without_network import load
from shelfsense.bundle import MANIFEST, MANIFEST_DIGEST, Bundle
from shelfsense.errors import BundleRefused, InvalidQuery
from shelfsense.overrides.override_targets import OverrideTargets
from shelfsense.query import Options, Query
from shelfsense.reformulation.head import SCHEMA
from shelfsense.reformulation.head_files import HEADS
from shelfsense.serving import wire
from shelfsense.serving.kinds import UNDERSTAND
from shelfsense.understander import Prepared, Understander

_QUERIES = (Query("red boots", "en"), Query("kettle 2 l without lid", "en-GB"), Query("İ ￼", "xx"), Query("bota", "pt"))
_EVERYTHING = Options(top_k=100, max_reformulations=50, cross_locale=True, include_refused=True)
_ODD = (b"", b"null", b"[" * 4000, b"{}", b'"\\ud800"', b"\xff\xfe", b"1" * 4000)
_ROWS = b'de\x1frote stiefel\x1f7\x1f\x1fsh-1\x1f\nen\x1fred boots\x1f9\x1f\x1fsh-1\x1f[["color","red"]]\nen\x1fkettle\x1f5\x1f1\x1fho-1\x1f'


class _Shelf:
    """A bundle on disk of which one file at a time is another."""

    def __init__(self, folder: Path) -> None:
        bundle = write_small_bundle(folder / "bundle")
        self._folder = bundle.path
        self._manifest = json.loads((self._folder / MANIFEST).read_bytes())
        self.files = {name: bundle.read(name) for name in sorted(bundle.manifest["files"])}
        self.files[MANIFEST] = (self._folder / MANIFEST).read_bytes()
        self.names = list(self.files)

    def check(self, data: bytes) -> None:
        """Load the bundle with another file, and ask it."""
        place, content = (data or b"\0")[0] % (len(self.names) + 1), data[1:]
        name, content = (HEADS, _table(content)) if place == len(self.names) else (self.names[place], content)
        self._put(name, content)
        try:
            _load_and_ask(self._folder)
        except BundleRefused:
            pass
        finally:
            self._put(name, self.files[name])

    def _put(self, name: str, content: bytes) -> None:
        manifest = content
        if name != MANIFEST:
            entry = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            manifest = json.dumps({**self._manifest, "files": {**self._manifest["files"], name: entry}}).encode()
            (self._folder / name).write_bytes(content)
        (self._folder / MANIFEST).write_bytes(manifest)
        (self._folder / MANIFEST_DIGEST).write_text(f"{hashlib.sha256(manifest).hexdigest()}\n", encoding="ascii")


def _load_and_ask(folder: Path) -> None:
    bundle = Bundle.open(folder)
    OverrideTargets.load(bundle)
    understander = load(bundle)
    wire.describe_response(understander.describe(), understander.product_types).SerializeToString()
    prepared = list(_prepared(understander))
    if not prepared:
        return
    for answer in understander.answer_all(prepared, understander.infer(prepared), _EVERYTHING):
        wire.body(UNDERSTAND, answer)
        wire.info(UNDERSTAND, answer)


def _table(data: bytes) -> bytes:
    """Return three heads as the file holds them; texts that are no UTF-8 stay as they are."""
    rows = [[*line.split(b"\x1f"), *[b""] * len(SCHEMA)][: len(SCHEMA)] for line in [*data.split(b"\n"), b"", b""][:3]]
    columns = [_column(field, values) for field, values in zip(SCHEMA, zip(*rows, strict=True), strict=True)]
    out = pa.BufferOutputStream()
    with pa.ipc.new_file(out, SCHEMA) as writer:
        writer.write_table(pa.Table.from_arrays(columns, schema=SCHEMA))
    written: bytes = out.getvalue().to_pybytes()
    return written


def _column(field: pa.Field, values: Sequence[bytes]) -> pa.Array:
    if field.type == pa.bool_():
        return pa.array([bool(value) for value in values])
    if field.type == pa.float64():
        return pa.array([float(value) if value.isdigit() and len(value) < 400 else float("nan") for value in values])
    whole = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(whole), whole.buffers())


def _prepared(understander: Understander) -> Iterator[Prepared]:
    for query in _QUERIES:
        with suppress(InvalidQuery):  # of a bundle that takes three tokens at most
            yield understander.prepare(query)


def target(folder: Path) -> Target:
    """Return the target."""
    shelf = _Shelf(folder)
    seeds = [bytes([number]) + shelf.files[name] for number, name in enumerate(shelf.names)]
    seeds += [bytes([number]) + odd for number in range(len(shelf.names)) for odd in _ODD]
    seeds.append(bytes([len(shelf.names)]) + _ROWS)
    return Target(shelf.check, seeds, lambda data, seed: data[:1] + mutated_json(data[1:], seed))
