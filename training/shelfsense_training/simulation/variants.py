"""The variants that a store's products come in, where attribute words are to matter.

Q queries, S slots, M products, T types, V variants (0 is none in particular). Products are numbered type by
type and within a type variant by variant, so that a type, and a variant of it, is one run of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.simulation.catalogue import Catalogue
from shelfsense_training.simulation.needs import NeedHabits
from shelfsense_training.simulation.universe import Universe

_FEWEST_PLAIN, _MOST_PLAIN = 8, 24
_REDRAWS = 10


@dataclass(frozen=True, slots=True)
class Variants:
    """Which product carries which variant, and which query asks for which.

    Attributes:
        habits: how much they matter.
        catalogue: the store's products.
        names: of the variants by number, the empty one first.
        asked: (Q,) variant of each query, 0 where any will do.
        carried: (M,) variant of each product.
        low: (T, V) first product of a variant of a type; of the whole type where it has none of that variant.
        high: (T, V) one past its last.
        weight: (M + 1,) cumulative popularity of the products.
    """

    habits: NeedHabits
    catalogue: Catalogue
    names: tuple[str, ...]
    asked: NDArray[np.int32]
    carried: NDArray[np.int32]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    weight: NDArray[np.float64]

    @classmethod
    def draw(
        cls,
        universe: Universe,
        variants: Sequence[str],
        types: int,
        habits: NeedHabits,
        random: np.random.Generator,
    ) -> Variants:
        """Give every type products without a variant, and products of each variant that a query asks of it.

        Args:
            universe: what the store's shoppers search for.
            variants: the variant each query asks for (`asked_variants`).
            types: how many the store may sell, T.
            habits: how much variants matter.
            random: of the draws.
        """
        names = ("", *sorted(set(variants) - {""}))
        number = {name: i for i, name in enumerate(names)}
        asked = np.array([number[name] for name in variants], dtype=np.int32)
        row, column = np.nonzero(universe.types >= 0)
        pairs = universe.types[row, column].astype(np.int64) * len(names) + asked[row]
        groups = np.unique(np.concatenate([pairs, np.arange(types) * len(names)]))  # (G,)
        kind, variant = np.divmod(groups, len(names))
        plain = random.integers(_FEWEST_PLAIN, _MOST_PLAIN + 1, size=len(groups))
        counts = np.where(variant == 0, plain, random.integers(habits.fewest, habits.most + 1, size=len(groups)))
        start = np.concatenate([[0], np.cumsum(counts)])  # (G + 1,)
        first = start[np.searchsorted(kind, np.arange(types + 1))]
        type_of = np.repeat(kind, counts)  # (M,)
        order = np.lexsort((random.random(len(type_of)), type_of))
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order)) - first[type_of[order]]
        low = np.repeat(first[:-1, None], len(names), axis=1)
        high = np.repeat(first[1:, None], len(names), axis=1)
        low[kind, variant], high[kind, variant] = start[:-1], start[1:]
        weight = np.concatenate([[0.0], np.cumsum((rank + 1.0) ** -habits.popularity)])
        carried = np.repeat(variant, counts).astype(np.int32)
        return cls(habits, Catalogue(first), names, asked, carried, low, high, weight)

    def pick(self, types: NDArray[np.int32], random: np.random.Generator) -> NDArray[np.int64]:
        """Return what the engine shows in the slots of every query.

        Args:
            types: (Q, S) type of each slot.
            random: of the draws.

        Returns:
            (Q, S) numbers of products: of the variant asked for in a share of the slots, else any of the type; a
            list names a product twice only where it runs out of others.
        """
        matching = (random.random(types.shape) < self.habits.matching) & (self.asked[:, None] > 0)
        wanted = np.broadcast_to(self.asked[:, None], types.shape)
        low = np.where(matching, self.low[types, wanted], self.catalogue.first[types])
        high = np.where(matching, self.high[types, wanted], self.catalogue.first[types + 1])
        products = self._drawn(low, high, random)
        for _ in range(_REDRAWS):
            again = _repeated(products)
            if not again.any():
                break
            products[again] = self._drawn(low[again], high[again], random)
        return products

    def _drawn(self, low: NDArray[np.int64], high: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
        """Return a product from each run of numbers, by popularity."""
        spin = self.weight[low] + random.random(low.shape) * (self.weight[high] - self.weight[low])
        return np.clip(np.searchsorted(self.weight, spin, side="right") - 1, low, high - 1)

    def unasked(self, query: NDArray[np.int64], products: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which products (N, P) are of another variant than their query (N,) asks for."""
        asked = self.asked[query][:, None]
        unasked: NDArray[np.bool_] = (asked > 0) & (self.carried[products] != asked)
        return unasked

    def words(self) -> list[str]:
        """Return the variant's word of every product (M,), empty for none in particular."""
        return [self.names[i] for i in self.carried.tolist()]


def _repeated(products: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which slots (Q, S) repeat a product of an earlier slot."""
    order = np.argsort(products, axis=1, kind="stable")
    ordered = np.take_along_axis(products, order, axis=1)
    again = np.zeros(products.shape, dtype=np.bool_)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    repeated = np.empty_like(again)
    np.put_along_axis(repeated, order, again, axis=1)
    return repeated
