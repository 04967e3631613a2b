"""What a map covers and what its thresholds rest on, for people and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from shelfsense_training.progress import CONSOLE
from shelfsense_training.shop_tree.tree_labels import ShopLabels
from shelfsense_training.shop_tree.tree_mapping import MappedBundle

REPORT = "map_report.json"
_SHOWN = 10


def write_map_report(made: MappedBundle, labels: ShopLabels | None, folder: Path) -> None:
    """Write ``map_report.json``: the entries concluded, and all ids that the map leaves open."""
    coverage = made.coverage
    concluded = made.type_map.entries[len(made.type_map.entries) - made.concluded :]
    table = {
        "bundle_version": made.bundle.version,
        "entries": len(made.type_map.entries) - made.concluded,
        "concluded": [[entry.ours, entry.theirs] for entry in concluded],
        "ours": {
            "types": len(made.type_map.ours),
            "inherited": coverage.inherited,
            "partly": coverage.partly,
            "nowhere": coverage.nowhere,
            "overfull": coverage.overfull,
        },
        "theirs": {"types": len(made.type_map.theirs), "unreached": coverage.unreached},
        "labels": None if labels is None else {"rows": labels.read, "rejected": len(labels.rejected)},
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(table, ensure_ascii=False, indent=1) + "\n"
    (folder / REPORT).write_text(text, encoding="utf-8")


def say_mapping(made: MappedBundle, labels: ShopLabels | None, folder: Path) -> None:
    """Report to standard error what the map leaves open, and how the thresholds came about."""
    type_map, coverage = made.type_map, made.coverage
    entries = len(type_map.entries) - made.concluded
    _say(f"{entries:,} entries map {type_map.ours.label_space} to {type_map.theirs.label_space}")
    if made.concluded:
        _say(f"{made.concluded:,} more were concluded: all children of a type lead to one branch of theirs")
    for names, fact in (
        (coverage.nowhere, "types of ours map nowhere: their queries get no type of theirs"),
        (coverage.partly, "types of ours have no entry, and only some types below them have: the rest is lost"),
        (coverage.unreached, "types of theirs are never reached: no entry leads to them or below them"),
        (coverage.overfull, "types of ours have weights of more than 1 in all: their queries mean several at once"),
    ):
        if names:
            shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
            _say(f"warning: {len(names):,} {fact} ({shown})")
    if labels is None:
        _say("thresholds: derived from ours (fallback); --labels fixes them on judged queries")
    else:
        evidence = [entry.evidence for entry in made.thresholds.by_locale.values()]
        _say(f"thresholds: fixed on labels, {evidence.count('real')} locales by their own (real)")
        if labels.rejected:
            _say(f"warning: {len(labels.rejected):,} of {labels.read:,} rows of labels are bad and were left out")
    _say(f"all ids are listed in {folder / REPORT}")


def _say(text: str) -> None:
    CONSOLE.print(text, highlight=False, soft_wrap=True, markup=False)
