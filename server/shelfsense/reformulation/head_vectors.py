"""How the vectors of heads are stored: one byte a number, of which each row's direction is the vector.

A unit vector needs no scale beside its bytes: whatever the bytes' length is, the vector's is 1. Of the
ten nearest heads of a starter locale, 99.6 % are those of the float16 that older bundles hold, at half
the bytes. Knows nothing of heads. N index rows, E embedding.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.errors import BundleRefused

VECTORS_INT8 = "head_index/vectors_int8.npy"
"""Bytes; the row's direction is the vector. A bundle has this file or the next."""

VECTORS = "head_index/vectors.npy"
"""Unit vectors as float16: what bundles of format 1 hold; written only to leave the heads of one as they are."""

REMEDY = "write the head index again with shelfsense-train index"

# float16 keeps 11 bits: a unit vector comes back this close to length 1.
_LENGTH_TOLERANCE = 0.01
_LARGEST = 127
# Rows converted at once, so that a million need no copy of themselves in float32.
_BLOCK = 65_536


def to_bytes(vectors: NDArray[np.floating]) -> NDArray[np.int8]:
    """Return vectors (N, E) with each row's largest number at ±127 and the rest rounded beside it.

    What `to_unit` made comes back to the byte, so that a bundle that is written again stays as it is.
    """
    found = np.empty(vectors.shape, dtype=np.int8)
    for block in _blocks(len(vectors)):
        rows = vectors[block].astype(np.float32)
        found[block] = np.rint(rows * (_LARGEST / np.abs(rows).max(axis=1, keepdims=True, initial=0)))
    return found


def to_unit(stored: NDArray[np.int8]) -> NDArray[np.float16]:
    """Return the unit vectors (N, E) of stored rows.

    The same bits on every machine, since a stored graph is tied to them: the length is a root of whole numbers.
    """
    found = np.empty(stored.shape, dtype=np.float16)
    for block in _blocks(len(stored)):
        rows = stored[block].astype(np.int32)
        lengths = np.sqrt(np.einsum("ne,ne->n", rows, rows).astype(np.float64)).astype(np.float32)  # (n,)
        found[block] = rows.astype(np.float32) / lengths[:, None]
    return found


def as_read(stored: NDArray[np.int8] | NDArray[np.float16]) -> NDArray[np.float16]:
    """Return the unit vectors (N, E) that stored rows are read as."""
    return to_unit(stored.view(np.int8)) if stored.dtype == np.int8 else stored.astype(np.float16)


def all_unit(vectors: NDArray[np.floating]) -> bool:
    """Return whether all vectors (N, E) are of length 1; none with a number that is not finite is."""
    lengths = [np.linalg.norm(vectors[block].astype(np.float32), axis=1) for block in _blocks(len(vectors))]
    return all(bool(np.all(np.abs(each - 1) < _LENGTH_TOLERANCE)) for each in lengths)


def vector_file(stored: NDArray[np.int8] | NDArray[np.float16]) -> bytes:
    """Return the file of rows (N, E) as they are stored."""
    data = io.BytesIO()
    np.save(data, stored, allow_pickle=False)
    return data.getvalue()


def read_vectors(bundle: Bundle, shape: tuple[int, int]) -> NDArray[np.float16]:
    """Return the unit vectors (N, E) of a bundle, from whichever of the two files it has.

    Raises:
        BundleRefused: when it has neither or both, or the file holds anything else.
    """
    if bundle.has(VECTORS) and bundle.has(VECTORS_INT8):
        raise BundleRefused(VECTORS, f"stands beside {VECTORS_INT8}, and only one of them can be right", REMEDY)
    if bundle.has(VECTORS):
        vectors: NDArray[np.float16] = _array(bundle, VECTORS, shape, np.dtype(np.float16))
        if not all_unit(vectors):
            raise BundleRefused(VECTORS, "holds vectors that are not of length 1", REMEDY)
        return vectors
    stored: NDArray[np.int8] = _array(bundle, VECTORS_INT8, shape, np.dtype(np.int8))
    if not np.all(stored.any(axis=1)):
        raise BundleRefused(VECTORS_INT8, "holds rows of zeros, which point nowhere", REMEDY)
    return to_unit(stored)


def _array(bundle: Bundle, name: str, shape: tuple[int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    try:
        found: NDArray[Any] = np.load(io.BytesIO(bundle.read(name)), allow_pickle=False)
    except Exception as error:  # numpy reads the header as Python, and fails in as many ways
        raise BundleRefused(name, f"is no array ({error})", REMEDY) from error
    if found.dtype != dtype or found.shape != shape:
        raise BundleRefused(name, f"is {found.dtype} {found.shape}, not {dtype} {shape} (rows, width)", REMEDY)
    return found


def _blocks(rows: int) -> list[slice]:
    return [slice(first, min(first + _BLOCK, rows)) for first in range(0, rows, _BLOCK)]
