"""The rows of an input file as text, line by line; a row that cannot be read is one rejected row, not the end.

CSV is quoted as usual; TSV is not quoted at all; Parquet rows are counted from 1. Knows nothing of what the
columns mean.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shelfsense.annotation.csv_records import open_text, read_records
from shelfsense.errors import InputRefused

REJECTED = "rejected_rows.csv"
_FORMS = (".csv", ".tsv", ".parquet")
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was left out.

    Attributes:
        file: its file's name.
        line: its first line, or its row in a Parquet file, from 1.
        reason: the fact and what to do.
        query: its query, where it could be read.
    """

    file: str
    line: int
    reason: str
    query: str = ""


@dataclass(frozen=True, slots=True)
class Cells:
    """A row's values by column, as text; stray bytes are surrogate escapes.

    Attributes:
        line: its first line, or its row in a Parquet file, from 1.
        values: of the columns asked for; empty where the file has no such optional column.
        fault: why the row cannot be read; empty where it can.
    """

    line: int
    values: dict[str, str]
    fault: str = ""


def read_cells(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Cells]:
    """Read a file's rows.

    Args:
        path: its suffix says which form: .csv, .tsv or .parquet.
        required: columns that must be there.
        optional: columns that may be.

    Raises:
        InputRefused: when the file is missing, is not of its form, or lacks a column.
    """
    suffix = path.suffix.lower()
    if suffix not in _FORMS:
        raise InputRefused(f"{path}: its suffix is none of {', '.join(_FORMS)}; rename or convert it")
    if not path.is_file():
        raise InputRefused(f"{path}: there is no such file")
    read = {".csv": _csv_rows, ".tsv": _tsv_rows, ".parquet": _parquet_rows}[suffix]
    try:
        yield from read(path, required, (*required, *optional))
    except InputRefused as error:
        raise InputRefused(f"{path}: {error}") from error
    except (pa.ArrowException, OSError) as error:
        raise InputRefused(f"{path}: cannot be read as {suffix[1:]} ({error})") from error


def write_rejected(rows: Iterable[RejectedRow], folder: Path) -> None:
    """Write ``rejected_rows.csv``: file, line, reason, query; a header alone where every row is good."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / REJECTED).open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "line", "reason", "query"))
        writer.writerows((row.file, row.line, row.reason, row.query) for row in rows)


def _csv_rows(path: Path, required: Sequence[str], wanted: Sequence[str]) -> Iterator[Cells]:
    with path.open("rb") as raw, open_text(raw, packed=False) as text:
        _, records = read_records(text, required[0])
        line = 1
        places: dict[str, int] = {}
        width = 0
        for number, record in enumerate(records):
            if number == 0:
                places, width = _places(record.fields, required, wanted), len(record.fields)
            elif record.fields:
                yield _cells(line, record.fields, width, places, wanted)
            line += (record.text + record.line_end).count("\n") or 1


def _tsv_rows(path: Path, required: Sequence[str], wanted: Sequence[str]) -> Iterator[Cells]:
    with path.open("rb") as raw, open_text(raw, packed=False) as text:
        header = text.readline().removeprefix("\ufeff").rstrip("\r\n").split("\t")
        places = _places(header, required, wanted)
        for line, content in enumerate(text, start=2):
            if content.strip("\r\n"):
                yield _cells(line, content.rstrip("\r\n").split("\t"), len(header), places, wanted)


def _parquet_rows(path: Path, required: Sequence[str], wanted: Sequence[str]) -> Iterator[Cells]:
    file = pq.ParquetFile(path)
    places = _places(file.schema_arrow.names, required, wanted)
    names = [name for name in wanted if name in places]
    line = 0
    for batch in file.iter_batches(_CHUNK, columns=names):
        columns = {name: _values(batch.column(name)) for name in names}
        for i in range(batch.num_rows):
            line += 1
            yield Cells(line, {name: columns[name][i] if name in columns else "" for name in wanted})


def _places(header: Sequence[str], required: Sequence[str], wanted: Sequence[str]) -> dict[str, int]:
    for name in required:
        if name not in header:
            raise InputRefused(f"there is no column '{name}' (it has {', '.join(header)}); add or rename it")
    return {name: header.index(name) for name in wanted if name in header}


def _cells(line: int, fields: Sequence[str], width: int, places: dict[str, int], wanted: Sequence[str]) -> Cells:
    if len(fields) != width:
        return Cells(line, {}, f"has {len(fields)} fields, the header has {width}; quote what holds a delimiter")
    return Cells(line, {name: fields[places[name]] if name in places else "" for name in wanted})


def _values(column: Any) -> list[str]:
    """Return a column as text; strings by way of their bytes, for Parquet may hold what is no UTF-8."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.large_binary())
    return [_plain(value) for value in column.to_pylist()]


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(int(value)) if isinstance(value, bool) else str(value)
