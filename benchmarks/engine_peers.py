"""The same network served otherwise, for `benchmarks.engine`: torch and ONNX Runtime in float32, padded batches.

Both run the weights of the bundle, read back from int8, all layers and all heads, on the calling thread.
B queries, T tokens.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.transformers import optimizer
from torch import Tensor, nn

from shelfsense.models.understander_model import UnderstanderModel

Batch: TypeAlias = Sequence[Sequence[int]]
Way: TypeAlias = Callable[[Batch], object]
"""Answers one batch of token ids."""

_OPSET = 17
_PAD = 1
_OUTPUTS = ["probabilities", "embeddings", "attributes"]


class _Answers(nn.Module):
    """Token ids (B, T) to what the engine answers."""

    def __init__(self, model: UnderstanderModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, token_ids: Tensor) -> tuple[Tensor, ...]:
        output = self.model(token_ids)
        found = self.model.classification.probabilities(output.logits), output.embeddings
        return found if output.attributes is None else (*found, output.attributes.softmax(-1))


def torch_float(model: UnderstanderModel) -> Way:
    """Return torch in inference mode, attention by ``scaled_dot_product_attention``."""
    torch.set_num_threads(1)
    answers = _Answers(model).eval()

    def answer(batch: Batch) -> object:
        with torch.inference_mode():
            return answers(torch.from_numpy(padded(batch)))

    return answer


def onnx_float(model: UnderstanderModel, folder: Path) -> dict[str, Way]:
    """Return ONNX Runtime on torch's own export, and on that graph fused by ONNX Runtime's transformer optimiser.

    Both sessions have every optimisation of graphs on. The optimiser's fused norms are the slower on some processors.

    Args:
        model: the network.
        folder: where the graphs are written, 0.5 GB.
    """
    exported, fused = str(folder / "exported.onnx"), str(folder / "fused.onnx")
    outputs = _OUTPUTS[: 2 if model.attributes is None else 3]
    first = model.backbone.text_vocabulary
    example = torch.tensor([[0, first, 5, 6, 2], [0, first, 7, 2, _PAD]])
    by_token = {name: {0: "B", 1: "T"} for name in ("token_ids", "attributes")}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the exporter's own, about tracing and about its successor
        torch.onnx.export(
            _Answers(model).eval(),
            (example,),
            exported,
            input_names=["token_ids"],
            output_names=outputs,
            dynamic_axes={name: by_token.get(name, {0: "B"}) for name in ("token_ids", *outputs)},
            opset_version=_OPSET,
            dynamo=False,
        )
    config = model.backbone.encoder.config
    made = optimizer.optimize_model(
        exported, model_type="bert", num_heads=config.n_heads, hidden_size=config.dim, opt_level=0
    )
    made.save_model_to_file(fused)
    return {"exported": _running(exported, outputs), "exported and fused": _running(fused, outputs)}


def int8_products(tokens: int, columns: int, outputs: int) -> Callable[[], object]:
    """Return a bare MatMulInteger of (tokens, columns) uint8 and (columns, outputs) int8, as engines could run at best.

    Returns:
        What runs it once; tokens x columns x outputs multiply-adds.
    """
    random = np.random.default_rng(0)
    matrix = random.integers(-127, 128, (columns, outputs)).astype(np.int8)
    held = [numpy_helper.from_array(matrix, "matrix"), numpy_helper.from_array(np.array(128, np.uint8), "zero")]
    node = helper.make_node("MatMulInteger", ["rows", "matrix", "zero"], ["product"])
    rows = helper.make_tensor_value_info("rows", TensorProto.UINT8, [tokens, columns])
    product = helper.make_tensor_value_info("product", TensorProto.INT32, [tokens, outputs])
    graph = helper.make_graph([node], "product", [rows], [product], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=10)
    session = _session(model.SerializeToString())
    feed = {"rows": random.integers(0, 256, (tokens, columns)).astype(np.uint8)}
    return lambda: session.run(None, feed)


def padded(batch: Batch) -> NDArray[np.int64]:
    """Return a batch as its peers read it, padded to its longest query: (B, T)."""
    longest = max(map(len, batch))
    return np.array([[*ids, *[_PAD] * (longest - len(ids))] for ids in batch], dtype=np.int64)


def _running(path: str, outputs: Sequence[str]) -> Way:
    session = _session(path)
    return lambda batch: session.run(list(outputs), {"token_ids": padded(batch)})


def _session(model: str | bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    return ort.InferenceSession(model, sess_options=options, providers=["CPUExecutionProvider"])
