"""A tree of product types: ids, English names, levels, ancestors.

Knows nothing of models or locales. L is the number of types, in a fixed order that the
classification head's outputs share.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense.errors import InputRefused
from shelfsense.strict_json import read_json

_ONE, _TWO = np.float32(1), np.float32(2)


@dataclass(frozen=True, slots=True)
class ProductTypeNode:
    """One type: its id, its parent's id (empty for a root) and its English name."""

    id: str
    parent_id: str
    name: str


class ProductTypes:
    """A product-type tree in model order, parents before children.

    Args:
        label_space: the name of the tree, as in ``shopify-2025-08-depth-3``.
        nodes: the types; every parent stands before its children.

    Raises:
        InputRefused: on a duplicate id, or a parent that is missing or stands later.
    """

    def __init__(self, label_space: str, nodes: Sequence[ProductTypeNode]) -> None:
        self.label_space = label_space
        self.nodes = tuple(nodes)
        self.index = {node.id: i for i, node in enumerate(self.nodes)}
        if len(self.index) != len(self.nodes):
            raise InputRefused("product types: an id occurs twice; give every type one row")
        self.parent = np.full(len(self.nodes), -1, dtype=np.int32)  # (L,) index of the parent, -1 at a root
        self.level = np.ones(len(self.nodes), dtype=np.int32)  # (L,) 1 at a root
        for i, node in enumerate(self.nodes):
            if node.parent_id:
                parent = self.index.get(node.parent_id, i)
                if parent >= i:
                    raise InputRefused(f"product types: {node.id}: its parent {node.parent_id} must come before it")
                self.parent[i] = parent
                self.level[i] = self.level[parent] + 1
        self.depth = int(self.level.max(initial=0))
        self.by_level = {k: np.flatnonzero(self.level == k) for k in range(1, self.depth + 1)}
        self._families = [self._families_at(k) for k in range(self.depth, 1, -1)]  # deepest first
        self.paths = tuple(self._path(i) for i in range(len(self.nodes)))

    @classmethod
    def from_table(cls, label_space: str, rows: Iterable[Mapping[str, str]]) -> ProductTypes:
        """Build a tree from rows with ``id``, ``parent_id`` (empty for a root) and ``name``, in any order.

        Raises:
            InputRefused: on a duplicate id, an unknown parent or a cycle.
        """
        nodes = {}
        for row in rows:
            node = ProductTypeNode(row["id"], row.get("parent_id") or "", row["name"])
            if node.id in nodes:
                raise InputRefused(f"product types: id {node.id} occurs twice; give every type one row")
            nodes[node.id] = node
        ordered: dict[str, ProductTypeNode] = {}
        for identifier in nodes:
            chain: list[str] = []
            current = identifier
            while current and current not in ordered:
                if current in chain or current not in nodes:
                    fact = "lies on a cycle" if current in chain else "has no row"
                    raise InputRefused(f"product types: {identifier}: its ancestor {current} {fact}; mend the table")
                chain.append(current)
                current = nodes[current].parent_id
            for name in reversed(chain):
                ordered[name] = nodes[name]
        return cls(label_space, list(ordered.values()))

    @classmethod
    def from_json(cls, data: bytes) -> ProductTypes:
        """Read the form that `to_json` writes."""
        try:
            table = read_json(data)
            nodes = [ProductTypeNode(*map(_text, row)) for row in table["nodes"]]
            return cls(_text(table["label_space"]), nodes)
        except (ValueError, KeyError, TypeError) as error:
            raise InputRefused(f"product types: not the expected JSON ({error})") from error

    def to_json(self) -> bytes:
        """Return the tree as UTF-8 JSON, nodes in model order."""
        rows = [[node.id, node.parent_id, node.name] for node in self.nodes]
        return json.dumps({"label_space": self.label_space, "nodes": rows}, ensure_ascii=False, indent=0).encode()

    def __len__(self) -> int:
        return len(self.nodes)

    def ancestors(self, i: int) -> list[int]:
        """Return a type's index and those of all its ancestors, deepest first."""
        chain = [i]
        while self.parent[chain[-1]] >= 0:
            chain.append(int(self.parent[chain[-1]]))
        return chain

    def lineage(self) -> NDArray[np.intp]:
        """Return (L, depth) every type's own index, then its ancestors'; the root again where there are no more."""
        chains = (self.ancestors(i) for i in range(len(self.nodes)))
        rows = [chain + chain[-1:] * (self.depth - len(chain)) for chain in chains]
        return np.array(rows, dtype=np.intp).reshape(len(self.nodes), self.depth)

    def at_level(self, i: int, level: int) -> int:
        """Return the ancestor (or self) of a type at a level, -1 when the type is shallower."""
        return next((j for j in self.ancestors(i) if self.level[j] == level), -1)

    def monotone(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raise every parent's probability to the largest of its children's.

        Args:
            probabilities: (B, L).

        Returns:
            A new array (B, L).
        """
        raised = probabilities.copy()
        for children, starts, parents in self._families:
            best = np.maximum.reduceat(raised[:, children], starts, axis=1)  # (B, parents)
            raised[:, parents] = np.maximum(raised[:, parents], best)
        return raised

    def coherent(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Let levels agree: a parent gets the mean of its own probability and of its children's together.

        Both say how likely the parent is, and their errors differ. What the children say together is
        bounded by 1, and no parent is less likely than its likeliest child.

        Args:
            probabilities: (B, L) of a network that answers every level by itself.

        Returns:
            A new array (B, L).
        """
        return self.coherent_families(probabilities)[0]

    def coherent_families(
        self, probabilities: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """Return what `coherent` returns, and of each level but the first, deepest first, its likeliest siblings.

        Args:
            probabilities: (B, L) of a network that answers every level by itself.

        Returns:
            The new array (B, L), and for each level (B, families) the largest number of every family.
        """
        found = probabilities.copy()
        likeliest = []
        for children, starts, parents in self._families:
            below = found.take(children, axis=1)
            together = np.minimum(np.add.reduceat(below, starts, axis=1), _ONE)  # (B, families)
            best = np.maximum.reduceat(below, starts, axis=1)
            found[:, parents] = np.maximum((found.take(parents, axis=1) + together) / _TWO, best)
            likeliest.append(best)
        return found, likeliest

    def _families_at(self, level: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int32]]:
        """Return a level's types with siblings side by side, where each family starts, and the parents."""
        members = self.by_level[level]
        children = members[np.argsort(self.parent[members], kind="stable")]
        parents, starts = np.unique(self.parent[children], return_index=True)
        return children, starts, parents

    def _path(self, i: int) -> tuple[str, ...]:
        return tuple(self.nodes[j].name for j in reversed(self.ancestors(i)))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} stands where a text should")
    return value
