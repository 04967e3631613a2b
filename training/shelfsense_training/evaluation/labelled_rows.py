"""The data file of `evaluate`: one judgement per row, as CSV, TSV or Parquet.

Columns ``query``, ``locale``, ``product_type_id`` (empty: no type of the tree fits), ``label``
(1 right, 0 wrong) and optionally ``volume``. CSV is quoted as usual; TSV is not quoted at all.
Knows nothing of the tree or of how rows make queries.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from shelfsense.errors import InputRefused

COLUMNS = ("query", "locale", "product_type_id", "label")
VOLUME = "volume"
_LABELS = {"1": True, "1.0": True, "0": False, "0.0": False}


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """One judgement.

    Attributes:
        query: as typed.
        locale: BCP 47 tag.
        product_type_id: empty where no type of the tree fits.
        relevant: the judgement.
        volume: searches of the query in its locale, in any one unit; 1 where unknown.
        place: the line or row of the file, for messages.
    """

    query: str
    locale: str
    product_type_id: str
    relevant: bool
    volume: float = 1.0
    place: str = ""


def read_labelled_rows(path: Path) -> list[LabelledRow]:
    """Read a data file.

    Raises:
        InputRefused: naming the file, the line (CSV, TSV) or row (Parquet, from 1), and the fact.
    """
    readers: dict[str, Callable[[Path], Iterator[tuple[str, Mapping[str, Any]]]]] = {
        ".csv": lambda file: _text_rows(file, delimiter=",", quoted=True),
        ".tsv": lambda file: _text_rows(file, delimiter="\t", quoted=False),
        ".parquet": _parquet_rows,
    }
    if path.suffix.lower() not in readers:
        raise InputRefused(f"{path}: its suffix is none of {', '.join(readers)}; rename or convert it")
    if not path.is_file():
        raise InputRefused(f"{path}: there is no such file")
    try:
        return [_row(place, cells) for place, cells in readers[path.suffix.lower()](path)]
    except InputRefused as error:
        raise InputRefused(f"{path}: {error}") from error
    except (csv.Error, UnicodeDecodeError, pa.ArrowException) as error:
        raise InputRefused(f"{path}: cannot be read as {path.suffix[1:]} ({error})") from error


def write_labelled_rows(rows: Iterable[LabelledRow], path: Path) -> None:
    """Write rows as CSV that `read_labelled_rows` reads.

    Raises:
        InputRefused: when the file's suffix is not ``.csv``.
    """
    if path.suffix.lower() != ".csv":
        raise InputRefused(f"{path}: its suffix is not .csv; name it so")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((row.query, row.locale, row.product_type_id, int(row.relevant)) for row in rows)


def _text_rows(path: Path, *, delimiter: str, quoted: bool) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
        reader = csv.DictReader(file, delimiter=delimiter, quoting=quoting, strict=True)
        _check_columns(reader.fieldnames or ())
        for cells in reader:
            place = f"line {reader.line_num}"
            if None in cells or None in cells.values():
                raise InputRefused(f"{place}: has not the {len(reader.fieldnames or ())} fields of the header")
            yield place, cells


def _parquet_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    names = pq.read_schema(path).names
    _check_columns(names)
    table = pq.read_table(path, columns=[name for name in (*COLUMNS, VOLUME) if name in names])
    for i, cells in enumerate(table.to_pylist(), start=1):
        yield f"row {i}", {name: _plain(cell) for name, cell in cells.items()}


def _plain(cell: Any) -> str:
    """Return a Parquet value as CSV would hold it: null is empty, true is 1."""
    if cell is None:
        return ""
    return str(int(cell) if isinstance(cell, bool) else cell)


def _check_columns(present: Iterable[str]) -> None:
    missing = [name for name in COLUMNS if name not in present]
    if missing:
        raise InputRefused(f"there is no column '{missing[0]}'; the columns are: {', '.join(present)}")


def _row(place: str, cells: Mapping[str, str]) -> LabelledRow:
    if not cells["query"].strip():
        raise InputRefused(f"{place}: its query is empty; remove the row")
    if cells["label"].strip() not in _LABELS:
        raise InputRefused(f"{place}: label is {cells['label']!r}; write 1 for right or 0 for wrong")
    return LabelledRow(
        cells["query"],
        cells["locale"].strip(),
        cells["product_type_id"].strip(),
        _LABELS[cells["label"].strip()],
        _volume(place, cells.get(VOLUME, "")),
        place,
    )


def _volume(place: str, cell: str) -> float:
    if not cell.strip():
        return 1.0
    try:
        volume = float(cell)
    except ValueError:
        volume = math.nan
    if not (math.isfinite(volume) and volume > 0):
        raise InputRefused(f"{place}: volume is {cell!r}; write a number above 0, or nothing where it is unknown")
    return volume
