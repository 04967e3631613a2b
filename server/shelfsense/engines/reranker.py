"""What a re-ranker is: a network that reads a query and a head side by side. P pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.locales import Locales

RERANKER = "reranker.onnx"
"""The graph's file name in a bundle; most bundles have none."""


class Reranker(Protocol):
    """Says of pairs whether they mean the same. Not thread-safe: one caller at a time, the engine's.

    Attributes:
        locales: those it knows, in the order of its locale tokens.
    """

    locales: Locales

    def scores(self, pairs: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return the logits (P,) of 1 or more pairs of any lengths, 0 where it cannot tell."""
        ...


def load_reranker(bundle: Bundle, *, threads: int = 1) -> Reranker | None:
    """Return a bundle's re-ranker, None where it has none; it runs in ONNX Runtime beside whatever engine.

    Raises:
        BundleRefused: when the file is no re-ranker, or not one of this bundle.
        EngineUnavailable: when ONNX Runtime cannot start.
    """
    if not bundle.has(RERANKER):
        return None
    from shelfsense.engines.onnx_reranker import OnnxReranker  # noqa: PLC0415  most servers need none

    return OnnxReranker.load(bundle, threads=threads)
