"""Rules of one file that say opposite things, or one thing twice: nobody could tell which was meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shelfsense.overrides.override import Action, RowFault
from shelfsense.overrides.rule import Rule

_TYPES = (Action.ADD_TYPE, Action.REMOVE_TYPE)


def contradictions(rules: Sequence[Rule]) -> list[RowFault]:
    """Return what is wrong with rules beside each other; the later row is at fault.

    A rule of a locale and a rule of every locale never contradict: the locale's has the last word.

    Args:
        rules: in the file's order, none of them expired.
    """
    names: dict[str, int] = {}
    groups: dict[tuple[str, str, bool], list[Rule]] = {}
    faults: dict[int, RowFault] = {}
    for rule in rules:
        row = rule.override.row
        first = names.setdefault(rule.name, row)
        if first != row:
            faults[row] = RowFault(row, f"its name is that of row {first}; give every row in force a name of its own")
        groups.setdefault((rule.override.query, rule.locale, rule.action in _TYPES), []).append(rule)
    for group in groups.values():
        for fault in (*_said_twice(group), *_added_below(group)):
            faults.setdefault(fault.row, fault)
    return list(faults.values())


def _said_twice(group: Sequence[Rule]) -> Iterator[RowFault]:
    """Yield rules that name what an earlier one of the same query and locale names."""
    named: dict[str, Rule] = {}
    for rule in group:
        first = named.setdefault(rule.override.value, rule)
        if first is not rule:
            verb = "repeats" if first.action is rule.action else "contradicts"
            yield RowFault(rule.override.row, f"{verb} row {first.override.row}; keep one of the two")


def _added_below(group: Sequence[Rule]) -> Iterator[RowFault]:
    """Yield added types that a rule of the same query and locale removes with a type above them, or the reverse."""
    added = {rule.override.value: rule for rule in group if rule.action is Action.ADD_TYPE}
    for rule in group if added else ():
        if rule.action is not Action.REMOVE_TYPE:
            continue
        for type_id in (added.keys() & rule.types) - {rule.override.value}:
            first, last = sorted((rule.override.row, added[type_id].override.row))
            yield RowFault(last, f"contradicts row {first}: one adds a type below the one that the other removes")
