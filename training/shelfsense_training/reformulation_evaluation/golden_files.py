"""The golden pairs and typos: tests of our own writing that nothing is tuned on."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shelfsense.errors import InputRefused

TYPOS = "typos"
_LOCALES = {"hi-IN-latn": "hi-IN"}
"""Files of a writing that has no locale of its own."""


@dataclass(frozen=True, slots=True)
class GoldenPair:
    """A query and the head that says the same.

    Attributes:
        query: what is asked.
        head: what says the same.
        phenomenon: what makes it hard.
        near: heads that differ from it in one attribute.
    """

    query: str
    head: str
    phenomenon: str
    near: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GoldenFile:
    """The pairs of one file.

    Attributes:
        name: of the file, without its suffix.
        locale: a bundle locale.
        pairs: as written.
    """

    name: str
    locale: str
    pairs: tuple[GoldenPair, ...]


@dataclass(frozen=True, slots=True)
class Typo:
    """A misspelt query, the same query without its slip, and their head.

    Attributes:
        locale: a bundle locale.
        clean: as meant.
        misspelt: as typed.
        head: of the lexicon.
    """

    locale: str
    clean: str
    misspelt: str
    head: str


def read_golden(folder: Path, limit: int | None = None) -> list[GoldenFile]:
    """Return the golden pairs of a folder, file by file.

    Args:
        folder: with files ``<locale>.tsv`` of query, head, phenomenon, near.
        limit: pairs per file at most.

    Raises:
        InputRefused: when there are none, or a file lacks a column.
    """
    paths = [path for path in sorted(folder.glob("*.tsv")) if path.stem != TYPOS]
    if not paths:
        raise InputRefused(f"{folder}: holds no golden pairs; name the folder that has <locale>.tsv files")
    return [GoldenFile(path.stem, _LOCALES.get(path.stem, path.stem), tuple(_pairs(path))[:limit]) for path in paths]


def read_typos(folder: Path, limit: int | None = None) -> dict[str, list[Typo]]:
    """Return the typos of a folder by locale, `limit` per locale at most; none where it has no such file.

    Raises:
        InputRefused: when the file lacks a column.
    """
    path = folder / f"{TYPOS}.tsv"
    found: dict[str, list[Typo]] = {}
    for row in _rows(path, ("locale", "clean", "misspelt", "head")) if path.exists() else ():
        found.setdefault(row["locale"], []).append(Typo(**row))
    return {locale: typos[:limit] for locale, typos in found.items()}


def _pairs(path: Path) -> Iterator[GoldenPair]:
    for row in _rows(path, ("query", "head", "phenomenon", "near")):
        yield GoldenPair(row["query"], row["head"], row["phenomenon"], tuple(row["near"].split(" | ")))


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise InputRefused(f"{path}: lacks the column {missing[0]}; its columns must be {', '.join(columns)}")
        for row in reader:
            yield {name: row[name] for name in columns}
