"""From the probabilities of one tree's types to those of another's: ours to a shop's.

An entry says which share of the queries of our type mean the shop's type. What follows from it:

- Our types of one level compete, so what several of them give to one of theirs adds up, bounded by 1.
- A type of ours with an entry speaks for itself; without one its queries are its parent's. A parent
  therefore gives by its own entries only what its children do not give by theirs, and what a family
  gives together is never more than the parent's own probability: nothing is counted twice.
- A query that means their child means their parent. The parent's share holds its children's.

A map of a tree onto itself changes nothing. Knows nothing of locales, thresholds or files.
B queries, L types of ours, S types of theirs, M our types of one level, P (ours, theirs) pairs of one level.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense.errors import InputRefused
from shelfsense.product_types import ProductTypes


@dataclass(frozen=True, slots=True)
class MapEntry:
    """One row of a map.

    Attributes:
        ours: id of our type.
        theirs: id of the shop's type.
        weight: the share of the queries of our type that mean theirs, above 0 and at most 1.
    """

    ours: str
    theirs: str
    weight: float = 1.0


class TypeMap:
    """Turns probabilities of our types into those of theirs.

    Args:
        ours: the tree that the network answers.
        theirs: the tree that is served.
        entries: the map.

    Raises:
        InputRefused: on an unknown id, a pair that occurs twice, a weight out of range, or no entry.
    """

    def __init__(self, ours: ProductTypes, theirs: ProductTypes, entries: Sequence[MapEntry]) -> None:
        self.ours = ours
        self.theirs = theirs
        self.entries = tuple(entries)
        _check(ours, theirs, self.entries)
        self._shares = _shares(ours, theirs, self.entries)
        self._steps: list[_Step] = []  # our levels, deepest first
        below: tuple[list[int], list[tuple[int, int]]] = ([], [])
        for level in range(ours.depth, 0, -1):
            nodes, pairs = self._at(level, below)
            self._steps.append(_Step(ours, self._shares, nodes, pairs, below))
            below = nodes, pairs
        self._total = _Sum([theirs_index for _, theirs_index in below[1]], len(theirs))

    def apply(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities of their types, (B, S), every parent at least as likely as its children.

        Args:
            probabilities: (B, L) of our types, coherent along our tree.
        """
        empty = np.zeros((len(probabilities), 0), dtype=np.float32)
        spoken, given = empty, empty
        for step in self._steps:
            spoken, given = step(probabilities, spoken, given)
        # Sums in another order may differ in the last digit: a parent is never the smaller one.
        return self.theirs.monotone(np.minimum(self._total(given), np.float32(1)))

    def share(self, ours: int) -> dict[int, float]:
        """Return what one of our types gives by its own entries: index of theirs, ancestors too, to share."""
        return dict(self._shares.get(ours, {}))

    def sources(self) -> list[set[int]]:
        """Return, for each of theirs, our types whose entries reach it or a type below it."""
        found: list[set[int]] = [set() for _ in self.theirs.nodes]
        for ours, shares in self._shares.items():
            for theirs in shares:
                found[theirs].add(ours)
        return found

    def _at(
        self, level: int, below: tuple[list[int], list[tuple[int, int]]]
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """Return our types of a level that give anything, and the (ours, theirs) pairs they give to."""
        parent = self.ours.parent
        pairs = {(int(parent[i]), s) for i, s in below[1]}
        pairs |= {(i, s) for i in self.ours.by_level[level].tolist() for s in self._shares.get(i, {})}
        return sorted({i for i, _ in pairs}), sorted(pairs)


class _Step:
    """One level of our tree: from what its children give to what it gives."""

    def __init__(
        self,
        ours: ProductTypes,
        shares: dict[int, dict[int, float]],
        nodes: list[int],
        pairs: list[tuple[int, int]],
        below: tuple[list[int], list[tuple[int, int]]],
    ) -> None:
        place = {i: n for n, i in enumerate(nodes)}
        pair_place = {pair: n for n, pair in enumerate(pairs)}
        parent = ours.parent
        self._nodes = np.array(nodes, dtype=np.intp)  # (M,)
        self._speaks = np.array([i in shares for i in nodes], dtype=np.bool_)  # (M,)
        self._of_pair = np.array([place[i] for i, _ in pairs], dtype=np.intp)  # (P,) into nodes
        self._share = np.array([shares.get(i, {}).get(s, 0.0) for i, s in pairs], dtype=np.float32)  # (P,)
        self._leaf = not below[0]
        self._children = _Sum([place[int(parent[i])] for i in below[0]], len(nodes))
        self._child_pairs = _Sum([pair_place[int(parent[i]), s] for i, s in below[1]], len(pairs))

    def __call__(
        self, probabilities: NDArray[np.float32], spoken: NDArray[np.float32], given: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return, of this level, (B, M) the probability that entries speak for and (B, P) what is given.

        Args:
            probabilities: (B, L).
            spoken: as returned for the level below.
            given: likewise.
        """
        own = probabilities.take(self._nodes, axis=1)  # (B, M)
        of_pair = own.take(self._of_pair, axis=1)  # (B, P)
        if self._leaf:
            return own, of_pair * self._share
        children = self._children(spoken)
        rest = np.maximum(own - children, np.float32(0))
        flow = rest.take(self._of_pair, axis=1) * self._share + self._child_pairs(given)
        return np.where(self._speaks, own, np.minimum(own, children)), np.minimum(flow, of_pair)


class _Sum:
    """Adds columns up by group; a group without columns is 0.

    Args:
        group: of each column.
        groups: how many there are.
    """

    def __init__(self, group: Sequence[int], groups: int) -> None:
        of_column = np.array(group, dtype=np.intp)
        self._order = np.argsort(of_column, kind="stable")
        self._found, self._starts = np.unique(of_column[self._order], return_index=True)
        self._groups = groups

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        sums = np.zeros((len(values), self._groups), dtype=np.float32)
        if len(self._order):
            sums[:, self._found] = np.add.reduceat(values.take(self._order, axis=1), self._starts, axis=1)
        return sums


def _check(ours: ProductTypes, theirs: ProductTypes, entries: Sequence[MapEntry]) -> None:
    if not entries:
        raise InputRefused("type map: holds no entry; map at least one type")
    seen = set()
    for entry in entries:
        for name, tree in ((entry.ours, ours), (entry.theirs, theirs)):
            if name not in tree.index:
                raise InputRefused(f"type map: {name!r} is no type of {tree.label_space}; mend the entry")
        if not 0 < entry.weight <= 1:
            raise InputRefused(f"type map: {entry.ours} to {entry.theirs}: weight {entry.weight} is not in (0, 1]")
        if (entry.ours, entry.theirs) in seen:
            raise InputRefused(f"type map: {entry.ours} to {entry.theirs} occurs twice; keep one")
        seen.add((entry.ours, entry.theirs))


def _shares(ours: ProductTypes, theirs: ProductTypes, entries: Sequence[MapEntry]) -> dict[int, dict[int, float]]:
    """Return the share that each of our types gives to each of theirs; a parent's holds its children's."""
    own: dict[int, dict[int, float]] = defaultdict(dict)
    for entry in entries:
        own[ours.index[entry.ours]][theirs.index[entry.theirs]] = entry.weight
    return {i: _with_ancestors(theirs, shares) for i, shares in own.items()}


def _with_ancestors(theirs: ProductTypes, own: dict[int, float]) -> dict[int, float]:
    together: dict[int, float] = defaultdict(float)
    found: dict[int, float] = {}
    reached = {ancestor for s in own for ancestor in theirs.ancestors(s)}
    for s in sorted(reached, key=lambda each: -int(theirs.level[each])):  # children before their parents
        found[s] = min(1.0, max(own.get(s, 0.0), together[s]))
        together[int(theirs.parent[s])] += found[s]
    return found
