"""Sessions of ONNX Runtime, as every network of a bundle runs in one; only this module imports onnxruntime.

B queries, T tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from shelfsense.errors import BundleRefused, EngineUnavailable

INPUT = "token_ids"
"""What every graph reads: (B, T) int64, padded; it derives its attention mask from the pad id."""

REMEDY = "use a bundle whose model and manifest were written together"

_PAD = 1  # XLM-R's <pad>, which the exported graphs compare with


class OnnxSession:
    """A graph that runs. Not thread-safe: one caller at a time.

    Args:
        session: of ONNX Runtime.
    """

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session = session
        self.inputs: dict[str, tuple[str, list[Any]]] = {x.name: (x.type, x.shape) for x in session.get_inputs()}
        self.outputs = frozenset(node.name for node in session.get_outputs())
        self.facts: dict[str, str] = session.get_modelmeta().custom_metadata_map

    @classmethod
    def load(cls, file: str, data: bytes, *, threads: int = 1, optimised: bool = True) -> OnnxSession:
        """Start a session.

        Args:
            file: name of the graph in its bundle, for errors.
            data: the graph.
            threads: threads of one run; past 1 they help only large batches.
            optimised: false where the graph is to run but once.

        Raises:
            BundleRefused: when the file is no graph.
            EngineUnavailable: when ONNX Runtime cannot start.
        """
        try:
            options = _session_options(threads, optimised=optimised)
        except Exception as error:  # onnxruntime's errors share no base class
            raise EngineUnavailable(f"ONNX Runtime refused its settings ({error}); set threads to 1 or more") from error
        try:
            return cls(ort.InferenceSession(data, sess_options=options, providers=["CPUExecutionProvider"]))
        except MemoryError as error:
            raise EngineUnavailable("ONNX Runtime ran out of memory while loading; give it more") from error
        except Exception as error:
            raise BundleRefused(file, f"is no graph ONNX Runtime can load ({error})", REMEDY) from error

    def run(
        self,
        outputs: Sequence[str],
        token_ids: Sequence[Sequence[int]],
        others: Mapping[str, NDArray[Any]] | None = None,
    ) -> list[NDArray[Any]]:
        """Return outputs for a batch of 1 or more token sequences of any lengths.

        Args:
            outputs: their names.
            token_ids: the sequences.
            others: what else the graph reads.

        Raises:
            EngineUnavailable: when the run fails.
        """
        try:
            found: list[NDArray[Any]] = self._session.run(list(outputs), {INPUT: _padded(token_ids), **(others or {})})
        except Exception as error:
            raise EngineUnavailable(f"ONNX Runtime failed on a batch of {len(token_ids)} ({error})") from error
        return found


def _session_options(threads: int, *, optimised: bool) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1  # the graph is one chain: nothing runs side by side
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    levels = ort.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
    # Batches differ in both dimensions: a memory pattern would be kept for every shape. The arena keeps what the
    # largest batch took (17 MB of 1,024 tokens, 6 x 384 int8); without it a batch of 32 takes up to a tenth longer.
    options.enable_mem_pattern = False
    # Waiting threads sleep; spinning burns the cores that tokenise and answer.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors; warnings are about how the graph was exported
    return options


def _padded(token_ids: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    longest = max(len(ids) for ids in token_ids)
    batch = np.full((len(token_ids), longest), _PAD, dtype=np.int64)  # (B, T)
    for row, ids in zip(batch, token_ids, strict=True):
        row[: len(ids)] = ids
    return batch
