"""Numbers the queries of a log by a folding of one's choice, per locale; personal data gets no number.

Queries of one locale whose forms are equal are one query from here on. Its text is the normal form that was typed
most, its writing the way that form was typed most. Runs in Python, once per distinct query as typed: no SQL dialect
folds text as `shelfsense.text` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from shelfsense.text import normal_form
from shelfsense_training.mining.sql_engine import SqlEngine
from shelfsense_training.onboarding.personal_data import personal_data

Form = Callable[[str, str], str]
"""From a normal form and its locale to the form under which queries count as one; empty where nothing is left."""

_TYPED = """
    SELECT locale, query, COUNT(*) AS events, SUM(CASE WHEN action = 'search' THEN 1 ELSE 0 END) AS searches
    FROM events
    WHERE locale IS NOT NULL AND query IS NOT NULL
    GROUP BY locale, query
"""


class Typed(NamedTuple):
    """A query as typed: its locale, its text, and how often it stands in the log."""

    locale: str
    text: str
    searches: int
    events: int


@dataclass(frozen=True, slots=True)
class FoldedQueries:
    """The queries of a log, numbered.

    Attributes:
        forms: ``query_forms(typed, locale, query_id)``; no number where the query holds personal data.
        queries: ``queries(query_id, locale, query, written)``: normal form and writing that were typed most.
        normal_forms: distinct (locale, normal form), without personal data.
        merged: how many of them became part of another by the folding.
        personal: kind of personal data to ``queries`` dropped and their ``searches``.
    """

    forms: pa.Table
    queries: pa.Table
    normal_forms: int
    merged: int
    personal: dict[str, dict[str, int]]


def same_form(text: str, locale: str) -> str:
    """Return a normal form as it is: no further folding."""
    del locale
    return text


def put_queries(engine: SqlEngine, form: Form) -> FoldedQueries:
    """Number the queries of the engine's ``events`` and make ``query_forms`` and ``queries`` readable there."""
    rows = engine.fetch(_TYPED).to_pylist()
    folded = folded_queries((Typed(r["locale"], r["query"], r["searches"], r["events"]) for r in rows), form)
    engine.put("query_forms", folded.forms)
    engine.put("queries", folded.queries)
    return folded


def folded_queries(typed: Iterable[Typed], form: Form) -> FoldedQueries:
    """Return the queries numbered by their form.

    Args:
        typed: each (locale, text) once; blank texts are left out.
        form: the folding, given normal forms.
    """
    # One order, whatever order the engine gave: numbers and ties are then the same on every engine and run.
    writings: dict[tuple[str, str], list[Typed]] = {}
    for row in sorted(typed):
        if text := normal_form(row.text):
            writings.setdefault((row.locale, text), []).append(row)
    personal: dict[str, dict[str, int]] = {}
    groups: dict[tuple[str, str], list[str]] = {}
    held_back: list[Typed] = []
    for (locale, text), rows in writings.items():
        if kind := personal_data(text):
            counted = personal.setdefault(kind, {"queries": 0, "searches": 0})
            counted["queries"] += 1
            counted["searches"] += sum(row.searches for row in rows)
            held_back += rows
        else:
            groups.setdefault((locale, form(text, locale) or text), []).append(text)
    numbered: list[tuple[Typed, int | None]] = [(row, None) for row in held_back]
    queries: list[dict[str, object]] = []
    for number, ((locale, _), texts) in enumerate(groups.items()):
        numbered += [(row, number) for text in texts for row in writings[locale, text]]
        most = max(texts, key=lambda text: _times(writings[locale, text]))
        written = max(writings[locale, most], key=lambda row: (row.searches, row.events)).text
        queries.append({"query_id": number, "locale": locale, "query": most, "written": " ".join(written.split())})
    kept = sum(len(texts) for texts in groups.values())
    return FoldedQueries(
        _forms_table(numbered),
        pa.Table.from_pylist(queries, _QUERIES),
        kept,
        kept - len(groups),
        dict(sorted(personal.items())),
    )


_QUERIES = pa.schema(
    [("query_id", pa.int32()), ("locale", pa.string()), ("query", pa.string()), ("written", pa.string())]
)


def _times(rows: list[Typed]) -> tuple[int, int]:
    return sum(row.searches for row in rows), sum(row.events for row in rows)


def _forms_table(numbered: list[tuple[Typed, int | None]]) -> pa.Table:
    return pa.table(
        {
            "typed": pa.array([row.text for row, _ in numbered], pa.string()),
            "locale": pa.array([row.locale for row, _ in numbered], pa.string()),
            "query_id": pa.array([number for _, number in numbered], pa.int32()),
        }
    )
