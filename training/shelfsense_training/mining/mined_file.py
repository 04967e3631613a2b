"""Writes a mined table and the report of how it came about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def write_mined(table: pa.Table, report: Mapping[str, Any], out: Path) -> Path:
    """Write a table as Parquet and a report beside it, each visible only when it is whole.

    Args:
        table: what was mined.
        report: JSON values; must hold no query.
        out: the table's name.

    Returns:
        The report's name: the table's with ``.report.json`` in place of its suffix.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    staged = out.with_name(out.name + ".part")
    pq.write_table(table, staged, compression="zstd")
    staged.rename(out)
    path = out.with_suffix(".report.json")
    staged = path.with_name(path.name + ".part")
    staged.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    staged.rename(path)
    return path
