"""The figures of a report as a table for people: one line each, named by where it stands in the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from shelfsense_training.reformulation_evaluation.measured import is_figure


def figures_table(report: Mapping[str, Any]) -> Table:
    """Return every figure of a report and every note of a part; curves and counts stay in the file."""
    table = Table("figure", "n", "value", "95 %", title=f"reformulations of {report.get('bundle_version', '?')}")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, found in _entries(report.get("parts", {}), ""):
        if isinstance(found, str):
            table.add_row(name, "", found, "")
        elif found["value"] is None:
            table.add_row(name, f"{found['n']:,}", "–", "")
        else:
            table.add_row(name, f"{found['n']:,}", f"{found['value']:.3f}", f"[{found['low']:.3f}, {found['high']:.3f}]")
    return table


def _entries(found: Any, name: str) -> Iterator[tuple[str, Any]]:
    if is_figure(found) or isinstance(found, str):
        yield name, found
    elif isinstance(found, Mapping):
        for key, value in found.items():
            yield from _entries(value, f"{name} {key}".strip())
