"""An understander that is all real but its network, which costs a hundred times what is fuzzed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from unittest.mock import patch

import numpy as np

from shelfsense.attribute_kinds import ATTRIBUTES
from shelfsense.bundle import Bundle
from shelfsense.engines.engine import EngineOutput
from shelfsense.product_types import ProductTypes
from shelfsense.understander import Understander


class SeededEngine:
    """Answers numbers that follow from the tokens: anything, but the same again.

    Args:
        types: L.
        width: E.
        attributes: whether it answers them.
    """

    padding = 0.0

    def __init__(self, types: int, width: int, *, attributes: bool) -> None:
        self._types = types
        self._width = width
        self._attributes = attributes

    @classmethod
    def load(cls, bundle: Bundle, *, threads: int = 1) -> SeededEngine:  # noqa: ARG003 -- the protocol's
        """Take the widths from a bundle."""
        types = len(ProductTypes.from_json(bundle.read("product_types.json")))
        return cls(types, bundle.manifest["embedding"]["width"], attributes="attributes" in bundle.manifest)

    def run(self, token_ids: Sequence[Sequence[int]]) -> EngineOutput:
        """Answer a batch."""
        draws = [np.random.default_rng(zlib.crc32(repr(tuple(ids)).encode())) for ids in token_ids]
        embeddings = np.stack([draw.standard_normal(self._width, dtype=np.float32) for draw in draws])
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        attributes = [
            draw.random((len(ids) - 3, len(ATTRIBUTES)), dtype=np.float32)
            for draw, ids in zip(draws, token_ids, strict=True)
        ]
        probabilities = np.stack([draw.random(self._types, dtype=np.float32) for draw in draws])
        return EngineOutput(probabilities, embeddings, tuple(attributes) if self._attributes else None)


def load(bundle: Bundle) -> Understander:
    """Load a bundle as a server does, but for its network."""

    def seeded(name: str, bundle: Bundle, *, threads: int = 1) -> SeededEngine:  # noqa: ARG001 -- as load_engine
        return SeededEngine.load(bundle)

    with patch("shelfsense.understander.load_engine", seeded):
        return Understander.load(bundle)
