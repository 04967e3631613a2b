"""Annotating a file from end to end: the format by its suffix, the result visible only when whole."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shelfsense.annotation.annotator import Annotator
from shelfsense.annotation.csv_table import annotate_csv
from shelfsense.annotation.parquet_table import annotate_parquet
from shelfsense.annotation.row import Annotation, InputColumns, Row
from shelfsense.errors import InputRefused

_FORMATS = {".csv": "CSV", ".csv.gz": "CSV", ".parquet": "Parquet"}

CHUNK_ROWS = 16_384
"""Rows held in memory at once unless told: some tens of MB with their annotations."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How many rows became what."""

    ok: int
    invalid: int
    error: int

    @property
    def rows(self) -> int:
        """All rows."""
        return self.ok + self.invalid + self.error


def annotate_file(
    source: Path,
    target: Path,
    annotator: Annotator,
    columns: InputColumns = InputColumns(),  # noqa: B008  frozen
    *,
    on_progress: Callable[[int, float], None] = lambda rows, share: None,  # noqa: ARG005
    chunk_rows: int = CHUNK_ROWS,
) -> Summary:
    """Write an annotated copy of a file of queries: rows, order and columns unchanged, the annotation behind.

    Memory is bounded by a chunk of rows. The target appears by one rename, when it is whole; it may be the
    source itself.

    Args:
        source: ``.csv``, ``.csv.gz`` or ``.parquet``.
        target: likewise, CSV for CSV and Parquet for Parquet.
        annotator: answers the queries.
        columns: where the queries and locales are.
        on_progress: told after each chunk the rows done, and the share of the file, 0 to 1.
        chunk_rows: rows held in memory at once; within them, what is asked twice is computed once.

    Raises:
        InputRefused: the source cannot be read as what its suffix says, or lacks a column.
    """
    kind = _format(source)
    if _format(target) != kind:
        raise InputRefused(f"{target}: the output must be {kind} too; name it with the input's suffix")
    if not source.is_file():
        raise InputRefused(f"{source}: there is no such file")
    if not target.parent.is_dir():
        raise InputRefused(f"{target}: there is no folder {target.parent}; make it first")
    counts: Counter[str] = Counter()

    def annotate(rows: Sequence[Row], share: float) -> Sequence[Annotation]:
        annotations = annotator.annotate(rows)
        counts.update(each.status for each in annotations)
        on_progress(counts.total(), share)
        return annotations

    # Beside the target, hence on its file system: only so is the rename at the end atomic.
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        if kind == "CSV":
            packed = target.suffix.lower() == ".gz"
            annotate_csv(source, partial, columns, annotate, packed=packed, chunk_rows=chunk_rows)
        else:
            annotate_parquet(source, partial, columns, annotate, chunk_rows=chunk_rows)
        partial.replace(target)
    except InputRefused as error:
        raise InputRefused(f"{source}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return Summary(counts["ok"], counts["invalid"], counts["error"])


def _format(path: Path) -> str:
    for suffix, kind in _FORMATS.items():
        if path.name.lower().endswith(suffix):
            return kind
    raise InputRefused(f"{path}: its suffix is none of {', '.join(_FORMATS)}; rename or convert it")
