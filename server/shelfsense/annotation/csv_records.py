"""CSV as records that remember their own text, so that a row can be written as it was read.

Files are read as UTF-8 with stray bytes kept as surrogate escapes: a file with one bad byte is still a
file, and the byte goes out as it came in.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TextIO

from shelfsense.errors import InputRefused

_DELIMITERS = ",;\t|"
_BYTE_ORDER_MARK = "\ufeff"
_UTF_16_MARKS = ("\udcff\udcfe", "\udcfe\udcff")  # as surrogate escapes


@dataclass(frozen=True, slots=True)
class Record:
    """A record as parsed, and as it stands in the file.

    Attributes:
        fields: the fields' contents; none for a blank line.
        text: the record's text without its line end.
        line_end: its line end; empty at the end of a file that lacks one.
    """

    fields: list[str]
    text: str
    line_end: str


@dataclass(slots=True)
class _Lines:
    """The lines of a file, which keeps the text of those a csv reader took for its current record."""

    source: Iterable[str]
    taken: list[str] = field(default_factory=list)
    number: int = 0
    ended: bool = False

    def __iter__(self) -> Iterator[str]:
        for line in self.source:
            self.number += 1
            self.taken.append(line)
            # Behind the mark a quote would not be seen as the first character of its field.
            yield line.removeprefix(_BYTE_ORDER_MARK) if self.number == 1 else line
        self.ended = True

    def take(self) -> str:
        text = "".join(self.taken)
        self.taken.clear()
        return text


def read_records(text: TextIO, query_column: str) -> tuple[str, Iterator[Record]]:
    """Return a file's delimiter and its records, the header first.

    Args:
        text: the file, opened by `open_text`.
        query_column: the delimiter is the first of ``, ; tab |`` under which the header has this column.

    Raises:
        InputRefused: now or while reading, naming the line: no header, UTF-16, a quote never closed.
    """
    first = text.readline()
    if first.startswith(_UTF_16_MARKS):
        raise InputRefused("line 1: the file is UTF-16; save it as UTF-8")
    if not first.strip():
        raise InputRefused("line 1: is empty; it must name the columns")
    header = first.removeprefix(_BYTE_ORDER_MARK)
    fitting = [mark for mark in _DELIMITERS if query_column in next(csv.reader([header], delimiter=mark))]
    delimiter = fitting[0] if fitting else _DELIMITERS[0]
    return delimiter, _records(_Lines(chain([first], text)), delimiter)


def _records(lines: _Lines, delimiter: str) -> Iterator[Record]:
    reader = csv.reader(iter(lines), delimiter=delimiter)
    while True:
        began = lines.number + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:  # a field past the csv module's limit: nearly always a quote never closed
            raise InputRefused(f"line {began}: {error}; is a quote never closed?") from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputRefused(f"line {began}: the gzip stream is damaged ({error}); copy the file again") from error
        if fields is None:
            return
        if lines.ended:  # the reader asked for more lines: the record is not complete
            raise InputRefused(f"line {began}: a quote is opened and never closed; close it, or double it if meant")
        text = lines.take()
        body = text.rstrip("\r\n")
        yield Record(fields, body, text[len(body) :])


@contextmanager
def open_text(raw: BinaryIO, *, packed: bool) -> Iterator[TextIO]:
    """Open a binary file for reading as text, through gzip where it is packed."""
    data = gzip.GzipFile(fileobj=raw, mode="rb") if packed else raw
    with io.TextIOWrapper(data, encoding="utf-8", errors="surrogateescape", newline="") as text:
        yield text


@contextmanager
def create_text(path: Path, *, packed: bool) -> Iterator[TextIO]:
    """Create a file for writing what `open_text` reads."""
    with path.open("wb") as raw:
        # Without name and time in its header, the same rows make the same file.
        data = gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) if packed else raw
        with io.TextIOWrapper(data, encoding="utf-8", errors="surrogateescape", newline="") as text:
            yield text
