"""The default engine: ONNX Runtime on the CPU, one thread unless told otherwise.

The graph reads ``token_ids`` (B, T) int64, derives its attention mask from the pad id, and answers
``probabilities`` (B, L), ``embeddings`` (B, E) and, where it has an attribute head, ``attributes`` (B, T, K),
all float32; it also gives its word table, which nobody here asks for.
B queries, T tokens, L labels, E embedding, K kinds of attributes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shelfsense.attribute_kinds import ATTRIBUTES
from shelfsense.bundle import Bundle
from shelfsense.engines.engine import EngineOutput, of_text_tokens
from shelfsense.engines.onnx_session import INPUT, REMEDY, OnnxSession
from shelfsense.errors import BundleRefused, EngineUnavailable
from shelfsense.product_types import ProductTypes

MODEL = "model.onnx"
"""The graph's file name in a bundle."""

PADDING, ATTENTION_ALONE = "padding", "attention"
"""A fact in the graph: what it pads. Graphs without it pad everything."""

_PADDING_COST = 0.13  # of a real token, where attention alone is padded: fitted by `python -m benchmarks scheduler`
_OUTPUTS = ["probabilities", "embeddings"]
_OPTIONAL = "attributes"
_PROBE = [[0, 2]]  # <s> </s>: ids that every vocabulary has


class OnnxEngine:
    """Runs a bundle's ``model.onnx``. Not thread-safe: one caller at a time.

    Args:
        session: a session of the graph.

    Attributes:
        padding: as in `Engine`.
    """

    def __init__(self, session: OnnxSession) -> None:
        self._session = session
        self.padding = _PADDING_COST if session.facts.get(PADDING) == ATTENTION_ALONE else 1.0
        self._outputs = [*_OUTPUTS, _OPTIONAL] if _OPTIONAL in session.outputs else _OUTPUTS

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
        session = OnnxSession.load(MODEL, bundle.read(MODEL), threads=threads)
        _check_signature(session)
        engine = cls(session)
        engine._check_widths(bundle)
        return engine

    def run(self, token_ids: Sequence[Sequence[int]]) -> EngineOutput:
        """Answer a batch of 1 or more token sequences of any lengths.

        Raises:
            EngineUnavailable: when the run fails.
        """
        probabilities, embeddings, *attributes = self._session.run(self._outputs, token_ids)
        if not attributes:
            return EngineOutput(probabilities, embeddings)
        return EngineOutput(probabilities, embeddings, of_text_tokens(attributes[0], token_ids))

    def _check_widths(self, bundle: Bundle) -> None:
        try:
            probe = self._session.run(self._outputs, _PROBE)
        except EngineUnavailable as error:
            raise BundleRefused(MODEL, f"does not run ({error})", REMEDY) from error
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
                raise BundleRefused(MODEL, f"{fact}, the bundle says float32 {wanted[name]}", REMEDY)


def _check_signature(session: OnnxSession) -> None:
    inputs = {name: kind for name, (kind, _) in session.inputs.items()}
    if inputs != {INPUT: "tensor(int64)"}:
        raise BundleRefused(MODEL, f"reads {inputs}, not the one input {INPUT}, tensor(int64)", REMEDY)
    missing = set(_OUTPUTS) - session.outputs
    if missing:
        raise BundleRefused(MODEL, f"has no output {min(missing)}", REMEDY)
