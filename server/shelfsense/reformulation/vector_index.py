"""Unit vectors, searched one query at a time: by looking at all of them, or along a graph of neighbours.

The graph is HNSW (Malkov and Yashunin, arXiv 1603.09320), as faiss has it. Both ways look at the same
float16 vectors. An index is never changed once it is made. Knows nothing of heads or files.
N index rows, E embedding, K neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from shelfsense.errors import InputRefused
from shelfsense.reformulation.live_rows import LiveRows

_FAISS: Any = faiss  # its type stubs know less of it than it has
_BLOCK = 4096  # rows handed to faiss at once: 6 MB of float32 at 384 numbers a row


@dataclass(frozen=True, slots=True)
class GraphSettings:
    """When vectors get a graph, how it is built, and how far a search goes in it.

    Attributes:
        exact_rows: most rows that are searched without a graph. Looking at 20,000 takes about half a
            millisecond, exactly; a graph of as many takes eight seconds to build and saves little.
        links: neighbours a row keeps on an upper layer, and twice as many on the lowest (the paper's M): 271
            bytes a row. Queries lie in clumps, and few links cut a row of one off from all others; of 30,000,
            32 find all of the ten nearest with 128 candidates, 16 find 99.93 %.
        construction: candidates looked at to place a row (efConstruction); paid for once, when building.
        least_search: fewest candidates a search holds (efSearch), however few neighbours are wanted. Among
            100,000 queries 64 find 99.3 % of the ten nearest, 128 find 99.8 % in 1.6 times the time.
        search_per_neighbour: candidates held for each neighbour wanted, for the last of many to be right.
        search_growth: power of the rows, in units of 100,000, by which candidates grow past so many: ten
            times the rows get twice the candidates, and keep what they find in reach of a tenth of the time.
        most_dead: share of removed rows up to which compaction keeps a graph and only adds to it. They
            are walked through, so that no row is cut off; past this share they cost more than building anew.
    """

    exact_rows: int = 20_000
    links: int = 32
    construction: int = 200
    least_search: int = 80
    search_per_neighbour: int = 2
    search_growth: float = 0.3
    most_dead: float = 0.2

    def candidates(self, neighbours: int, rows: int) -> int:
        """Return how many candidates a search for so many neighbours among so many rows holds."""
        held = max(self.least_search, self.search_per_neighbour * neighbours)
        growth: float = max(1.0, rows / 100_000) ** self.search_growth
        return round(held * growth)


def use_one_thread() -> None:
    """Keep faiss to the thread that calls it: one query is one thread's work.

    OpenMP keeps this number by thread: where another thread set it, a search of 20,000 rows that takes
    0.5 ms woke all cores and took 8.
    """
    faiss.omp_set_num_threads(1)


class VectorIndex:
    """Unit vectors that can be searched; never changed, so any number of threads may.

    Args:
        flat: the vectors, as faiss's IndexScalarQuantizer.
        graph: over them, faiss's IndexHNSWSQ, or None where all are looked at.
        settings: how far a search goes in the graph.

    Attributes:
        graph: as given.
        width: E.
    """

    def __init__(self, flat: Any, graph: Any, settings: GraphSettings) -> None:
        self._flat = flat
        self.graph = graph
        self._settings = settings
        self.width = int(flat.d)

    @classmethod
    def flat(cls, blocks: Iterable[NDArray[np.floating]], width: int, settings: GraphSettings) -> VectorIndex:
        """Return an index that looks at all vectors.

        Args:
            blocks: parts (n, E) of the vectors, in order.
            width: E.
            settings: kept for who asks again.
        """
        use_one_thread()
        # In the float16 that they come in: nothing is lost against float32, at half the memory,
        # and 50,000 rows are searched in 0.9 ms instead of 4.3.
        index = _FAISS.IndexScalarQuantizer(width, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        for block in blocks:
            for first in range(0, len(block), _BLOCK):
                index.add(block[first : first + _BLOCK].astype(np.float32))
        return cls(index, None, settings)

    @classmethod
    def attached(cls, flat: VectorIndex, graph: Any) -> VectorIndex:
        """Return an index of a graph that came without vectors, and of its vectors."""
        graph.storage, graph.own_fields = flat._flat, False  # the vectors are kept by the index
        return cls(flat._flat, graph, flat._settings)

    def with_graph(self, advanced: Callable[[int], object] = int, *, threads: int = 1) -> VectorIndex:
        """Return an index with a graph over the same vectors; some seconds for every 10,000 rows.

        Args:
            advanced: told how many rows were placed since it was last told.
            threads: to build it; only with one is the graph the same each time.
        """
        graph = _FAISS.IndexHNSWSQ(
            self._flat.d, faiss.ScalarQuantizer.QT_fp16, self._settings.links, faiss.METRIC_INNER_PRODUCT
        )
        graph.hnsw.efConstruction = self._settings.construction
        return self._grown(graph, self.blocks(), advanced, threads)

    def extended(self, blocks: Iterable[NDArray[np.floating]]) -> VectorIndex:
        """Return an index whose graph has further vectors behind its own; this one stays as it is."""
        return self._grown(_FAISS.clone_index(self.graph), blocks, int, 1)

    def _grown(
        self, graph: Any, blocks: Iterable[NDArray[np.floating]], advanced: Callable[[int], object], threads: int
    ) -> VectorIndex:
        faiss.omp_set_num_threads(threads)
        for block in blocks:
            graph.add(block.astype(np.float32))
            advanced(len(block))
        use_one_thread()
        return VectorIndex(_FAISS.downcast_index(graph.storage), graph, self._settings)

    @property
    def rows(self) -> int:
        """N."""
        return int(self._flat.ntotal)

    def blocks(self, live: LiveRows | None = None) -> Iterator[NDArray[np.float32]]:
        """Yield the vectors in order, (n, E) at a time; only the live ones where that is given."""
        mask = None if live is None else live.mask()
        for first in range(0, self.rows, _BLOCK):
            block: NDArray[np.float32] = self._flat.reconstruct_n(first, min(_BLOCK, self.rows - first))
            yield block if mask is None else block[mask[first : first + _BLOCK]]

    def cosine(self, vector: NDArray[np.float32], row: int) -> float:
        """Return the cosine of a vector (E,) and a row."""
        return float(vector @ self._flat.reconstruct(row))

    def search(
        self,
        vector: NDArray[np.float32],
        k: int,
        live: LiveRows,
        *,
        exactly: bool = False,
        candidates: int | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the cosines (K,) and rows (K,) of the k live vectors closest to one, closest first.

        Fewer only where fewer are live.

        Args:
            vector: (E,) unit length.
            k: 1 or more.
            live: of this index's rows.
            exactly: look at all vectors although there is a graph.
            candidates: how many to hold on the way through the graph (efSearch); else as the settings say.

        Raises:
            InputRefused: when the vector is of another width.
        """
        if vector.shape != (self.width,):  # faiss would read past its end
            raise InputRefused(
                f"vector index: searched with shape {vector.shape}, not {(self.width,)}; mend the bundle"
            )
        use_one_thread()
        wanted = min(k, live.count)
        if wanted == 0:
            return np.empty(0, dtype=np.float32), np.empty(0, dtype=np.int64)
        if self.graph is not None and not exactly:
            # Removed rows fill places among the candidates that live ones would have had.
            held = (candidates or self._settings.candidates(wanted, self.rows)) * live.rows // live.count
            near = _FAISS.SearchParametersHNSW(efSearch=min(held, live.rows), sel=live.selector)
            scores, rows = _nearest(self.graph, vector, wanted, near)
            if rows[-1] >= 0:
                return scores, rows
            # Among removed rows only: what is live lies further off than a search goes.
        everything = None if live.selector is None else _FAISS.SearchParameters(sel=live.selector)
        return _nearest(self._flat, vector, wanted, everything)


def _nearest(
    index: Any, vector: NDArray[np.float32], k: int, parameters: Any
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the scores (K,) and rows (K,) that faiss finds; its own Python around one search takes 2 µs more."""
    asked = np.ascontiguousarray(vector, dtype=np.float32)
    scores, rows = np.empty(k, dtype=np.float32), np.empty(k, dtype=np.int64)
    index.search_c(1, faiss.swig_ptr(asked), k, faiss.swig_ptr(scores), faiss.swig_ptr(rows), parameters)
    return scores, rows
