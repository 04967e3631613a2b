"""The figures of a report as a table for people: one line each, named by where it stands in the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from shelfsense_training.reformulation_evaluation.measured import is_figure

_IN_THE_FILE = {"other rules"}
"""What only the file tells, as are counts and curves."""


def figures_table(report: Mapping[str, Any]) -> Table:
    """Return every figure of a report and every note of a part, a section for each part."""
    table = Table("part", "figure", "n", "value", "95 %", title=f"reformulations of {report['bundle_version']}")
    for column in table.columns[2:]:
        column.justify, column.no_wrap = "right", True
    for part, found in report["parts"].items():
        for name, entry in _entries(found, ""):
            if isinstance(entry, str):
                table.add_row(part, f"{name} {entry}".strip(), "", "", "")
            elif entry["value"] is None:
                table.add_row(part, name, f"{entry['n']:,}", "–", "")
            else:
                interval = f"[{entry['low']:.3f}, {entry['high']:.3f}]"
                table.add_row(part, name, f"{entry['n']:,}", f"{entry['value']:.3f}", interval)
        table.add_section()
    return table


def _entries(found: Any, name: str) -> Iterator[tuple[str, Any]]:
    if is_figure(found) or isinstance(found, str):
        yield name, found
    elif isinstance(found, Mapping):
        for key, value in found.items():
            if key not in _IN_THE_FILE:
                yield from _entries(value, f"{name} {key}".strip())
