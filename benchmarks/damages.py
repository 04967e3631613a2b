"""Ways to damage a bundle folder, each undone at the end of its ``with``."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from shelfsense.bundle import FORMAT_VERSION, MANIFEST, MANIFEST_DIGEST


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing wrong with a bundle folder.

    Attributes:
        kind: what is wrong, for a table.
        file: where.
        done: damages a folder, and restores it when the context ends.
    """

    kind: str
    file: str
    done: Callable[[Path], AbstractContextManager[None]]


def damages(folder: Path, *, flips: int, seed: int = 0) -> Iterator[Damage]:
    """Yield at least `flips` flipped bytes, as many in each file, then the other damages."""
    chance = random.Random(seed)
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    for name in files:
        size = (folder / name).stat().st_size
        for _ in range(-(-flips // len(files)) if size else 0):
            yield Damage("one flipped bit", name, partial(_flipped, name, chance.randrange(size), chance.randrange(8)))
    for name in files:
        yield Damage("missing file", name, partial(_missing, name))
    yield Damage("unlisted file", "extra.bin", partial(_unlisted, "extra.bin"))
    yield Damage("newer format version", MANIFEST, _newer)


@contextmanager
def _flipped(name: str, place: int, bit: int, folder: Path) -> Iterator[None]:
    _flip(folder / name, place, bit)
    try:
        yield
    finally:
        _flip(folder / name, place, bit)


def _flip(path: Path, place: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 1 << bit]))


@contextmanager
def _missing(name: str, folder: Path) -> Iterator[None]:
    aside = folder.with_name(f"{folder.name}-aside")
    (folder / name).rename(aside)
    try:
        yield
    finally:
        aside.rename(folder / name)


@contextmanager
def _unlisted(name: str, folder: Path) -> Iterator[None]:
    (folder / name).write_bytes(b"\0")
    try:
        yield
    finally:
        (folder / name).unlink()


@contextmanager
def _newer(folder: Path) -> Iterator[None]:
    before = {name: (folder / name).read_bytes() for name in (MANIFEST, MANIFEST_DIGEST)}
    # With a right digest: it is the version that must be refused, not a damaged manifest.
    data = json.dumps({**json.loads(before[MANIFEST]), "format_version": FORMAT_VERSION + 1}).encode()
    (folder / MANIFEST).write_bytes(data)
    (folder / MANIFEST_DIGEST).write_text(f"{hashlib.sha256(data).hexdigest()}\n", encoding="utf-8")
    try:
        yield
    finally:
        for name, content in before.items():
            (folder / name).write_bytes(content)
