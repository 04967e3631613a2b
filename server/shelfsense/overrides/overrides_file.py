"""Reads `overrides.parquet`: each row as a rule, or as what is wrong with it. Knows no bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from shelfsense.errors import InputRefused, InvalidQuery
from shelfsense.overrides.override import Action, Override, RowFault
from shelfsense.text import MAX_QUERY_BYTES, check_text, normal_form

SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("query", pa.string()),
        ("locale", pa.string()),
        ("action", pa.string()),
        ("value", pa.string()),
        ("expires", pa.timestamp("us", tz="UTC")),
        ("note", pa.string()),
    ]
)
"""The columns of the file; `_REQUIRED` have to be there, the others may be left out."""

MAX_ROWS = 1_000_000
"""Most rows of a file: more would take minutes to read, and are no longer a shop's hand."""

MAX_BYTES = 256 << 20
"""Most bytes that its rows may take in memory: a few kilobytes of Parquet can say one long text a million times."""

_AT_ONCE = 4096  # rows
_REQUIRED = ("query", "locale", "action", "value")
_LONGEST_NAME = 128
_OF_TYPES = (Action.ADD_TYPE, Action.REMOVE_TYPE)


@dataclass(frozen=True, slots=True)
class OverridesFile:
    """What a file of overrides says.

    Attributes:
        digest: sha256 of its bytes, in hexadecimal.
        rows: in the file's order.
    """

    digest: str
    rows: tuple[Override | RowFault, ...]


def read_overrides(data: bytes) -> OverridesFile:
    """Read the bytes of a file.

    Raises:
        InputRefused: it is no Parquet, or its columns are not those of `SCHEMA`.
    """
    try:
        source = pq.ParquetFile(pa.BufferReader(data))
        if source.metadata.num_rows > MAX_ROWS:
            rows = source.metadata.num_rows
            raise InputRefused(f"overrides: {rows:,} rows are more than {MAX_ROWS:,}; drop those that have expired")
        table = _read(source)
    except (pa.ArrowException, OSError) as error:
        raise InputRefused(f"overrides: no whole Parquet file ({error}); write it anew, and rename it in") from error
    _check_columns(table.column_names)
    columns = {name: _texts(table.column(name), name) for name in table.column_names if name != "expires"}
    expires = _expiries(table)
    rows = (
        _row(number, dict(zip(columns, values, strict=True)), end)
        for number, (end, *values) in enumerate(zip(expires, *columns.values(), strict=True), start=1)
    )
    return OverridesFile(hashlib.sha256(data).hexdigest(), tuple(rows))


def _read(source: pq.ParquetFile) -> pa.Table:
    batches, size = [], 0
    for batch in source.iter_batches(batch_size=_AT_ONCE, use_threads=False):  # beside a server that answers
        columns = [each.dictionary_decode() if pa.types.is_dictionary(each.type) else each for each in batch.columns]
        batches.append(pa.RecordBatch.from_arrays(columns, names=batch.schema.names))
        size += batches[-1].nbytes
        if size > MAX_BYTES:
            raise InputRefused(f"overrides: its rows take more than {MAX_BYTES >> 20} MB; shorten their texts")
    return pa.Table.from_batches(batches) if batches else source.schema_arrow.empty_table()


def _check_columns(names: Sequence[str]) -> None:
    for name in _REQUIRED:
        if name not in names:
            raise InputRefused(f"overrides: lacks the column {name} (it has {', '.join(names)}); add it")
    for name in names:
        # A misspelt "expires" that is passed over would let a rule live for ever.
        if name not in SCHEMA.names:
            known = ", ".join(SCHEMA.names)
            raise InputRefused(f"overrides: there is no column {name!r}; the columns are {known}: rename or drop it")
        if names.count(name) > 1:
            raise InputRefused(f"overrides: has the column {name} twice; drop one")


def _texts(column: pa.ChunkedArray, name: str) -> list[bytes | None]:
    """Return a column's bytes: as text, one row of broken UTF-8 would fail the whole column."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)
    if not any(kind(column.type) for kind in kinds):
        raise InputRefused(f"overrides: column {name} holds {column.type}; it must hold text")
    values: list[bytes | None] = column.cast(pa.binary()).to_pylist()
    return values


def _expiries(table: pa.Table) -> list[float | None]:
    """Return when each row's time is over, in Unix seconds."""
    if "expires" not in table.column_names or pa.types.is_null(table.column("expires").type):
        return [None] * table.num_rows
    column = table.column("expires")
    if not pa.types.is_timestamp(column.type) or column.type.tz is None:
        fact = f"overrides: column expires holds {column.type}; it must hold timestamp[us, tz=UTC]"
        raise InputRefused(f"{fact}: without a time zone nobody can tell when it is over")
    try:
        micros = column.cast(SCHEMA.field("expires").type, safe=False).cast(pa.int64())
    except pa.ArrowException as error:
        raise InputRefused(f"overrides: column expires cannot be read as microseconds ({error})") from error
    return [None if value is None else value / 1e6 for value in micros.to_pylist()]


def _row(number: int, values: Mapping[str, bytes | None], expires: float | None) -> Override | RowFault:
    try:
        texts = dict(_decoded(values))
    except UnicodeDecodeError:
        return RowFault(number, "holds text that is not UTF-8; write it as UTF-8")
    name = texts.get("name", "").strip() or f"row {number}"
    reason = _fault(name, texts)
    if reason:
        return RowFault(number, reason)
    action = Action(texts["action"])
    value = texts["value"].strip() if action in _OF_TYPES else normal_form(texts["value"])
    return Override(number, name, normal_form(texts["query"]), texts["locale"].strip(), action, value, expires)


def _decoded(values: Mapping[str, bytes | None]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if name != "note":
            yield name, (value or b"").decode("utf-8")


def _fault(name: str, texts: Mapping[str, str]) -> str:
    """Return what is wrong with a row whatever the bundle; empty where nothing is."""
    actions = [each.value for each in Action]
    if texts["action"] not in actions:
        return f"its action is none of {', '.join(actions)}; name one of them"
    if len(name) > _LONGEST_NAME or not name.isprintable():
        return f"its name is longer than {_LONGEST_NAME} characters, or holds control characters; shorten it"
    if not texts["value"].strip():
        return "its value is empty; name the product type, or the head query"
    if len(texts["value"].encode()) > MAX_QUERY_BYTES:
        return f"its value is longer than {MAX_QUERY_BYTES} bytes; no product type and no head is"
    return _query_fault(texts["query"], texts["action"])


def _query_fault(query: str, action: str) -> str:
    if not query.strip():
        whole = action == Action.BLOCK_HEAD
        return "" if whole else "its query is empty, which only block_head may have, for every query; name the query"
    try:
        check_text(query)
    except InvalidQuery as error:
        return f"its query {error.message}"
    return ""
