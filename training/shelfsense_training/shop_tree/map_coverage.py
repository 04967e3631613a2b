"""What a map leaves open, and what may be concluded where it says enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shelfsense.product_types import ProductTypes
from shelfsense.type_map import MapEntry, TypeMap

_WHOLE = 1 - 1e-6


@dataclass(frozen=True, slots=True)
class MapCoverage:
    """Which types a map says something of; ids, in the order of their tree.

    Attributes:
        inherited: our types without an entry whose queries are an ancestor's.
        partly: our types without an entry, of which only some descendants have one.
        nowhere: our types whose queries mean nothing in their tree.
        unreached: their types that no entry reaches, nor any type below them.
        overfull: our types whose entries add up to more than 1: their queries mean several at once.
    """

    inherited: tuple[str, ...]
    partly: tuple[str, ...]
    nowhere: tuple[str, ...]
    unreached: tuple[str, ...]
    overfull: tuple[str, ...]


def with_concluded(ours: ProductTypes, theirs: ProductTypes, entries: Sequence[MapEntry]) -> list[MapEntry]:
    """Return the entries and those that follow from them, which come last.

    A type of ours without an entry, all of whose children lead wholly into one branch of theirs, leads
    there too: its own probability then says more than what its children happen to add up to.
    """
    found = list(entries)
    for level in range(ours.depth - 1, 0, -1):
        type_map = TypeMap(ours, theirs, found)
        children: dict[int, list[int]] = {}
        for child in ours.by_level[level + 1].tolist():
            children.setdefault(int(ours.parent[child]), []).append(child)
        for i in ours.by_level[level].tolist():
            if i in children and not type_map.share(i):
                branch = _common_branch(type_map, children[i])
                if branch >= 0:
                    found.append(MapEntry(ours.nodes[i].id, theirs.nodes[branch].id))
    return found


def map_coverage(type_map: TypeMap) -> MapCoverage:
    """Return what a map covers."""
    ours, theirs = type_map.ours, type_map.theirs
    speaks = [bool(type_map.share(i)) for i in range(len(ours))]
    above = {i for i, one in enumerate(speaks) if one for i in ours.ancestors(i)}
    silent = [i for i, one in enumerate(speaks) if not one]
    inherited = {i for i in silent if any(speaks[a] for a in ours.ancestors(i))}
    partly = {i for i in silent if i not in inherited and i in above}
    overfull = [i for i, weight in _weights(type_map).items() if weight > 1 + 1e-6]

    def names(tree: ProductTypes, chosen: Sequence[int]) -> tuple[str, ...]:
        return tuple(tree.nodes[i].id for i in sorted(chosen))

    return MapCoverage(
        names(ours, sorted(inherited)),
        names(ours, sorted(partly)),
        names(ours, [i for i in silent if i not in inherited and i not in partly]),
        names(theirs, [s for s, sources in enumerate(type_map.sources()) if not sources]),
        names(ours, overfull),
    )


def _weights(type_map: TypeMap) -> dict[int, float]:
    """Return the sum of the weights of each of ours; a target below another target is part of it."""
    ours, theirs = type_map.ours, type_map.theirs
    targets: dict[int, dict[int, float]] = {}
    for entry in type_map.entries:
        targets.setdefault(ours.index[entry.ours], {})[theirs.index[entry.theirs]] = entry.weight
    return {
        i: sum(weight for s, weight in each.items() if not any(a in each for a in theirs.ancestors(s)[1:]))
        for i, each in targets.items()
    }


def _common_branch(type_map: TypeMap, members: Sequence[int]) -> int:
    """Return the deepest of theirs that all of ours lead to wholly, -1 for none."""
    whole = [{s for s, share in type_map.share(i).items() if share >= _WHOLE} for i in members]
    common = set.intersection(*whole)
    return max(common, key=lambda s: (int(type_map.theirs.level[s]), -s), default=-1)
