"""The file of overrides: damaged Parquet, and right Parquet of hostile rows; what is obeyed has to answer.

An input that begins with "P" is a file. Any other is rows: lines of fields, the fields apart by a unit separator;
its first letter chooses the types of the columns.
"""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.fuzz.small_bundle import write_small_bundle
from benchmarks.fuzz.target import Target
from benchmarks.fuzz.without_network import load
from benchmarks.hostile.locales import HOSTILE_LOCALES
from benchmarks.hostile.texts import HOSTILE_TEXTS
from shelfsense.errors import InputRefused
from shelfsense.overrides.override_table import OverrideTable
from shelfsense.overrides.override_targets import OverrideTargets
from shelfsense.overrides.overrides_file import SCHEMA
from shelfsense.query import Options, Query
from shelfsense.serving import wire
from shelfsense.serving.kinds import UNDERSTAND
from shelfsense.understander import Understander

_NOW = 1_800_000_000.0
_OPTIONS = Options(top_k=2, max_reformulations=2, include_refused=True)
_EXPIRES = (pa.timestamp("us", tz="UTC"), pa.timestamp("s", tz="UTC"), pa.timestamp("ns", tz="UTC"), pa.timestamp("ms"))
_ROWS = (
    ("boots on top", "red boots", "en", "add_type", "1", "", ""),
    ("", "red boots", "", "remove_type", "2", "", "note"),
    ("pin", "rote boots", "de", "pin_head", "rote stiefel", "9000000000", ""),
    ("block", "", "", "block_head", "red boots", "", ""),
)


class _Shop:
    def __init__(self, folder: Path) -> None:
        bundle = write_small_bundle(folder / "bundle")
        self._understander: Understander = load(bundle)
        self._targets = OverrideTargets.load(bundle)

    def check(self, data: bytes) -> None:
        """Read a file, and answer every query that it names."""
        try:
            table = OverrideTable.read(data if data.startswith(b"P") else _file(data), self._targets, _NOW)
        except InputRefused:
            return
        for text in ("red boots", "rote boots", "kettle"):
            for locale in ("en", "de", "und"):
                self._answer(table, text, locale)

    def _answer(self, table: OverrideTable, text: str, locale: str) -> None:
        prepared = self._understander.prepare(Query(text, locale))
        overriding = table.find(prepared.normal_form, prepared.locale, _NOW)
        if overriding is None:
            return
        row = self._understander.infer([prepared]).rows()[0]
        answer = self._understander.answer(prepared, row, overriding.widened(_OPTIONS))
        answer = overriding.apply(answer, _OPTIONS, self._understander.type_probability(prepared, row))
        wire.body(UNDERSTAND, answer)
        wire.info(UNDERSTAND, answer)


def target(folder: Path) -> Target:
    """Return the target."""
    row = "\x1f".join
    rows = ["\n".join(map(row, _ROWS)), *(row(each) for each in _ROWS)]
    rows += [row(("n", text.replace("\n", " "), "en", "block_head", "x", "", "")) for text in HOSTILE_TEXTS]
    rows += [row(("n", "red", locale, "block_head", "x", "", "")) for locale in HOSTILE_LOCALES]
    written = [b"\0" + each.encode("utf-8", "surrogatepass") for each in rows]
    return Target(_Shop(folder).check, [*written, _file(written[0])])


def _file(data: bytes) -> bytes:
    """Return rows as Parquet; texts that are no UTF-8 stay as they are, as other writers would leave them."""
    kind, lines = (data or b"\0")[0], data[1:].split(b"\n")
    cells = [line.split(b"\x1f")[: len(SCHEMA)] for line in lines]
    cells = [row + [b""] * (len(SCHEMA) - len(row)) for row in cells]
    columns: list[pa.Array] = []
    for place, field in enumerate(SCHEMA):
        values = [row[place] for row in cells]
        columns.append(_times(values, kind) if field.name == "expires" else _texts(values, kind))
    names = SCHEMA.names if kind & 16 == 0 else [*SCHEMA.names[:-1], SCHEMA.names[kind % len(SCHEMA)]]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, names=names), out, use_dictionary=bool(kind & 32))
    return out.getvalue()


def _texts(values: list[bytes], kind: int) -> pa.Array:
    nulls = [None if value == b"" and kind & 8 else value for value in values]
    whole = pa.array(nulls, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(whole), whole.buffers())


def _times(values: list[bytes], kind: int) -> pa.Array:
    numbers = [int(value) if value.isdigit() and len(value) < 19 else None for value in values]
    return pa.array(numbers, pa.int64()).cast(_EXPIRES[kind % len(_EXPIRES)])
