"""From the network's probabilities to the types of a shop's own tree, where a bundle maps ours to theirs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shelfsense.mapped_tree import MappedTree
from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import Thresholds
from shelfsense.type_ranking import RaisedTypes, RankedTypes, TypeRanking, TypesAsked


class MappedRanking:
    """Ranks a shop's types as `TypeRanking` ranks ours.

    Args:
        ours: the network's tree.
        thresholds: of it; its locales' calibrations are applied before anything is mapped.
        mapped: the shop's tree, the map and the thresholds of theirs.
    """

    def __init__(self, ours: ProductTypes, thresholds: Thresholds, mapped: MappedTree) -> None:
        self._ours = TypeRanking(ours, thresholds)
        self._map = mapped.type_map
        self._theirs = TypeRanking(mapped.type_map.theirs, mapped.thresholds)

    def rank(self, probabilities: NDArray[np.float32], locale: str, top_k: int, *, known: bool = True) -> RankedTypes:
        """Return the best types of each level of one query; `rank_all` of probabilities (L,)."""
        (found,) = self.rank_all(probabilities[None, :], [TypesAsked(locale, top_k, known)])
        return found

    def rank_all(self, probabilities: NDArray[np.float32], asked: Sequence[TypesAsked]) -> list[RankedTypes]:
        """Return the best of their types, and the probabilities (L,) of ours, which reformulation goes by.

        Args:
            probabilities: (B, L) of our types, as the network gives them.
            asked: B times what a query wants, of their types.
        """
        raised = self._ours.raised(probabilities, [each.locale for each in asked]).probabilities
        theirs = RaisedTypes(self._map.apply(raised))  # (B, S)
        return [RankedTypes(*each) for each in zip(self._theirs.best(theirs, asked), raised, strict=True)]
