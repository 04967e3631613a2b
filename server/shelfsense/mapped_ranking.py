"""From the network's probabilities to the types of a shop's own tree, where a bundle maps ours to theirs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shelfsense.mapped_tree import MappedTree
from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import Thresholds
from shelfsense.type_ranking import RankedTypes, TypeRanking


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
        """Return the best of their types, and the probabilities (L,) of ours, which reformulation goes by.

        Args:
            probabilities: (L,) of our types, as the network gives them.
            locale: a tag of the bundle, or ``und``.
            top_k: types of each level of theirs, 1 or more.
            known: whether the network knows any token of the query; where not, nothing is accepted.
        """
        raised = self._ours.raised(probabilities, locale)
        theirs = self._map.apply(raised[None, :])[0]  # (S,)
        return RankedTypes(self._theirs.best(theirs, locale, top_k, known=known), raised)
