"""The queries of a store and the judgements of some: read, checked row by row, and folded by normal form."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import langcodes

from shelfsense.errors import InputRefused, InvalidQuery
from shelfsense.product_types import ProductTypes
from shelfsense.text import decode_text, normal_form
from shelfsense_training.evaluation.labelled_queries import LabelledQuery, group_rows
from shelfsense_training.evaluation.labelled_rows import LabelledRow
from shelfsense_training.onboarding.cells import REJECTED, Cells, RejectedRow, read_cells, write_rejected
from shelfsense_training.onboarding.personal_data import personal_data
from shelfsense_training.sources.splits import Split, split_of_query

Check = Callable[[str], object]
"""Raises `InvalidQuery` for a text that the service would refuse."""

_LABELS = {"1": True, "1.0": True, "0": False, "0.0": False}


@dataclass(frozen=True, slots=True)
class StoreQuery:
    """A query of the store, and its searches in any one unit."""

    text: str
    volume: float


@dataclass(frozen=True, slots=True)
class QueryLog:
    """A store's queries.

    Attributes:
        queries: one per normal form, the most searched first.
        rows: of the file, bad ones included.
        merged: rows that fell together with another of the same normal form; volumes were added up.
        personal: rows left out because they hold personal data, by kind.
        rejected: rows that are bad.
    """

    queries: tuple[StoreQuery, ...]
    rows: int
    merged: int
    personal: dict[str, int]
    rejected: tuple[RejectedRow, ...]


@dataclass(frozen=True, slots=True)
class Judgements:
    """Judged queries of the store.

    Attributes:
        fitted: the training and validation sides: everything is fitted and chosen on them.
        test: the test side: what is reported comes from here.
        rows: of the file, bad ones included.
        without_positive: queries for which nothing is known to be right; they are not used.
        personal: rows left out because they hold personal data, by kind.
        rejected: rows that are bad.
    """

    fitted: tuple[LabelledQuery, ...] = ()
    test: tuple[LabelledQuery, ...] = ()
    rows: int = 0
    without_positive: int = 0
    personal: dict[str, int] = field(default_factory=dict)
    rejected: tuple[RejectedRow, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.fitted or self.test)


@dataclass(frozen=True, slots=True)
class StoreReader:
    """Reads the files of one store.

    Attributes:
        locale: its tag.
        product_types: the tree of the bundle.
        check: refuses a text that the service would refuse.
        report: the folder that gets the list of bad rows.
        stop: refuse a file with a bad row, instead of leaving the row out.
    """

    locale: str
    product_types: ProductTypes
    check: Check
    report: Path
    stop: bool = False

    def read(self, queries: Path, labels: Path | None) -> tuple[QueryLog, Judgements]:
        """Read both files, and write the list of bad rows in any case.

        Raises:
            InputRefused: when a file cannot be read, no good row is left, or rows are bad and `stop` is set.
        """
        log = self._log(queries)
        judgements = Judgements() if labels is None else self._judgements(labels)
        rejected = (*log.rejected, *judgements.rejected)
        write_rejected(rejected, self.report)
        place = self.report / REJECTED
        if rejected and self.stop:
            first = rejected[0]
            fact = f"{len(rejected)} rows are bad, the first is {first.file} line {first.line}: {first.reason}"
            raise InputRefused(f"{fact}; all are listed in {place}; mend them, or run with --on-bad-row skip")
        if not log.queries:
            raise InputRefused(f"{queries}: no good row is left of {log.rows} ({_why(log)}); see {place}")
        if labels is not None and not judgements:
            raise InputRefused(f"{labels}: no query has a good row of label 1 ({_why(judgements)}); see {place}")
        return log, judgements

    def _log(self, path: Path) -> QueryLog:
        found: dict[str, StoreQuery] = {}
        reading = _Reading(path.name)
        good = 0
        for cells in reading.rows(read_cells(path, ("query", "volume"))):
            text = self._query(cells, reading)
            if text is None:
                continue
            volume = _volume(cells.values["volume"])
            if volume is None:
                fact = f"volume is {cells.values['volume'][:40]!r}; write the searches of the query, a number above 0"
                reading.reject(cells, fact)
                continue
            good += 1
            key = normal_form(text)
            before = found.get(key)
            found[key] = StoreQuery(text, volume) if before is None else StoreQuery(before.text, before.volume + volume)
        ordered = tuple(sorted(found.values(), key=lambda query: (-query.volume, query.text)))
        return QueryLog(ordered, reading.count, good - len(found), dict(reading.personal), tuple(reading.rejected))

    def _judgements(self, path: Path) -> Judgements:
        rows = []
        reading = _Reading(path.name)
        for cells in reading.rows(read_cells(path, ("query", "product_type_id", "label"), ("locale",))):
            text = self._query(cells, reading)
            if text is None:
                continue
            fault = self._label_fault(cells.values)
            if fault:
                reading.reject(cells, fault)
                continue
            name, label = cells.values["product_type_id"].strip(), _LABELS[cells.values["label"].strip()]
            rows.append(LabelledRow(text, self.locale, name, label, place=f"line {cells.line}"))
        sides: dict[bool, list[LabelledQuery]] = {True: [], False: []}
        without = 0
        if any(row.relevant for row in rows):
            grouped = group_rows(rows, self.product_types)
            without = grouped.without_positive
            for query in grouped.queries:
                sides[split_of_query(query.text) is Split.TEST].append(query)
        return Judgements(
            tuple(sides[False]),
            tuple(sides[True]),
            reading.count,
            without,
            dict(reading.personal),
            tuple(reading.rejected),
        )

    def _query(self, cells: Cells, reading: _Reading) -> str | None:
        """Return a row's query, or None where the row was rejected or counted as personal data."""
        text = cells.values["query"].strip()
        try:
            decode_text(text.encode("utf-8", "surrogateescape"))
            self.check(text)
        except InvalidQuery as error:
            reading.reject(cells, f"query {error.message}")
            return None
        except UnicodeEncodeError:
            reading.reject(cells, "query is not UTF-8; send valid UTF-8")
            return None
        kind = personal_data(text)
        if kind:
            reading.personal[kind] += 1
            return None
        return text

    def _label_fault(self, values: dict[str, str]) -> str:
        name, label, tag = (values[column].strip() for column in ("product_type_id", "label", "locale"))
        if tag and not _same_tag(tag, self.locale):
            return f"locale is {tag[:40]!r}, not {self.locale}; onboard one locale at a time"
        if name and name not in self.product_types.index:
            return f"product_type_id {name[:60]!r} is no type of {self.product_types.label_space}; map it, or leave it empty"
        if label not in _LABELS:
            return f"label is {label[:40]!r}; write 1 for right or 0 for wrong"
        return ""


class _Reading:
    """What one file gave besides its good rows."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.count = 0
        self.personal: Counter[str] = Counter()
        self.rejected: list[RejectedRow] = []

    def rows(self, source: Iterator[Cells]) -> Iterator[Cells]:
        """Yield the rows that can be read."""
        for cells in source:
            self.count += 1
            if cells.fault:
                self.reject(cells, cells.fault)
            else:
                yield cells

    def reject(self, cells: Cells, reason: str) -> None:
        query = cells.values.get("query", "")
        # A bad row may be bad because of what a shopper typed into the wrong field.
        shown = "" if personal_data(query) else query[:200]
        self.rejected.append(RejectedRow(self._name, cells.line, reason, shown))


def reasons(rejected: Sequence[RejectedRow]) -> dict[str, int]:
    """Count bad rows by reason, without what differs from row to row, the most frequent first."""
    counted = Counter(f"{row.file}: {_kind(row.reason)}" for row in rejected)
    return dict(counted.most_common())


def _kind(reason: str) -> str:
    for start in ("query is empty", "query is not UTF-8", "query holds only", "query holds U+0000", "volume", "label"):
        if reason.startswith(start):
            return {"volume": "volume is no number above 0", "label": "label is neither 0 nor 1"}.get(start, start)
    for part, name in (("longer than", "query is too long"), ("tokens long", "query is too long")):
        if part in reason:
            return name
    for start, name in (("product_type_id", "unknown product type"), ("locale", "another locale"), ("has ", "fields")):
        if reason.startswith(start):
            return {"fields": "wrong number of fields"}.get(name, name)
    return reason


def _why(read: QueryLog | Judgements) -> str:
    parts = [f"{count}: {reason}" for reason, count in reasons(read.rejected).items()]
    parts += [f"{count}: personal data ({kind})" for kind, count in read.personal.items()]
    return "; ".join(parts) or "the file has no rows"


def _volume(cell: str) -> float | None:
    try:
        volume = float(cell)
    except ValueError:
        return None
    return volume if math.isfinite(volume) and volume > 0 else None


def _same_tag(tag: str, other: str) -> bool:
    try:
        return bool(langcodes.standardize_tag(tag) == langcodes.standardize_tag(other))
    except ValueError:
        return False
