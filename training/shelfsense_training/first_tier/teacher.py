"""The network as a teacher: the pooled states of all its layers, from which its logits and vectors follow.

N texts, B of a batch, S layers, D width, L labels, E embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import Tensor

from shelfsense.bundle import Bundle
from shelfsense.engines.onnx import MODEL
from shelfsense.engines.onnx_session import REMEDY, OnnxSession
from shelfsense.errors import BundleRefused
from shelfsense.models.onnx_weights import load_int8
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.export.onnx_export import export_again
from shelfsense_training.progress import progress_bar

_POOLED = "pooled"
_BATCH = 64
_SAVE_EVERY = 100


class Teacher:
    """A bundle's network, opened where its layers are pooled.

    Args:
        model: its weights.
        graph: the bytes of its int8 graph.

    Raises:
        BundleRefused: when its embedding head does not read every layer.
    """

    def __init__(self, model: UnderstanderModel, graph: bytes) -> None:
        self.model = model
        self.layers = model.backbone.layers
        self._session = OnnxSession.load(MODEL, _pooled_graph(graph, self.layers))

    @classmethod
    def load(cls, bundle: Bundle) -> Teacher:
        """Read the network of a verified bundle."""
        graph = export_again(bundle.read(MODEL))
        return cls(load_int8(graph), graph)

    def pooled(self, token_ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return the pooled states (B, S, D) of 1 or more token sequences."""
        (found,) = self._session.run([_POOLED], token_ids)
        return np.asarray(found, dtype=np.float32).reshape(len(token_ids), self.layers, -1)

    def logits(self, pooled: Tensor) -> Tensor:
        """Return the logits (B, L) of pooled states (B, S, D)."""
        linear = self.model.classification.linear
        return torch.nn.functional.linear(pooled[:, -1], linear.weight, linear.bias)

    def vectors(self, pooled: Tensor) -> Tensor:
        """Return the unit vectors (B, E) of pooled states (B, S, D)."""
        found: Tensor = self.model.embedding(pooled.flatten(1))
        return found

    def states(self, token_ids: Sequence[Sequence[int]], path: Path) -> NDArray[np.float16]:
        """Return the pooled states (N, S, D) of texts, kept in a file and taken up there if it was begun.

        Args:
            token_ids: N sequences, the same ones on every call with that file.
            path: an .npy file; how far it is stands beside it.
        """
        shape = (len(token_ids), self.layers, self.model.backbone.width)
        done_path = path.with_suffix(".done")
        done = int(done_path.read_text()) if done_path.exists() else 0
        found = np.lib.format.open_memmap(path, mode="r+" if done else "w+", dtype=np.float16, shape=shape)
        order = np.argsort([len(ids) for ids in token_ids], kind="stable")
        with progress_bar() as bar:
            task = bar.add_task("pooled states", total=len(order), completed=done, figure="")
            for number, start in enumerate(range(done, len(order), _BATCH)):
                rows = order[start : start + _BATCH]
                found[rows] = self.pooled([token_ids[i] for i in rows])
                if number % _SAVE_EVERY == _SAVE_EVERY - 1:
                    found.flush()
                    done_path.write_text(str(start + len(rows)))
                bar.advance(task, len(rows))
        found.flush()
        done_path.write_text(str(len(order)))
        return np.asarray(found)


def _pooled_graph(data: bytes, layers: int) -> bytes:
    """Return a graph whose only output is what its embedding head reads, (B, S x D)."""
    model = onnx.load_from_string(data)
    graph = model.graph
    joins = [node for node in graph.node if node.op_type == "Concat" and len(node.input) == layers]
    if len(joins) != 1:
        raise BundleRefused(MODEL, f"does not join the pooled states of its {layers} layers in one place", REMEDY)
    graph.node.append(helper.make_node("Identity", [joins[0].output[0]], [_POOLED]))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(_POOLED, TensorProto.FLOAT, ["B", None]))
    return bytes(model.SerializeToString())
