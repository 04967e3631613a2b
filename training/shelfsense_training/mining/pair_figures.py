"""The figures of judged pairs as a table to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

_COLUMNS = {
    "pairs": "pairs",
    "precision": "precision",
    "weighted_precision": "weighted",
    "other_variant": "variant",
    "other_types": "types",
    "recall": "recall",
    "reached": "reached",
}
"""Figures and their headings; variant and types count what is wrong."""


def figures_table(figures: Mapping[str, Any]) -> Table:
    """Return a table of what `judge_pairs` found: all pairs, then by importance, traffic and locale."""
    table = Table(box=None)
    table.add_column("", no_wrap=True)
    for heading in _COLUMNS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    rows = [("all", figures["all"])]
    rows += [(f"importance {i}/4", part) for i, part in enumerate(figures["importance_quartiles"], start=1)]
    rows += [(f"traffic {i}/10", part) for i, part in enumerate(figures["deciles"], start=1)]
    rows += list(figures["by_locale"].items())
    for name, part in rows:
        table.add_row(name, *(_shown(part.get(column)) for column in _COLUMNS))
    return table


def _shown(figure: float | None) -> str:
    if figure is None:
        return "-"
    return f"{figure:,}" if isinstance(figure, int) else f"{figure:.4f}"
