"""One row of a table of queries: what is read of it, and what is added to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from shelfsense.errors import InputRefused


@dataclass(frozen=True, slots=True)
class Row:
    """What is read of a row.

    Attributes:
        query: the query's bytes as the file has them, perhaps no UTF-8; None where the file has a null.
        locale: likewise, of the locale.
        fault: why the row itself cannot be read as a row; empty where it can.
    """

    query: bytes | None
    locale: bytes | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """What is added to a row, a column per attribute, in this order.

    Attributes:
        locale_used: the bundle locale that answered, or ``und``; empty unless ok.
        status: ``ok``; ``invalid``: the row's own query, locale or shape is at fault; ``error``: the query
            was fine, but answering it failed.
        error: the fact and what to change; empty when ok.
        product_type_ids: the types of every level, deepest level first, then by probability.
        levels: of each type, 1 = root.
        probabilities: of each type, 0 to 1.
        accepted: of each type, whether it reached its threshold.
        reformulations: head queries, best first.
        reformulation_scores: of each reformulation, 0 to 1.
        reformulations_accepted: of each reformulation.
    """

    locale_used: str
    status: Literal["ok", "invalid", "error"]
    error: str
    product_type_ids: tuple[str, ...] = ()
    levels: tuple[int, ...] = ()
    probabilities: tuple[float, ...] = ()
    accepted: tuple[bool, ...] = ()
    reformulations: tuple[str, ...] = ()
    reformulation_scores: tuple[float, ...] = ()
    reformulations_accepted: tuple[bool, ...] = ()


ANNOTATION_COLUMNS = tuple(field.name for field in fields(Annotation))
"""Names of the columns that are added, in order."""

AnnotateRows = Callable[[Sequence[Row], float], Sequence[Annotation]]
"""Annotates a chunk of rows; the second argument is the share of the file read so far, 0 to 1."""


@dataclass(frozen=True, slots=True)
class InputColumns:
    """Which columns of a file hold what.

    Attributes:
        query: name of the column with the queries.
        locale: name of the column with the locales.
        locale_required: whether a file without that column is refused.
    """

    query: str = "query"
    locale: str = "locale"
    locale_required: bool = True

    def positions(self, header: Sequence[str]) -> tuple[int, int | None]:
        """Return where the query and the locale stand; None for a locale column that is missing and may be.

        Raises:
            InputRefused: a column is missing or there twice, or a column of ours is there already.
        """
        present = ", ".join(header)
        for name, required in ((self.query, True), (self.locale, self.locale_required)):
            if name not in header and required:
                raise InputRefused(f"there is no column '{name}'; the columns are: {present}")
            if header.count(name) > 1:
                raise InputRefused(f"column '{name}' is there {header.count(name)} times; rename all but one")
        taken = [name for name in ANNOTATION_COLUMNS if name in header]
        if taken:
            raise InputRefused(f"the annotation's column '{taken[0]}' is there already; rename it in the input")
        return header.index(self.query), header.index(self.locale) if self.locale in header else None
