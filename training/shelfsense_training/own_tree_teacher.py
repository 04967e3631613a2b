"""What three unlike judges together say of a query in another tree: the teacher of the own-tree recipe.

The fine-tuned network knows its few thousand queries too well and is sure where it should not be. Two
judges that cannot learn anything by heart stand beside it, both resting on the encoder it started from:
its nearest labelled queries, and what the default tree's types usually mean in the other tree. Their
mean ranks pairs better than any of them (figures in docs/decisions.md).

N queries, M labelled queries, L labels of the other tree, S shares over the default tree's types, K neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense.query import Query
from shelfsense.understander import Understander
from shelfsense_training.bundle_building import answer_queries

NEIGHBOURS = 20
NEIGHBOUR_TEMPERATURE = 0.05
"""Divides cosines, as in the encoder's own training."""

MEANING_LEVELS = (2, 3)
_PRIOR = (3.0, 3.0)
"""Queries' worth of the overall frequencies that every type's meaning starts from, by level of `MEANING_LEVELS`."""

_BLOCK = 2048


@dataclass(frozen=True, slots=True)
class StartAnswers:
    """What the bundle that training starts from says of N queries.

    Attributes:
        vectors: (N, E) unit vectors.
        shares: of each of `MEANING_LEVELS`, (N, S) shares of its types and of "no product".
    """

    vectors: NDArray[np.float32]
    shares: tuple[NDArray[np.float32], ...]

    @classmethod
    def of(cls, understander: Understander, queries: Sequence[tuple[str, str]]) -> StartAnswers:
        """Ask the bundle about (text, locale) pairs."""
        output = answer_queries(understander, [Query(text, locale, truncate=True) for text, locale in queries])
        tree = understander.product_types
        shares = []
        for level in MEANING_LEVELS:
            inside = output.probabilities[:, tree.by_level[level]].astype(np.float32)
            total = inside.sum(1, keepdims=True)
            nothing = np.maximum(1 - total, 0)
            shares.append(np.concatenate([inside, nothing], axis=1) / np.maximum(total, 1))
        return cls(output.embeddings, tuple(shares))


class LabelledNeighbours:
    """The two judges without weights of their own.

    Args:
        answers: of M labelled queries.
        labels: (M, L) what they mean, 0 or 1.
    """

    def __init__(self, answers: StartAnswers, labels: NDArray[np.float32]) -> None:
        self._answers = answers
        self._labels = labels

    def scores(self, answers: StartAnswers, *, themselves: bool = False) -> NDArray[np.float32]:
        """Return the sum of both judges' probabilities, (N, L), each between 0 and 1.

        Args:
            answers: of N queries.
            themselves: they are the labelled queries; each is judged without its own label.
        """
        return self._neighbours(answers, themselves=themselves) + self._meanings(answers, themselves=themselves)

    def _neighbours(self, answers: StartAnswers, *, themselves: bool) -> NDArray[np.float32]:
        found = np.empty((len(answers.vectors), self._labels.shape[1]), dtype=np.float32)
        for start in range(0, len(found), _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, len(found)))
            cosines = answers.vectors[rows] @ self._answers.vectors.T  # (rows, M)
            if themselves:
                cosines[np.arange(len(rows)), rows] = -1.0
            near = np.argpartition(-cosines, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]  # (rows, K)
            weights = np.exp(np.take_along_axis(cosines, near, axis=1) / NEIGHBOUR_TEMPERATURE)
            weights /= weights.sum(1, keepdims=True)
            found[rows] = np.einsum("nk,nkl->nl", weights, self._labels[near])
        return found

    def _meanings(self, answers: StartAnswers, *, themselves: bool) -> NDArray[np.float32]:
        overall = self._labels.mean(0)
        found = np.zeros((len(answers.vectors), self._labels.shape[1]), dtype=np.float32)
        for prior, theirs, ours in zip(_PRIOR, answers.shares, self._answers.shares, strict=True):
            counts, sizes = ours.T @ self._labels, ours.sum(0)[:, None]  # (S, L), (S, 1)
            meaning = (counts + prior * overall) / (sizes + prior)
            part = theirs @ meaning
            if themselves:
                # The own label's part of each type's meaning, taken out again.
                own = ((theirs * theirs) @ (1 / (sizes + prior)))[:, :1]
                part = np.maximum(part - own * self._labels, 0.0)
            found += part / len(MEANING_LEVELS)
        return found
