"""What an engine is, and how one is found by name.

B queries, T tokens, L labels, E embedding, K kinds of attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from itertools import repeat
from typing import NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.errors import EngineUnavailable, MissingExtra


class EngineRow(NamedTuple):
    """The network's answer for one query.

    Attributes:
        probabilities: (L,) float32, calibrated, parents not yet raised to their children.
        embedding: (E,) float32, unit length.
        attributes: (T, K) float32, of each text token (without ``<s>``, locale and ``</s>``) the probabilities
            of `ATTRIBUTES`; None where the network has no attribute head.
    """

    probabilities: NDArray[np.float32]
    embedding: NDArray[np.float32]
    attributes: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class EngineOutput:
    """The network's answer for a batch.

    Attributes:
        probabilities: (B, L) float32, calibrated, parents not yet raised to their children.
        embeddings: (B, E) float32, unit length.
        attributes: B times (T, K), T that query's own, as in `EngineRow`; None where there is no attribute head.
    """

    probabilities: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    attributes: tuple[NDArray[np.float32], ...] | None = None

    def rows(self) -> list[EngineRow]:
        """Return the answer query by query."""
        attributes = repeat(None, len(self.probabilities)) if self.attributes is None else self.attributes
        return [EngineRow(*row) for row in zip(self.probabilities, self.embeddings, attributes, strict=True)]


def of_text_tokens(
    attributes: NDArray[np.float32], token_ids: Sequence[Sequence[int]]
) -> tuple[NDArray[np.float32], ...]:
    """Return what a network says of each query's text tokens, of what it says of all tokens.

    Args:
        attributes: (B, longest, K), padding included.
        token_ids: B sequences as `QueryTokenizer.network_input` frames them.
    """
    return tuple(row[2 : len(ids) - 1] for row, ids in zip(attributes, token_ids, strict=True))


class Engine(Protocol):
    """Runs the network of one bundle. Not thread-safe: one caller at a time.

    Attributes:
        padding: what a token of padding costs, as a share of a real one.
    """

    padding: float

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
