"""From the network's probabilities to the product types of one answer, or of a batch of answers at once.

Made once per bundle, so that an answer costs a few passes over its probabilities, which queries of one
batch share. B queries, L product types, C types chosen for all of a batch's queries and levels together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense.errors import BundleRefused
from shelfsense.locale_calibration import LocaleCalibration
from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import THRESHOLDS, LocaleThresholds, Thresholds
from shelfsense.understanding import ProductType

_MANY = 8
"""Families for each type wanted, from which on the likeliest of each bound the likeliest types closely."""

_NO_FAMILIES = np.empty((0, 0), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class RankedTypes:
    """The product types of one query, and what reformulation needs of them.

    Attributes:
        best: the top k of each level, deepest level first, then by probability.
        probabilities: (L,) calibrated for the locale, every parent at least as likely as its children.
    """

    best: tuple[ProductType, ...]
    probabilities: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TypesAsked:
    """What one query wants to know of its product types.

    Attributes:
        locale: a tag of the bundle, or ``und``.
        top_k: types of each level, 1 or more.
        known: whether the network knows any token of the query; where not, nothing is accepted.
    """

    locale: str
    top_k: int
    known: bool = True


@dataclass(frozen=True, slots=True)
class RaisedTypes:
    """Probabilities that hold in their locales and agree along the tree.

    Attributes:
        probabilities: (B, L).
        likeliest: of each level but the first, deepest first, (B, families) the largest of every family; empty
            where nobody has looked.
    """

    probabilities: NDArray[np.float32]
    likeliest: Sequence[NDArray[np.float32]] = ()


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
        by_locale = [type_thresholds(product_types, entry) for entry in thresholds.by_locale.values()]
        self._thresholds = np.stack(by_locale)  # (locales, L)
        self._place = {tag: i for i, tag in enumerate(thresholds.by_locale)}
        self._depths = product_types.depth - product_types.level.astype(np.intp)  # (L,) 0 is the deepest level
        self._lineage = product_types.lineage()  # (L, depth)
        nodes = zip(product_types.nodes, product_types.paths, product_types.level.tolist(), strict=True)
        self._fixed = [(node.id, path, level) for node, path, level in nodes]

    def rank(self, probabilities: NDArray[np.float32], locale: str, top_k: int, *, known: bool = True) -> RankedTypes:
        """Return the best types of each level of one query; `rank_all` of probabilities (L,)."""
        (found,) = self.rank_all(probabilities[None, :], [TypesAsked(locale, top_k, known)])
        return found

    def rank_all(self, probabilities: NDArray[np.float32], asked: Sequence[TypesAsked]) -> list[RankedTypes]:
        """Return the best types of each level, query by query.

        A type is accepted when its probability reaches its threshold and its parent is accepted too.

        Args:
            probabilities: (B, L) as the network gives them.
            asked: B times what a query wants; 1 or more.
        """
        raised = self.raised(probabilities, [each.locale for each in asked])
        best = self.best(raised, asked)
        return [RankedTypes(*each) for each in zip(best, raised.probabilities, strict=True)]

    def raised(self, probabilities: NDArray[np.float32], locales: Sequence[str]) -> RaisedTypes:
        """Return the network's probabilities (B, L) calibrated for B locales and coherent along the tree."""
        calibrated = self._calibration.apply_all(probabilities, locales)
        return RaisedTypes(*self._types.coherent_families(calibrated))

    def best(self, raised: RaisedTypes, asked: Sequence[TypesAsked]) -> list[tuple[ProductType, ...]]:
        """Return the best types of each level, deepest level first; as `rank_all`, of probabilities already raised."""
        values, width = raised.probabilities.ravel(), len(self._types)  # (B·L,)
        found = self._chosen(raised, np.array([each.top_k for each in asked]))  # (C,)
        rows, types = np.divmod(found, width)
        locales = np.array([self._place[each.locale] for each in asked]).take(rows)
        known = np.array([each.known for each in asked]).take(rows)
        lineage = self._lineage.take(types, axis=0)  # (C, depth)
        reached = values.take(lineage + (found - types)[:, None])  # of the type and all its ancestors
        accepted = (reached >= self._thresholds.take(lineage + locales[:, None] * width)).all(axis=1) & known
        columns = (rows, types, values.take(found), self._thresholds.take(types + locales * width), accepted)
        best: list[list[ProductType]] = [[] for _ in asked]
        for row, i, *decided in zip(*(column.tolist() for column in columns), strict=True):
            best[row].append(ProductType(*self._fixed[i], *decided))
        return [tuple(each) for each in best]

    def _chosen(self, raised: RaisedTypes, top_k: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return (C,) the places in B·L of the k likeliest types of each level, B times k: row by row, deepest first.

        Of types as likely the earlier one is first.
        """
        least = self._least(raised, int(top_k.max()))
        found = (raised.probabilities >= least.take(self._depths, axis=1)).ravel().nonzero()[0]  # (C,)
        rows, types = np.divmod(found, len(self._types))
        lists = rows * self._types.depth + self._depths.take(types)  # one number for each query and level
        order = np.lexsort((-raised.probabilities.ravel().take(found), lists))  # it is stable
        lists = lists.take(order)
        place = np.arange(len(lists)) - lists.searchsorted(lists)  # within its list, from 0
        return found.take(order[place < top_k.take(rows.take(order))])

    def _least(self, raised: RaisedTypes, k: int) -> NDArray[np.float32]:
        """Return (B, levels), deepest level first, a probability that at least k of the level's types reach.

        The likeliest types of k families are k types: where families are many, the k-th of their likeliest is a
        bound that few others reach, and they are a seventh of what there is to sort.
        """
        least = np.full((len(raised.probabilities), self._types.depth), -1, np.float32)  # all reach it
        for depth in range(self._types.depth):
            members = self._types.by_level[self._types.depth - depth]
            if k >= len(members):
                continue
            some = raised.likeliest[depth] if depth < len(raised.likeliest) else _NO_FAMILIES
            some = some.copy() if some.shape[1] >= _MANY * k else raised.probabilities.take(members, axis=1)
            some.sort(axis=1)
            least[:, depth] = some[:, -k]
        return least
