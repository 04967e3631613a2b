"""What a store sells, and what its search engine shows for each query.

T types, Q queries, S slots of a query's result list, M products of a type.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense.product_types import ProductTypes
from shelfsense_training.simulation.behaviour import Behaviour
from shelfsense_training.simulation.universe import Universe

_FEWEST, _MOST = 8, 24


@dataclass(frozen=True, slots=True)
class Relations:
    """How types stand to each other.

    Attributes:
        siblings: (T, 4) types below the same parent, drawn with repetition; the type itself where it has none.
        complement: (T,) the type that is bought with it: one of the same root.
    """

    siblings: NDArray[np.int32]
    complement: NDArray[np.int32]

    @classmethod
    def draw(cls, product_types: ProductTypes, types: tuple[str, ...], *, seed: int) -> Relations:
        """Draw complements; siblings are the tree's."""
        random = np.random.default_rng((seed, 5))
        place = [product_types.index[identifier] for identifier in types]
        parent = np.array([product_types.parent[i] for i in place])
        root = np.array([product_types.at_level(i, 1) for i in place])
        siblings = np.empty((len(types), 4), dtype=np.int32)
        complement = np.empty(len(types), dtype=np.int32)
        everyone = np.arange(len(types))
        for t in range(len(types)):
            near = everyone[(parent == parent[t]) & (everyone != t)]
            siblings[t] = random.choice(near, size=4) if len(near) else t
            far = everyone[(root == root[t]) & (parent != parent[t])]
            others = far if len(far) else everyone[everyone != t]
            complement[t] = random.choice(others)
        return cls(siblings, complement)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The products of one store, numbered type by type.

    Attributes:
        first: (T + 1,) number of a type's first product; products of type t are first[t] to first[t + 1] - 1.
    """

    first: NDArray[np.int64]

    @classmethod
    def draw(cls, types: int, random: np.random.Generator) -> Catalogue:
        """Draw how many products each type has."""
        counts = random.integers(_FEWEST, _MOST + 1, size=types)
        return cls(np.concatenate([[0], np.cumsum(counts)]))

    def type_of(self) -> NDArray[np.int32]:
        """Return the type of every product (products,)."""
        return np.repeat(np.arange(len(self.first) - 1, dtype=np.int32), np.diff(self.first))

    def pick(self, types: NDArray[np.int32], random: np.random.Generator) -> NDArray[np.int64]:
        """Return a random product of each of the types, in the same shape."""
        counts = self.first[types + 1] - self.first[types]
        return self.first[types] + (random.random(types.shape) * counts).astype(np.int64)


@dataclass(frozen=True, slots=True)
class ResultLists:
    """What the engine shows.

    Attributes:
        types: (Q, S) the type of each slot.
        products: (Q, S) the product in it.
    """

    types: NDArray[np.int32]
    products: NDArray[np.int64]


def result_lists(
    universe: Universe,
    catalogue: Catalogue,
    relations: Relations,
    behaviour: Behaviour,
    random: np.random.Generator,
) -> ResultLists:
    """Rank products for every query, as well and as badly as the behaviour says."""
    queries, slots = len(universe.texts), behaviour.page * behaviour.pages
    meant = _drawn_meanings(universe, slots, random)  # (Q, S)
    aside = relations.siblings[meant, random.integers(4, size=meant.shape)]
    kind = random.random(meant.shape)
    types = np.where(kind < behaviour.meant, meant, random.integers(len(relations.complement), size=meant.shape))
    bound = behaviour.meant + behaviour.sibling
    types = np.where((kind >= behaviour.meant) & (kind < bound), aside, types)
    types = np.where((kind >= bound) & (kind < bound + behaviour.complement), relations.complement[meant], types)
    over = random.random(queries) < behaviour.overexposed
    wrong = np.where(random.random(queries) < 0.5, relations.complement[meant[:, 0]], aside[:, 0])
    types[over, : behaviour.overexposed_slots] = wrong[over, None]
    types = types.astype(np.int32)
    return ResultLists(types, catalogue.pick(types, random))


def _drawn_meanings(universe: Universe, slots: int, random: np.random.Generator) -> NDArray[np.int32]:
    """Return (Q, S) types, each drawn by the query's shares."""
    cumulative = universe.shares.cumsum(1)  # (Q, K)
    spin = random.random((len(universe.texts), slots, 1)) * cumulative[:, None, -1:]
    chosen = (spin > cumulative[:, None, :]).sum(-1)  # (Q, S)
    drawn: NDArray[np.int32] = np.take_along_axis(universe.types, chosen, axis=1)
    return drawn
