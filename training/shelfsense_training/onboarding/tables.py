"""The tables of an onboarding report: queries without a type, examples, thresholds, what was read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shelfsense_training.evaluation.page.markup import Markup, element
from shelfsense_training.onboarding.accepted_type import best_type
from shelfsense_training.onboarding.onboarded import Onboarded

_HEADS, _TAIL = 12, 12
_NONE = element("span", {"class": "no"}, "none accepted")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> Markup:
    """Return a table; the columns at the places of `numbers` are flush right."""

    def cells(name: str, values: Sequence[str]) -> list[Markup]:
        return [element(name, {"class": "n" if i in numbers else None}, value) for i, value in enumerate(values)]

    head = element("thead", None, element("tr", None, *cells("th", columns)))
    body = element("tbody", None, *[element("tr", None, *cells("td", row)) for row in rows])
    return element("div", {"class": "scroll"}, element("table", {"class": "rows"}, head, body))


def uncovered_table(rows: Sequence[dict[str, Any]]) -> Markup:
    """Return the most searched queries without an accepted type."""
    if not rows:
        return element("p", {"class": "aid"}, "There is none: every query that was asked gets an accepted type.")
    shown = [
        (
            row["query"],
            f"{row['volume']:,.0f}",
            element("span", {"class": "no"}, " › ".join(row["nearest_type"])),
            f"{row['probability']:.2f}",
            _head(row["head"], row["query"]),
        )
        for row in rows
    ]
    return table(("query", "searches", "nearest type, not accepted", "probability", "accepted head"), shown, (1, 3))


def examples(done: Onboarded) -> Markup:
    """Return what both bundles answer to the most searched queries and to some of the tail, evenly drawn."""
    heads = np.flatnonzero(done.sample.is_head)[:_HEADS]
    tail = np.flatnonzero(~done.sample.is_head)
    if len(tail) > _TAIL:
        tail = tail[np.linspace(0, len(tail) - 1, _TAIL).astype(int)]
    rows = [
        (
            done.sample.texts[i],
            f"{done.sample.volumes[i]:,.0f}",
            _type(done, i, new=False),
            _type(done, i, new=True),
            _head(done.new.heads[i], done.sample.texts[i]),
        )
        for i in [*heads.tolist(), *tail.tolist()]
    ]
    return table(("query", "searches", "type before", "type now", "head now"), rows, (1,))


def thresholds_table(found: dict[str, Any]) -> Markup:
    """Return the thresholds before and after, and the calibration."""
    before, after = found["before"], found["after"]
    rows = []
    for k, value in enumerate(after["product_types"]):
        level = k + 1
        calibration = after["calibration"][k] if after["calibration"] else (1.0, 0.0)
        rows.append(
            (
                f"level {level}",
                _threshold(before["product_types"][k]),
                _threshold(value),
                f"{calibration[0]:.2f} × log-odds {calibration[1]:+.2f}",
                "its own labels" if level in found["fitted_levels"] else f"as before ({before['evidence']})",
            )
        )
    rows.append(
        (
            "heads",
            _threshold(before["reformulation"]),
            _threshold(after["reformulation"]),
            "–",
            f"as before ({after['reformulation_evidence']})",
        )
    )
    return table(("", "accepted from, before", "accepted from, now", "calibration", "rests on"), rows, (1, 2))


def file_rows(report: dict[str, Any]) -> Markup:
    """Return what became of the rows of both files."""
    queries, judged = report["queries"], report["judgements"]
    rows = [
        ("queries: rows", f"{queries['rows']:,}"),
        ("queries: distinct and good", f"{queries['distinct']:,}"),
        ("queries: rows merged with an equal one", f"{queries['merged_rows']:,}"),
    ]
    rows += [(f"queries: dropped, {kind}", f"{n:,}") for kind, n in queries["personal_data_rows"].items()]
    if judged is not None:
        rows += [
            ("labels: rows", f"{judged['rows']:,}"),
            ("labels: queries to fit and choose by", f"{judged['fitted_queries']:,}"),
            ("labels: queries to test by", f"{judged['test_queries']:,}"),
            ("labels: queries without anything right, not used", f"{judged['without_positive']:,}"),
        ]
        rows += [(f"labels: dropped, {kind}", f"{n:,}") for kind, n in judged["personal_data_rows"].items()]
    rows += [(f"bad row — {reason}", f"{n:,}") for reason, n in queries["reasons"].items()]
    return table(("", "count"), rows, (1,))


def _type(done: Onboarded, i: int, *, new: bool) -> Markup | str:
    served = done.new if new else done.old
    best, probability = best_type(served, i, done.understander.product_types)
    if not served.accepted[i, best]:
        return _NONE
    *above, name = done.understander.product_types.paths[best]
    place = element("small", {"class": "no"}, f"{' › '.join(above)}") if above else Markup()
    return Markup(f"{element('span', None, f'{name} {probability:.2f}')}{place}")


def _head(head: str, query: str) -> str:
    return "itself" if head == query else head or "–"


def _threshold(value: float) -> str:
    return "never" if value > 1 else f"{value:.3f}"
