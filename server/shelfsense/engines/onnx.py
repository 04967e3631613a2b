"""The default engine: ONNX Runtime on the CPU, one thread unless told otherwise.

The graph reads ``token_ids`` (B, T) int64, derives its attention mask from the pad id, and answers
``probabilities`` (B, L), ``embeddings`` (B, E) and, where it has an attribute head, ``attributes`` (B, T, K),
all float32. Only this module imports onnxruntime.
B queries, T tokens, L labels, E embedding, K kinds of attributes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from shelfsense.attribute_kinds import ATTRIBUTES
from shelfsense.bundle import Bundle
from shelfsense.engines.engine import EngineOutput, of_text_tokens
from shelfsense.errors import BundleRefused, EngineUnavailable
from shelfsense.product_types import ProductTypes

MODEL = "model.onnx"
"""The graph's file name in a bundle."""

_INPUT = "token_ids"
_OUTPUTS = ["probabilities", "embeddings"]
_OPTIONAL = "attributes"
_PAD = 1  # XLM-R's <pad>, which the exported graph compares with
_PROBE = [[0, 2]]  # <s> </s>: ids that every vocabulary has
_REMEDY = "use a bundle whose model and manifest were written together"


class OnnxEngine:
    """Runs a bundle's ``model.onnx``. Not thread-safe: one caller at a time.

    Args:
        session: a session of the graph.
    """

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session = session
        names = {node.name for node in session.get_outputs()}
        self._outputs = [*_OUTPUTS, _OPTIONAL] if _OPTIONAL in names else _OUTPUTS

    @classmethod
    def load(cls, bundle: Bundle, *, threads: int = 1) -> OnnxEngine:
        """Start a session and try it on the shortest input there is.

        Args:
            bundle: a verified bundle.
            threads: threads of one run; past 1 they help only large batches.

        Raises:
            BundleRefused: when the file is no such graph, or its widths differ from the bundle's.
            EngineUnavailable: when ONNX Runtime cannot start.
        """
        data = bundle.read(MODEL)
        try:
            options = _session_options(threads)
        except Exception as error:  # onnxruntime's errors share no base class
            raise EngineUnavailable(f"ONNX Runtime refused its settings ({error}); set threads to 1 or more") from error
        try:
            session = ort.InferenceSession(data, sess_options=options, providers=["CPUExecutionProvider"])
        except MemoryError as error:
            raise EngineUnavailable("ONNX Runtime ran out of memory while loading; give it more") from error
        except Exception as error:
            raise BundleRefused(MODEL, f"is no graph ONNX Runtime can load ({error})", _REMEDY) from error
        _check_signature(session)
        engine = cls(session)
        engine._check_widths(bundle)
        return engine

    def run(self, token_ids: Sequence[Sequence[int]]) -> EngineOutput:
        """Answer a batch of 1 or more token sequences of any lengths.

        Raises:
            EngineUnavailable: when the run fails.
        """
        probabilities, embeddings, *attributes = self._run(token_ids)
        if not attributes:
            return EngineOutput(probabilities, embeddings)
        return EngineOutput(probabilities, embeddings, of_text_tokens(attributes[0], token_ids))

    def _run(self, token_ids: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        try:
            found: list[NDArray[np.float32]] = self._session.run(self._outputs, {_INPUT: _padded(token_ids)})
        except Exception as error:
            raise EngineUnavailable(f"ONNX Runtime failed on a batch of {len(token_ids)} ({error})") from error
        return found

    def _check_widths(self, bundle: Bundle) -> None:
        try:
            probe = self._run(_PROBE)
        except EngineUnavailable as error:
            raise BundleRefused(MODEL, f"does not run ({error})", _REMEDY) from error
        types = len(ProductTypes.from_json(bundle.read("product_types.json")))
        width = bundle.manifest["embedding"]["width"]
        wanted = {
            "probabilities": (1, types),
            "embeddings": (1, width),
            "attributes": (1, len(_PROBE[0]), len(ATTRIBUTES)),
        }
        for name, output in zip(self._outputs, probe, strict=True):
            if output.dtype != np.float32 or output.shape != wanted[name]:
                fact = f"answers {name} as {output.dtype} {output.shape} for one query"
                raise BundleRefused(MODEL, f"{fact}, the bundle says float32 {wanted[name]}", _REMEDY)


def _session_options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1  # the graph is one chain: nothing runs side by side
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Batches differ in both dimensions: a memory pattern would be kept for every shape, and the arena would
    # keep the largest batch ever seen. Without both, 6 x 384 int8 is 30 MB smaller and no slower (1.3 ms).
    options.enable_mem_pattern = False
    options.enable_cpu_mem_arena = False
    # Waiting threads sleep; spinning burns the cores that tokenise and answer.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors; warnings are about how the graph was exported
    return options


def _check_signature(session: ort.InferenceSession) -> None:
    inputs = {node.name: node.type for node in session.get_inputs()}
    if inputs != {_INPUT: "tensor(int64)"}:
        raise BundleRefused(MODEL, f"reads {inputs}, not the one input {_INPUT}, tensor(int64)", _REMEDY)
    missing = set(_OUTPUTS) - {node.name for node in session.get_outputs()}
    if missing:
        raise BundleRefused(MODEL, f"has no output {min(missing)}", _REMEDY)


def _padded(token_ids: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    longest = max(len(ids) for ids in token_ids)
    batch = np.full((len(token_ids), longest), _PAD, dtype=np.int64)  # (B, T)
    for row, ids in zip(batch, token_ids, strict=True):
        row[: len(ids)] = ids
    return batch
