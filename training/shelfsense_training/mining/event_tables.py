"""The two input tables of mining, events and catalogue: their columns, and the refusal of files that lack them.

Knows Parquet schemas only; bad rows are the business of `labels.sql`, which drops and counts them.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shelfsense.errors import InputRefused

EVENTS = pa.schema(
    [
        ("event_time", pa.timestamp("us", tz="UTC")),
        ("session_id", pa.string()),
        ("locale", pa.string()),
        ("query", pa.string()),
        ("product_id", pa.string()),
        ("action", pa.string()),
        ("position", pa.int32()),
    ]
)
"""One row per event; ``action`` is one of `ACTIONS`, ``position`` counts from 1 at the top of the result list."""

ACTIONS = ("search", "impression", "click", "cart", "purchase")

CATALOG = pa.schema(
    [
        ("product_id", pa.string()),
        ("locale", pa.string()),
        ("product_type_id", pa.string()),
        ("title", pa.string()),
    ]
)


def table_files(path: Path, schema: pa.Schema, *, optional: frozenset[str] = frozenset()) -> list[Path]:
    """Return the Parquet files of a table after checking that each has the columns of its schema.

    Args:
        path: a Parquet file, or a folder of them (read by name, not into sub-folders).
        schema: `EVENTS` or `CATALOG`.
        optional: columns that may be absent because the caller does not read them.

    Raises:
        InputRefused: naming the file and the column, when there is nothing to read, a file is no Parquet,
            a column is missing, or a column has another kind of type (text, whole number, time).
    """
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise InputRefused(f"{path}: the folder holds no .parquet file; name the one with the table's files")
    for file in files:
        if not file.is_file():
            raise InputRefused(f"{file}: there is no such file")
        try:
            present = pq.read_schema(file)
        except pa.ArrowException as error:
            raise InputRefused(f"{file}: cannot be read as Parquet ({error})") from error
        _check(file, present, schema, optional)
    return files


def _check(file: Path, present: pa.Schema, schema: pa.Schema, optional: frozenset[str]) -> None:
    for field in schema:
        if present.names.count(field.name) > 1:
            raise InputRefused(f"{file}: column '{field.name}' is there more than once; rename all but one")
        if field.name not in present.names:
            if field.name in optional:
                continue
            raise InputRefused(
                f"{file}: there is no column '{field.name}'; the columns are: {', '.join(present.names)}"
            )
        found, wanted = _kind(present.field(field.name).type), _kind(field.type)
        if found not in {wanted, "empty"}:
            raise InputRefused(
                f"{file}: column '{field.name}' is {present.field(field.name).type}, not {wanted}; cast it to {field.type}"
            )


def _kind(type_: pa.DataType) -> str:
    if pa.types.is_dictionary(type_):
        return _kind(type_.value_type)
    if pa.types.is_null(type_):
        return "empty"
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return "text"
    if pa.types.is_integer(type_):
        return "whole number"
    return "time" if pa.types.is_timestamp(type_) else str(type_)
