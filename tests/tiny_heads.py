"""Four heads with their vectors, many heads around a few needs, and bundles that hold nothing but heads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shelfsense.bundle import Bundle, write_bundle
from shelfsense.reformulation.head import Head
from shelfsense.reformulation.vector_index import GraphSettings

HEADS = [
    Head("rote Schuhe", "de", 900.0, product_type="shoes", attributes='[["color","rot"]]'),
    Head("red shoes", "en", 100.0),
    Head("blaue Schuhe", "de", 50.0, volume_is_estimate=True),
    Head("blue shoes", "en", 70.0),
]
VECTORS = np.array([[1, 0, 0], [0, 1, 0], [0.6, 0.8, 0], [0, 0, 1]], dtype=np.float32)

SMALL_GRAPH = GraphSettings(exact_rows=100, links=8, construction=40, least_search=32)
"""A graph already over a hundred rows."""


def bundle_of(folder: Path, files: dict[str, bytes], width: int = 3) -> Bundle:
    """Return a bundle that holds just these files."""
    manifest = {"bundle_version": "1", "label_space": "toy", "locales": ["de", "en"], "backbone": {}}
    return write_bundle(folder / "bundle", {**manifest, "embedding": {"width": width}}, files)


def clumps(rows: int, *, width: int = 16, seed: int = 0) -> NDArray[np.float32]:
    """Return unit vectors (rows, width) in clumps of about ten, as queries for one need lie."""
    draw = np.random.default_rng(seed)
    centres = draw.standard_normal((max(1, rows // 10), width))
    vectors = centres[draw.integers(0, len(centres), rows)] + 0.3 * draw.standard_normal((rows, width))
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def numbered(rows: int, locale: str = "en", *, first: int = 0) -> list[Head]:
    """Return heads whose words are their numbers."""
    return [Head(f"head {i}", locale, float(i)) for i in range(first, first + rows)]
