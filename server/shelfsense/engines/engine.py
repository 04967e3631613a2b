"""What an engine is, and how one is found by name.

B queries, L labels, E embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.errors import EngineUnavailable, MissingExtra


@dataclass(frozen=True, slots=True)
class EngineOutput:
    """The network's answer for a batch.

    Attributes:
        probabilities: (B, L) float32, calibrated, parents not yet raised to their children.
        embeddings: (B, E) float32, unit length.
    """

    probabilities: NDArray[np.float32]
    embeddings: NDArray[np.float32]


class Engine(Protocol):
    """Runs the network of one bundle. Not thread-safe: one caller at a time."""

    @classmethod
    def load(cls, bundle: Bundle, *, threads: int = 1) -> Engine:
        """Make the engine from a verified bundle."""
        ...

    def run(self, token_ids: Sequence[Sequence[int]]) -> EngineOutput:
        """Answer a batch of 1 or more token sequences of any lengths."""
        ...


def load_engine(name: str, bundle: Bundle, *, threads: int = 1) -> Engine:
    """Load the engine registered under a name.

    Raises:
        EngineUnavailable: no engine of that name, or it failed to start.
        MissingExtra: the engine's library is not installed.
    """
    found = {point.name: point for point in entry_points(group="shelfsense.engines")}
    if name not in found:
        raise EngineUnavailable(f"no engine is called {name!r}; choose one of {', '.join(sorted(found))}")
    try:
        engine = cast("type[Engine]", found[name].load())
    except ModuleNotFoundError as error:
        raise MissingExtra("training" if name == "torch" else "server", str(error.name)) from error
    return engine.load(bundle, threads=threads)
