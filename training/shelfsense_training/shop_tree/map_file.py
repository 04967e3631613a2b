"""Reads a map from our types to a shop's: ``product_type_id, shop_type_id`` and optionally ``weight``."""

from __future__ import annotations

import math
from pathlib import Path

from shelfsense.errors import InputRefused
from shelfsense.product_types import ProductTypes
from shelfsense.type_map import MapEntry
from shelfsense_training.onboarding.cells import read_cells
from shelfsense_training.shop_tree.faults import Faults

COLUMNS = ("product_type_id", "shop_type_id")
WEIGHT = "weight"


def read_map_file(path: Path, ours: ProductTypes, theirs: ProductTypes) -> list[MapEntry]:
    """Return the entries of a file, CSV, TSV or Parquet; an absent or empty weight is 1.

    Raises:
        InputRefused: naming the lines with an unknown id, a pair that occurs twice, or a weight out of range.
    """
    faults = Faults(path)
    entries: list[MapEntry] = []
    lines: dict[tuple[str, str], int] = {}
    for line, row in faults.readable(read_cells(path, COLUMNS, (WEIGHT,))):
        mine, other = row["product_type_id"], row["shop_type_id"]
        weight = _weight(row[WEIGHT])
        if mine not in ours.index:
            faults.add(line, f"product_type_id {mine!r} is no type of {ours.label_space}; mend or remove the row")
        if other not in theirs.index:
            faults.add(line, f"shop_type_id {other!r} is no type of {theirs.label_space}; mend or remove the row")
        if weight is None:
            faults.add(line, f"weight is {row[WEIGHT]!r}; write a share above 0 and at most 1, or nothing for 1")
        if (mine, other) in lines:
            faults.add(line, f"maps {mine} to {other}, as line {lines[mine, other]} does; keep one of them")
        lines.setdefault((mine, other), line)
        entries.append(MapEntry(mine, other, weight or 1.0))
    faults.refuse()
    if not entries:
        raise InputRefused(f"{path}: holds no entry; give it rows of {', '.join(COLUMNS)}")
    return entries


def _weight(cell: str) -> float | None:
    if not cell:
        return 1.0
    try:
        weight = float(cell)
    except ValueError:
        return None
    return weight if math.isfinite(weight) and 0 < weight <= 1 else None
