"""From the network's probabilities to the product types of one answer.

L product types. Made once per bundle, so that one answer costs a partition per level and no more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense.errors import BundleRefused
from shelfsense.locale_calibration import LocaleCalibration
from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import THRESHOLDS, LocaleThresholds, Thresholds
from shelfsense.understanding import ProductType


@dataclass(frozen=True, slots=True)
class RankedTypes:
    """The product types of one query, and what reformulation needs of them.

    Attributes:
        best: the top k of each level, deepest level first, then by probability.
        probabilities: (L,) calibrated for the locale, every parent at least as likely as its children.
    """

    best: tuple[ProductType, ...]
    probabilities: NDArray[np.float32]


def type_thresholds(product_types: ProductTypes, entry: LocaleThresholds) -> NDArray[np.float32]:
    """Return (L,) the threshold of every type in a locale: its own, else its level's.

    Float32 as on the wire, so that a client comparing probability and threshold agrees.

    Raises:
        BundleRefused: naming a type that the tree lacks.
    """
    found = np.array(entry.product_types, dtype=np.float32)[product_types.level - 1]
    for name, threshold in entry.types.items():
        if name not in product_types.index:
            fact = f"has a threshold for the product type {name}, which product_types.json lacks"
            raise BundleRefused(THRESHOLDS, fact, "use a bundle whose files were written together")
        found[product_types.index[name]] = threshold
    return found


class TypeRanking:
    """Ranks the types of a tree and says which are accepted.

    Args:
        product_types: the tree, in the order of the network's outputs.
        thresholds: with a threshold per level for every locale that will be asked for.

    Raises:
        BundleRefused: when a type with a threshold of its own is not in the tree.
    """

    def __init__(self, product_types: ProductTypes, thresholds: Thresholds) -> None:
        self._types = product_types
        self._calibration = LocaleCalibration(product_types, thresholds)
        self._threshold = {tag: type_thresholds(product_types, entry) for tag, entry in thresholds.by_locale.items()}

    def rank(self, probabilities: NDArray[np.float32], locale: str, top_k: int, *, known: bool = True) -> RankedTypes:
        """Return the best types of each level.

        A type is accepted when its probability reaches its threshold and its parent is accepted too.

        Args:
            probabilities: (L,) as the network gives them.
            locale: a tag of the bundle, or ``und``.
            top_k: types of each level, 1 or more.
            known: whether the network knows any token of the query; where not, nothing is accepted.
        """
        raised = self.raised(probabilities, locale)
        return RankedTypes(self.best(raised, locale, top_k, known=known), raised)

    def raised(self, probabilities: NDArray[np.float32], locale: str) -> NDArray[np.float32]:
        """Return the network's probabilities (L,) calibrated for the locale and coherent along the tree."""
        calibrated = self._calibration.apply(probabilities, locale)
        raised: NDArray[np.float32] = self._types.coherent(calibrated[None, :])[0]
        return raised

    def best(
        self, raised: NDArray[np.float32], locale: str, top_k: int, *, known: bool = True
    ) -> tuple[ProductType, ...]:
        """Return the best types of each level, deepest level first; as `rank`, of probabilities already raised."""
        thresholds = self._threshold[locale]  # (L,)
        accepted = self._accepted(raised, thresholds) if known else np.zeros(len(raised), dtype=np.bool_)
        best: list[ProductType] = []
        for level in range(self._types.depth, 0, -1):
            chosen = _top(raised, self._types.by_level[level], top_k)
            columns = (chosen, raised[chosen], thresholds[chosen], accepted[chosen])
            for i, probability, threshold, passed in zip(*(column.tolist() for column in columns), strict=True):
                node = self._types.nodes[i]
                best.append(ProductType(node.id, self._types.paths[i], level, probability, threshold, passed))
        return tuple(best)

    def _accepted(self, raised: NDArray[np.float32], thresholds: NDArray[np.float32]) -> NDArray[np.bool_]:
        accepted = raised >= thresholds  # (L,)
        for level in range(2, self._types.depth + 1):
            members = self._types.by_level[level]
            accepted[members] &= accepted[self._types.parent[members]]
        return accepted


def _top(probabilities: NDArray[np.float32], members: NDArray[np.intp], k: int) -> NDArray[np.intp]:
    """Return the k likeliest members, likeliest first, the earlier one first where they tie."""
    values = probabilities[members]
    if k < len(values):
        least = np.partition(values, len(values) - k)[len(values) - k]
        # A partition cuts ties anywhere: take all of them, and let the stable sort decide.
        near = np.flatnonzero(values >= least)
        members, values = members[near], values[near]
    return members[np.argsort(-values, kind="stable")[:k]]
