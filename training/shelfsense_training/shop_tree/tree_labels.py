"""A shop's own labels: ``query, locale, product_type_id, label``, bad rows listed and left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shelfsense.errors import InputRefused, InvalidQuery
from shelfsense.locales import Locales
from shelfsense.product_types import ProductTypes
from shelfsense.text import check_text, decode_text
from shelfsense_training.evaluation.labelled_rows import LabelledRow
from shelfsense_training.onboarding.cells import REJECTED, RejectedRow, read_cells, write_rejected
from shelfsense_training.onboarding.personal_data import personal_data
from shelfsense_training.sources.splits import Split, split_of_query

COLUMNS = ("query", "locale", "product_type_id", "label")
_LABELS = {"1": True, "1.0": True, "0": False, "0.0": False}


@dataclass(frozen=True, slots=True)
class ShopLabels:
    """The labels of a shop.

    Attributes:
        rows: good ones, their locale as the bundle resolves it.
        rejected: the others; the query of one with personal data is left out.
        read: rows of the file.
    """

    rows: tuple[LabelledRow, ...]
    rejected: tuple[RejectedRow, ...]
    read: int

    def side(self, *splits: Split) -> list[LabelledRow]:
        """Return the rows whose query is on one of these sides."""
        return [row for row in self.rows if split_of_query(row.query) in splits]


def read_shop_labels(
    path: Path, tree: ProductTypes, locales: Iterable[str], report: Path, *, stop: bool = False
) -> ShopLabels:
    """Return the good rows of a file, CSV, TSV or Parquet, and list the bad ones in ``rejected_rows.csv``.

    Args:
        path: the file; an empty type with label 1 says that none of the tree fits.
        tree: theirs.
        locales: the bundle's.
        report: folder of the list.
        stop: refuse a file with a bad row, instead of leaving the row out.

    Raises:
        InputRefused: when no good row of label 1 is left, or rows are bad and `stop` is set.
    """
    resolver = Locales(locales)
    rows: list[LabelledRow] = []
    rejected: list[RejectedRow] = []
    read = 0
    for cells in read_cells(path, COLUMNS):
        read += 1
        query = cells.values.get("query", "").strip()
        reason = cells.fault or _fault(cells.values, tree, resolver)
        if reason:
            shown = "" if personal_data(query) else query[:200]
            rejected.append(RejectedRow(path.name, cells.line, reason, shown))
            continue
        values = {name: value.strip() for name, value in cells.values.items()}
        locale = resolver.resolve(values["locale"]).tag
        label = _LABELS[values["label"]]
        rows.append(LabelledRow(query, locale, values["product_type_id"], label, place=f"line {cells.line}"))
    write_rejected(rejected, report)
    if stop and rejected:
        first = rejected[0]
        fact = f"{path}: {len(rejected)} rows are bad, the first is line {first.line}: {first.reason}"
        raise InputRefused(f"{fact}; all are listed in {report / REJECTED}; mend them, or run without --stop")
    if not any(row.relevant for row in rows):
        why = "; ".join(f"{count} rows: {reason}" for reason, count in _reasons(rejected).items()) or "it has none"
        raise InputRefused(f"{path}: no good row of label 1 is left ({why}); see {report / REJECTED}")
    return ShopLabels(tuple(rows), tuple(rejected), read)


def _fault(values: Mapping[str, str], tree: ProductTypes, locales: Locales) -> str:
    query = values["query"].strip()
    name, label, tag = (values[column].strip() for column in ("product_type_id", "label", "locale"))
    try:
        decode_text(query.encode("utf-8", "surrogateescape"))
        check_text(query, truncate=True)
        locales.resolve(tag)
    except InvalidQuery as error:
        return f"{'query' if error.field == 'text' else error.field} {error.message}"
    except UnicodeEncodeError:
        return "query is not UTF-8; send valid UTF-8"
    kind = personal_data(query)
    if kind:
        return f"query holds personal data ({kind}); it is never trained on"
    if name and name not in tree.index:
        return f"product_type_id {name[:60]!r} is no type of {tree.label_space}; mend it, or leave it empty"
    if label not in _LABELS:
        return f"label is {label[:40]!r}; write 1 for right or 0 for wrong"
    return ""


def _reasons(rejected: Iterable[RejectedRow]) -> dict[str, int]:
    return dict(Counter(row.reason for row in rejected).most_common(5))
