"""The file of a graph over one locale's vectors: a mark, the digest of those vectors, then faiss's own form.

Building a graph takes a minute or more for every 100,000 heads and reading one well under a second, so
it is stored; the vectors are not stored again with it. faiss's reader is C++ and meets only bytes whose
digest the bundle has checked. N index rows, E embedding.
"""

from __future__ import annotations

import hashlib
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from shelfsense.errors import BundleRefused
from shelfsense.reformulation.head_vectors import REMEDY
from shelfsense.reformulation.vector_index import VectorIndex

GRAPHS = "head_index/graph_"

_FAISS: Any = faiss  # its type stubs know less of it than it has
_MARK = b"SHELFGR1"
_DIGEST_BYTES = 32


def graph_name(locale: str) -> str:
    """Return the name that a locale's graph has in a bundle."""
    return f"{GRAPHS}{locale}.faiss"


def graph_file(index: VectorIndex, vectors: NDArray[np.float16]) -> bytes:
    """Return the file of an index's graph.

    Args:
        index: with a graph.
        vectors: (N, E) what it was built on.
    """
    data: NDArray[np.uint8] = _FAISS.serialize_index(index.graph, faiss.IO_FLAG_SKIP_STORAGE)
    return _MARK + _digest(vectors) + data.tobytes()


def read_graph(name: str, data: bytes, vectors: NDArray[np.float16], flat: VectorIndex) -> VectorIndex:
    """Return an index that searches the given vectors along a stored graph.

    Args:
        name: of the file, for the refusal.
        data: its bytes, their digest checked.
        vectors: (N, E) the rows that it has to fit.
        flat: the same vectors, as an index.

    Raises:
        BundleRefused: when the file is no such graph, or one of other vectors.
    """
    start = len(_MARK) + _DIGEST_BYTES
    if len(data) <= start or not data.startswith(_MARK):
        raise BundleRefused(name, "is no graph of head vectors", REMEDY)
    if data[len(_MARK) : start] != _digest(vectors):
        raise BundleRefused(name, "was built on other vectors than the bundle's", REMEDY)
    try:
        graph = _FAISS.deserialize_index(np.frombuffer(data, dtype=np.uint8, offset=start))
    except RuntimeError as error:
        raise BundleRefused(name, "cannot be read by faiss", REMEDY) from error
    # Links that lead nowhere faiss itself refuses; that the rows are these, only we can know.
    if not isinstance(graph, _FAISS.IndexHNSWSQ) or graph.storage is not None:
        raise BundleRefused(name, "holds another kind of index", REMEDY)
    if (graph.ntotal, graph.d, graph.metric_type) != (flat.rows, flat.width, faiss.METRIC_INNER_PRODUCT):
        fact = f"has {graph.ntotal} rows of {graph.d} numbers, the vectors {flat.rows} of {flat.width}"
        raise BundleRefused(name, fact, REMEDY)
    return VectorIndex.attached(flat, graph)


def _digest(vectors: NDArray[np.float16]) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(vectors).view(np.uint8).data).digest()
