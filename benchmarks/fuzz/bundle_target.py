"""The files of a bundle: one of them is the input, with its right digest, and the bundle is loaded and asked.

An input is a letter that chooses the file, then its content. Only `BundleRefused` may come out of loading, and what
loads has to answer: a bundle that passes and fails at its first query would take the old one's place.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from benchmarks.fuzz.json_mutation import mutated_json
from benchmarks.fuzz.small_bundle import write_small_bundle
from benchmarks.fuzz.target import Target
from benchmarks.fuzz.without_network import load
from shelfsense.bundle import MANIFEST, MANIFEST_DIGEST, Bundle
from shelfsense.errors import BundleRefused
from shelfsense.overrides.override_targets import OverrideTargets
from shelfsense.query import Options, Query
from shelfsense.serving import wire
from shelfsense.serving.kinds import UNDERSTAND

_QUERIES = (Query("red boots", "en"), Query("kettle 2 l without lid", "en-GB"), Query("İ ￼", "xx"), Query("bota", "pt"))
_EVERYTHING = Options(top_k=100, max_reformulations=50, cross_locale=True, include_refused=True)


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
        name, content = self.names[(data or b"\0")[0] % len(self.names)], data[1:]
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
    prepared = [understander.prepare(query) for query in _QUERIES]
    for answer in understander.answer_all(prepared, understander.infer(prepared), _EVERYTHING):
        wire.body(UNDERSTAND, answer)
        wire.info(UNDERSTAND, answer)


def target(folder: Path) -> Target:
    """Return the target."""
    shelf = _Shelf(folder)
    seeds = [bytes([number]) + shelf.files[name] for number, name in enumerate(shelf.names)]
    return Target(shelf.check, seeds, lambda data, seed: data[:1] + mutated_json(data[1:], seed))
