"""CSV files, plain or gzip: every byte of a row goes out as it came in, and the annotation after it.

What is decided about crooked files:

- a row with too few or too many fields is marked invalid; it is padded, so that the annotation stands
  under its header, and surplus fields move behind the annotation;
- a blank line stays blank and counts as no row, but in a file of one column it is an empty query;
- a quote that is never closed would swallow the rest of the file: the file is refused, with the line.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

from shelfsense.annotation.csv_records import Record, create_text, open_text, read_records
from shelfsense.annotation.row import ANNOTATION_COLUMNS, AnnotateRows, Annotation, InputColumns, Row


def annotate_csv(
    source: Path, partial: Path, columns: InputColumns, annotate: AnnotateRows, *, packed: bool, chunk_rows: int
) -> None:
    """Write a CSV file's rows to another, annotated; lists are JSON arrays.

    Args:
        source: the file to read; gzip where its name ends in ``.gz``.
        partial: the file to write.
        columns: where the queries and locales are.
        annotate: annotates a chunk.
        packed: write gzip.
        chunk_rows: rows held in memory at once.

    Raises:
        InputRefused: the file is empty, no CSV, or lacks a column.
    """
    with source.open("rb") as raw, open_text(raw, packed=source.suffix.lower() == ".gz") as text:
        size = max(1, os.fstat(raw.fileno()).st_size)
        delimiter, records = read_records(text, columns.query)
        header = next(records)
        query, locale = columns.positions(header.fields)
        width = len(header.fields)
        with create_text(partial, packed=packed) as out:
            table = _AnnotatedTable(out, delimiter, header)
            for chunk in _chunks(_padded_blanks(records, width), chunk_rows):
                rows = [_row(record.fields, width, query, locale) for record in chunk if record.fields]
                annotations = iter(annotate(rows, min(1.0, raw.tell() / size)))
                for record in chunk:
                    table.write(record, next(annotations) if record.fields else None)


class _AnnotatedTable:
    """Writes records with their annotation.

    Args:
        out: where to.
        delimiter: of the records.
        header: written at once; its line end serves a last record that has none.
    """

    def __init__(self, out: TextIO, delimiter: str, header: Record) -> None:
        self._out = out
        self._delimiter = delimiter
        self._width = len(header.fields)
        self._line_end = header.line_end or "\n"
        self._writer = csv.writer(out, delimiter=delimiter, lineterminator="")
        self._write_beside(header.text, ANNOTATION_COLUMNS, header.line_end)

    def write(self, record: Record, annotation: Annotation | None) -> None:
        """Write a record and its annotation; a blank line has none."""
        if annotation is None:
            self._out.write(record.text + (record.line_end or self._line_end))
            return
        cells = [_cell(getattr(annotation, name)) for name in ANNOTATION_COLUMNS]
        surplus = len(record.fields) - self._width
        if surplus <= 0:
            self._write_beside(record.text + self._delimiter * -surplus, cells, record.line_end)
        else:
            kept, moved = record.fields[: self._width], record.fields[self._width :]
            self._writer.writerow([*kept, *cells, *moved])
            self._out.write(record.line_end or self._line_end)

    def _write_beside(self, text: str, cells: Sequence[str], line_end: str) -> None:
        self._out.write(text + self._delimiter)
        self._writer.writerow(cells)
        self._out.write(line_end or self._line_end)


def _cell(value: str | tuple[object, ...]) -> str:
    if isinstance(value, str):
        return value
    # Six decimals say more than the probabilities know.
    return json.dumps([round(each, 6) if isinstance(each, float) else each for each in value], ensure_ascii=False)


def _row(values: Sequence[str], width: int, query: int, locale: int | None) -> Row:
    if len(values) != width:
        return Row(
            None, None, f"row: has {len(values)} fields, the header has {width}; quote fields that hold delimiters"
        )
    return Row(_bytes(values[query]), _bytes(values[locale]) if locale is not None else None)


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _padded_blanks(records: Iterable[Record], width: int) -> Iterator[Record]:
    """Give blank lines their one empty field where rows have just one."""
    for record in records:
        yield Record([""], record.text, record.line_end) if width == 1 and not record.fields else record


def _chunks(records: Iterator[Record], size: int) -> Iterator[list[Record]]:
    while chunk := list(islice(records, size)):
        yield chunk
