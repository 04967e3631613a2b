"""The word table of a graph, which another graph may read too.

It is most of a bundle, and frozen in training, so that every network of a bundle has the very same one.
The graph that holds it also gives it as outputs of the same names; one that borrows it takes it as inputs.
N tokens, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from shelfsense.models.stored_weights import FourBitBlocks, Int8Rows
from shelfsense_training.export.graph import FLOAT, MICROSOFT, GraphBuilder

_PACKED, _BLOCK_SCALE = "word.weight.packed", "word.weight.block_scale"
_INT8, _SCALE = "word.weight.int8", "word.weight.scale"


@dataclass(frozen=True, slots=True)
class WordTable:
    """A word table in the form that graphs keep: 4-bit where that is exact, else int8.

    Attributes:
        tensors: by the names they have in a graph.
    """

    tensors: Mapping[str, NDArray[Any]]

    @classmethod
    def from_float(cls, table: NDArray[np.float32]) -> WordTable:
        """Take a table (V, D)."""
        blocks = FourBitBlocks.from_float(table)
        if blocks is not None:
            return cls({_PACKED: blocks.packed, _BLOCK_SCALE: blocks.scale})
        int8 = Int8Rows.from_float(table)
        return cls({_INT8: int8.values, _SCALE: int8.scale[:, None]})

    @classmethod
    def from_stored(cls, weights: Mapping[str, NDArray[Any]]) -> WordTable:
        """Take the table that a graph holds, out of all its weights."""
        return cls({name: weights[name] for name in (_PACKED, _BLOCK_SCALE, _INT8, _SCALE) if name in weights})

    @property
    def signature(self) -> dict[str, tuple[int, list[int]]]:
        """Element type and shape of each tensor, to declare it as input or output."""
        types = {name: onnx.helper.np_dtype_to_tensor_dtype(value.dtype) for name, value in self.tensors.items()}
        return {name: (types[name], list(value.shape)) for name, value in self.tensors.items()}

    def hold(self, graph: GraphBuilder) -> None:
        """Make the table part of a graph; one that borrows it declares it as inputs instead."""
        for name, value in self.tensors.items():
            graph.constant(name, value)

    def look_up(self, graph: GraphBuilder, token_ids: str) -> str:
        """Add what looks words (N,) up; return the name of the float32 vectors (N, D)."""
        if _PACKED in self.tensors:
            options = {"bits": 4, "block_size": FourBitBlocks.BLOCK, "gather_axis": 0, "quantize_axis": 1}
            rows = graph.node("GatherBlockQuantized", _PACKED, token_ids, _BLOCK_SCALE, domain=MICROSOFT, **options)
            return str(graph.node("Cast", rows, to=FLOAT))
        rows = graph.node("Cast", graph.node("Gather", _INT8, token_ids), to=FLOAT)
        return str(graph.node("Mul", rows, graph.node("Gather", _SCALE, token_ids)))
