"""A small builder for ONNX graphs: nodes by name of operation, constants by name of parameter.

The graph is written by hand and not traced, because where to quantise, what to fuse and how
initialisers are called (the loader reads them back by those names) are decisions of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 18
MICROSOFT = "com.microsoft"


class GraphBuilder:
    """Collects nodes and initialisers, then makes a checked model.

    Args:
        numbered_from: nodes that a graph has already to which these will be added; outputs are numbered after them.
    """

    def __init__(self, *, numbered_from: int = 0) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._count = numbered_from

    @property
    def nodes(self) -> tuple[onnx.NodeProto, ...]:
        """The nodes so far, each after those it reads."""
        return tuple(self._nodes)

    @property
    def constants(self) -> tuple[onnx.TensorProto, ...]:
        """The initialisers so far."""
        return tuple(self._constants.values())

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Add an initialiser once and return its name."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def number(self, value: float) -> str:
        """Return a float32 scalar initialiser."""
        return self.constant(f"number:{value!r}", np.array(value, dtype=np.float32))

    def integers(self, *values: int) -> str:
        """Return an int64 vector initialiser."""
        return self.constant(f"integers:{values}", np.array(values, dtype=np.int64))

    def node(self, operation: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: Any) -> Any:
        """Add a node; return its output's name, or a list of names for several outputs."""
        self._count += 1
        names = [f"{operation}_{self._count}_{i}" for i in range(outputs)]
        self._nodes.append(helper.make_node(operation, list(inputs), names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def result(self, name: str, value: str) -> None:
        """Name a value as one of the graph's outputs."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))

    def model(
        self,
        inputs: Mapping[str, tuple[int, list[Any]]],
        outputs: Mapping[str, tuple[int, list[Any]]],
        facts: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the serialised model.

        Args:
            inputs: name to element type and shape; a string in a shape is a free dimension.
            outputs: likewise.
            facts: what else whoever loads the graph is to know of it.
        """
        graph = helper.make_graph(
            self._nodes,
            "shelfsense",
            [helper.make_tensor_value_info(n, t, s) for n, (t, s) in inputs.items()],
            [helper.make_tensor_value_info(n, t, s) for n, (t, s) in outputs.items()],
            list(self._constants.values()),
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="shelfsense")
        helper.set_model_props(model, dict(facts or {}))
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())


FLOAT = TensorProto.FLOAT
INT64 = TensorProto.INT64
UINT8 = TensorProto.UINT8
