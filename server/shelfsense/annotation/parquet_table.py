"""Parquet files: every column and its schema goes out as it came in, and the annotation's columns after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shelfsense.annotation.row import AnnotateRows, Annotation, InputColumns, Row
from shelfsense.errors import InputRefused

_ANNOTATION_FIELDS = (
    pa.field("locale_used", pa.string()),
    pa.field("status", pa.string()),
    pa.field("error", pa.string()),
    pa.field("product_type_ids", pa.list_(pa.string())),
    pa.field("levels", pa.list_(pa.int32())),
    pa.field("probabilities", pa.list_(pa.float32())),
    pa.field("accepted", pa.list_(pa.bool_())),
    pa.field("reformulations", pa.list_(pa.string())),
    pa.field("reformulation_scores", pa.list_(pa.float32())),
    pa.field("reformulations_accepted", pa.list_(pa.bool_())),
)


def annotate_parquet(
    source: Path, partial: Path, columns: InputColumns, annotate: AnnotateRows, *, chunk_rows: int
) -> None:
    """Write a Parquet file's rows to another, annotated; text that an annotation lacks is null.

    Args:
        source: the file to read.
        partial: the file to write.
        columns: where the queries and locales are; both hold text or bytes.
        annotate: annotates a chunk.
        chunk_rows: rows held in memory at once, and rows of a row group of the output.

    Raises:
        InputRefused: the file is no Parquet, or a column is missing or holds no text.
    """
    try:
        table = pq.ParquetFile(source)
    except (pa.ArrowException, OSError) as error:
        raise InputRefused(f"is no Parquet file ({error})") from error
    with table:
        schema = table.schema_arrow
        query, locale = columns.positions(schema.names)
        for position in (query, locale):
            if position is not None:
                _check_text(schema.field(position))
        annotated = schema
        for field in _ANNOTATION_FIELDS:
            annotated = annotated.append(field)
        rows_in_all, done = max(1, table.metadata.num_rows), 0
        with pq.ParquetWriter(partial, annotated, compression="zstd") as writer:
            for chunk in _chunks(table, chunk_rows):
                done += chunk.num_rows
                queries = _bytes(chunk.column(query))
                locales = [None] * chunk.num_rows if locale is None else _bytes(chunk.column(locale))
                rows = [Row(*pair) for pair in zip(queries, locales, strict=True)]
                added = _arrays(annotate(rows, done / rows_in_all))
                writer.write_batch(pa.RecordBatch.from_arrays([*chunk.columns, *added], schema=annotated))


def _chunks(table: pq.ParquetFile, rows: int) -> Iterator[pa.RecordBatch]:
    batches = table.iter_batches(batch_size=rows)
    while True:
        try:
            chunk = next(batches, None)
        except (pa.ArrowException, OSError) as error:
            raise InputRefused(f"is damaged ({error}); copy the file again") from error
        if chunk is None:
            return
        yield chunk


def _check_text(field: pa.Field) -> None:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    tests_of_bytes = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_null)
    if not any(test(kind) for test in (*tests, *tests_of_bytes)):
        raise InputRefused(f"column '{field.name}' holds {field.type}; it must hold text")


def _bytes(column: pa.Array) -> list[bytes | None]:
    """Return the column's bytes: as text, one row of broken UTF-8 would fail the whole column."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    values: list[bytes | None] = column.cast(pa.binary()).to_pylist()
    return values


def _arrays(annotations: Sequence[Annotation]) -> list[pa.Array]:
    return [
        pa.array([_value(getattr(annotation, field.name)) for annotation in annotations], type=field.type)
        for field in _ANNOTATION_FIELDS
    ]


def _value(value: str | tuple[object, ...]) -> object:
    return None if value == "" else value
