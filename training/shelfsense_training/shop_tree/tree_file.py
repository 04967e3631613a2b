"""Reads a shop's own tree: ``id, parent_id, name`` in CSV, TSV or Parquet, in any order."""

from __future__ import annotations

from pathlib import Path

from shelfsense.errors import InputRefused
from shelfsense.product_types import ProductTypes
from shelfsense_training.onboarding.cells import read_cells
from shelfsense_training.shop_tree.faults import Faults

COLUMNS = ("id", "parent_id", "name")


def read_tree_file(path: Path, label_space: str = "") -> ProductTypes:
    """Return the tree of a file.

    Args:
        path: the file; ``parent_id`` is empty for a root.
        label_space: the tree's name; the file's without its suffix where empty.

    Raises:
        InputRefused: naming the lines at fault.
    """
    faults = Faults(path)
    rows: list[dict[str, str]] = []
    lines: dict[str, int] = {}
    for line, row in faults.readable(read_cells(path, COLUMNS)):
        for column in ("id", "name"):
            if not row[column]:
                faults.add(line, f"{column} is empty; every type has one")
        if row["id"] in lines:
            faults.add(line, f"id {row['id']!r} is that of line {lines[row['id']]}; give every type one row")
        elif row["id"]:
            lines[row["id"]] = line
            rows.append(row)
    for row in rows:
        if row["parent_id"] and row["parent_id"] not in lines:
            faults.add(
                lines[row["id"]], f"parent_id {row['parent_id']!r} is no id of the file; add its row, or mend it"
            )
    faults.refuse()
    if not rows:
        raise InputRefused(f"{path}: holds no types; give it rows of id, parent_id, name")
    try:
        return ProductTypes.from_table(label_space or path.stem, rows)
    except InputRefused as error:  # a cycle
        raise InputRefused(f"{path}: {error}") from error
