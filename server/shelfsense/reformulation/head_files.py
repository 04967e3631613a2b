"""The files of a head index: one Arrow table and one array of vectors, rows side by side.

``heads.arrow`` is an Arrow IPC file, rows grouped by locale; ``vectors.npy`` holds unit vectors as
float16. Knows the format, not how it is searched. N index rows, E embedding.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.errors import BundleRefused, InputRefused

HEADS = "head_index/heads.arrow"
VECTORS = "head_index/vectors.npy"

_SCHEMA = pa.schema(
    [
        ("locale", pa.string()),
        ("query", pa.string()),
        ("volume", pa.float64()),
        ("volume_is_estimate", pa.bool_()),
        ("product_type", pa.string()),
    ]
)
_REMEDY = "write the head index again with shelfsense-train index"
# float16 keeps 11 bits: a unit vector comes back this close to length 1.
_LENGTH_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Head:
    """A query with enough traffic to have reliable behaviour of its own.

    Attributes:
        query: as its shop writes it.
        locale: a tag of the bundle.
        volume: searches, in a unit of the list's own; 0 or more.
        volume_is_estimate: the volume is an editorial rank, not a count.
        product_type: id of the type it means; empty when unknown.
    """

    query: str
    locale: str
    volume: float
    volume_is_estimate: bool = False
    product_type: str = ""


def head_index_files(heads: Sequence[Head], vectors: NDArray[np.floating]) -> dict[str, bytes]:
    """Return the files of a head index, by their names in a bundle.

    Args:
        heads: in any order; locales are put together, the order within one is kept.
        vectors: (N, E) unit vectors, row i of head i.

    Raises:
        InputRefused: when rows do not match, a head has no words or a bad volume, or a vector is no unit vector.
    """
    if vectors.ndim != 2 or len(vectors) != len(heads):
        raise InputRefused(f"head index: {len(heads)} heads need as many vectors, got shape {vectors.shape}")
    for head in heads:
        if not head.query.split() or not head.locale or not math.isfinite(head.volume) or head.volume < 0:
            raise InputRefused(f"head index: {head} needs words, a locale and a volume of 0 or more")
    _check_unit_length(vectors, InputRefused("head index: the vectors are not of length 1; normalise them"))
    order = sorted(range(len(heads)), key=lambda i: heads[i].locale)
    rows = [heads[i] for i in order]
    columns = [[getattr(head, name) for head in rows] for name in _SCHEMA.names]
    table = pa.table([pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)], _SCHEMA)
    arrow, array = pa.BufferOutputStream(), io.BytesIO()
    with pa.ipc.new_file(arrow, _SCHEMA) as writer:
        writer.write_table(table)
    np.save(array, vectors[order].astype(np.float16), allow_pickle=False)
    return {HEADS: arrow.getvalue().to_pybytes(), VECTORS: array.getvalue()}


def read_head_files(bundle: Bundle) -> tuple[pa.Table, NDArray[np.float16]]:
    """Return the table, lying in the file's own bytes, and the vectors (N, E).

    Raises:
        BundleRefused: naming the file that is not what `head_index_files` writes.
    """
    width = bundle.manifest["embedding"]["width"]
    table = _read_table(bundle.read(HEADS))
    try:
        vectors = np.load(io.BytesIO(bundle.read(VECTORS)), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise BundleRefused(VECTORS, f"is no array ({error})", _REMEDY) from error
    if vectors.dtype != np.float16 or vectors.shape != (len(table), width):
        fact = f"is {vectors.dtype} {vectors.shape}, not float16 ({len(table)}, {width})"
        raise BundleRefused(VECTORS, fact, _REMEDY)
    _check_unit_length(vectors, BundleRefused(VECTORS, "holds vectors that are not of length 1", _REMEDY))
    return table, vectors


def _read_table(data: bytes) -> pa.Table:
    try:
        table = pa.ipc.open_file(pa.py_buffer(data)).read_all().combine_chunks()
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise BundleRefused(HEADS, f"is no Arrow IPC file ({error})", _REMEDY) from error
    if not table.schema.equals(_SCHEMA):
        found = ", ".join(f"{field.name} {field.type}" for field in table.schema)
        raise BundleRefused(HEADS, f"has the columns {found}", _REMEDY)
    for name in _SCHEMA.names:
        if table.column(name).null_count:
            raise BundleRefused(HEADS, f"has rows without {name}", _REMEDY)
    return table


def _check_unit_length(vectors: NDArray[np.floating], refusal: Exception) -> None:
    lengths = np.linalg.norm(vectors.astype(np.float32), axis=1)  # (N,)
    if not np.all(np.abs(lengths - 1) < _LENGTH_TOLERANCE):
        raise refusal
