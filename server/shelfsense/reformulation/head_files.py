"""The files of a head index: one Arrow table, one array of vectors, rows side by side, and graphs over many.

``heads.arrow`` is an Arrow IPC file, rows grouped by locale; the vectors are as `head_vectors` says, and a
locale of many heads has a graph over its own (`graph_files`). Knows the format, not how it is searched.
N index rows, E embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.errors import BundleRefused, InputRefused
from shelfsense.manifest_values import manifest_number
from shelfsense.reformulation.attribute_spans import spans_from_text
from shelfsense.reformulation.graph_files import graph_file, graph_name
from shelfsense.reformulation.head import SCHEMA, Head, check_heads, head_table
from shelfsense.reformulation.head_vectors import (
    REMEDY,
    VECTORS,
    VECTORS_INT8,
    all_unit,
    as_read,
    read_vectors,
    to_bytes,
    vector_file,
)
from shelfsense.reformulation.vector_index import GraphSettings, VectorIndex

__all__ = ["FOLDER", "HEADS", "VECTORS", "VECTORS_INT8", "Head", "head_index_files", "locale_rows", "read_head_files"]

FOLDER = "head_index/"
HEADS = "head_index/heads.arrow"

# The manifest's key where the network finds attributes in a query, to be compared with those of heads.
_COMPARED = "attributes"


def head_index_files(
    heads: Sequence[Head],
    vectors: NDArray[np.floating],
    *,
    stored_as: str = VECTORS_INT8,
    settings: GraphSettings | None = None,
    advanced: Callable[[int], object] = int,
) -> dict[str, bytes]:
    """Return the files of a head index, by their names in a bundle.

    They go together: who puts them into a bundle takes whatever else it has in `FOLDER` out.

    Args:
        heads: in any order; locales are put together, the order within one is kept.
        vectors: (N, E) unit vectors, row i of head i.
        stored_as: the file of the vectors, `VECTORS_INT8`, or `VECTORS` to keep those of an older bundle to the bit.
        settings: which locales get a graph, and what graph; about a minute for every 100,000 heads.
        advanced: told how many heads got their place in a graph since it was last told.

    Raises:
        InputRefused: when rows do not match, a head has no words or a bad volume, or a vector is no unit vector.
    """
    if vectors.ndim != 2 or len(vectors) != len(heads):
        raise InputRefused(f"head index: {len(heads)} heads need as many vectors, got shape {vectors.shape}")
    check_heads(heads)
    if not all_unit(vectors):
        raise InputRefused("head index: the vectors are not of length 1; normalise them")
    settings = settings or GraphSettings()
    order = sorted(range(len(heads)), key=lambda i: heads[i].locale)
    table = head_table([heads[i] for i in order])
    stored = to_bytes(vectors[order]) if stored_as == VECTORS_INT8 else vectors[order].astype(np.float16)
    files = {HEADS: _table_file(table), stored_as: vector_file(stored)}
    for locale, first, end in locale_rows(table):
        if end - first > settings.exact_rows:
            rows = as_read(stored[first:end])
            index = VectorIndex.flat([rows], rows.shape[1], settings).with_graph(advanced)
            files[graph_name(locale)] = graph_file(index, rows)
    return files


def read_head_files(bundle: Bundle) -> tuple[pa.Table, NDArray[np.float16]]:
    """Return the table, lying in the file's own bytes, and the unit vectors (N, E).

    Raises:
        BundleRefused: naming the file that is not what `head_index_files` writes.
    """
    table = _read_table(bundle.read(HEADS))
    if _COMPARED in bundle.manifest:
        _check_attributes(table.column("attributes").unique().to_pylist())
    return table, read_vectors(bundle, (len(table), manifest_number(bundle, "embedding", "width")))


def _table_file(table: pa.Table) -> bytes:
    if not any(table.column("attributes").to_pylist()):
        table = table.drop_columns(["attributes"])  # as it was before there were any
    arrow = pa.BufferOutputStream()
    with pa.ipc.new_file(arrow, table.schema) as writer:
        writer.write_table(table)
    data: bytes = arrow.getvalue().to_pybytes()
    return data


def locale_rows(table: pa.Table) -> Iterator[tuple[str, int, int]]:
    """Yield each run of one locale with its first row and the row after its last."""
    first = 0
    for locale, run in groupby(table.column("locale").to_pylist()):
        end = first + len(list(run))
        yield locale, first, end
        first = end


def _read_table(data: bytes) -> pa.Table:
    try:
        table = pa.ipc.open_file(pa.py_buffer(data)).read_all().combine_chunks()
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise BundleRefused(HEADS, f"is no Arrow IPC file ({error})", REMEDY) from error
    if "attributes" not in table.column_names:
        table = table.append_column(SCHEMA.field("attributes"), pa.nulls(len(table), pa.string()))
    if not table.schema.equals(SCHEMA):
        found = ", ".join(f"{field.name} {field.type}" for field in table.schema)
        raise BundleRefused(HEADS, f"has the columns {found}", REMEDY)
    for name in SCHEMA.names[:-1]:
        if table.column(name).null_count:
            raise BundleRefused(HEADS, f"has rows without {name}", REMEDY)
    attributes = table.column("attributes").fill_null("")
    return table.set_column(table.num_columns - 1, SCHEMA.field("attributes"), attributes)


def _check_attributes(different: Iterable[str]) -> None:
    """Read each as a query will that meets it, so that none fails then."""
    try:
        for each in filter(None, different):
            spans_from_text(each)
    except InputRefused as error:
        raise BundleRefused(HEADS, str(error), REMEDY) from error
