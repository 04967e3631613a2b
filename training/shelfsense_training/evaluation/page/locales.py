"""Every locale's figures with their intervals: as dots side by side, and as a table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shelfsense_training.evaluation.figures import FIGURES
from shelfsense_training.evaluation.page.figure import figure, interval, panels, plural, section
from shelfsense_training.evaluation.page.markup import Markup, Value, element, join
from shelfsense_training.evaluation.page.measured import Measured
from shelfsense_training.evaluation.page.scales import Linear, steps
from shelfsense_training.evaluation.page.svg import Plot, axis_across, dot, group, label, picture, rule, whisker
from shelfsense_training.evaluation.report import BUNDLE, DIFFERENCE, FASTTEXT

NAMES = {
    "top_1": "top-1",
    "top_3": "top-3",
    "recall_at_precision": "R@P0.8",
    "macro_recall_at_precision": "R@P0.8, macro",
    "precision": "precision",
    "recall": "recall",
    "coverage": "coverage",
}
_SHOWN = {
    "top_1": "the likeliest type is right",
    "recall_at_precision": "recall that precision 0.8 allows",
    "precision": "of what its thresholds accept",
    "recall": "found by its thresholds",
    "coverage": "queries with an accepted type",
}
_ROW, _TOP, _LEFT, _WIDTH = 19.0, 46.0, 52.0, 230.0


def locales(measured: Measured) -> Markup:
    """Return the section: one row of dot plots and one table per level."""
    parts = []
    for level in measured.levels:
        order = _by_recall(measured, level)
        low = _least(measured, level)
        beside = " Rings are fastText." if len(measured.systems) > 1 else ""
        parts.append(
            figure(
                f"Level {level}: the figures of every locale",
                f"A dot is the bundle, its line the interval; locales stand in the order of their recall at precision "
                f"0.8, the pale column is the mean over locales, and the axis does not start at 0.{beside}",
                measured.source(measured.cell(level)["queries"], measured.bootstrap_intervals()),
                panels([("", _dots(measured, level, name, order, low)) for name in _SHOWN], "panels dots"),
                _folded(measured, level),
            )
        )
    return section(
        "locales",
        "Locale by locale",
        "A mean hides the shop that is served badly. Precision, recall and coverage are what the bundle's own "
        "thresholds, fixed on other data, reach here.",
        *parts,
    )


def _least(measured: Measured, level: int) -> float:
    """Return where the axis of a level's dots starts: the tenth below everything that is drawn, at most 0.8."""
    drawn = [
        float(found[end])
        for locale in measured.locales(level)
        for system in (BUNDLE, FASTTEXT)
        for name, found in measured.cell(level, locale).get(system, {}).items()
        for end in ("value", "low")
        if name in _SHOWN and found[end] is not None
    ]
    return max(0.0, math.floor(min([0.8, *drawn]) * 10) / 10)


def _by_recall(measured: Measured, level: int) -> list[str]:
    def recall(locale: str) -> float:
        value = measured.cell(level, locale)[BUNDLE]["recall_at_precision"]["value"]
        return -1.0 if value is None else float(value)

    return sorted(measured.locales(level), key=recall, reverse=True)


def _dots(measured: Measured, level: int, name: str, order: Sequence[str], low: float) -> Markup:
    plot = Plot(_LEFT, _TOP, _WIDTH - 12, _TOP + _ROW * len(order))
    across = Linear(low, 1, plot.left, plot.right)
    mean = measured.cell(level)[BUNDLE][name]
    marks = [label(0, 14, NAMES[name], "head"), label(0, 30, _SHOWN[name], "tick")]
    marks.append(axis_across(plot, across, [(tick, f"{tick:g}") for tick in steps(low, 1, 4)]))
    if mean["value"] is not None:
        x = across(mean["value"])
        marks.append(element("line", {"x1": x, "x2": x, "y1": plot.top, "y2": plot.bottom, "class": "mean"}))
    if name == "precision":
        x = across(measured.report["target_precision"])
        marks.append(rule((x, plot.top - 2), (x, plot.bottom), "target"))
    for k, locale in enumerate(order):
        y = plot.top + _ROW * (k + 0.5)
        marks.append(_dot_row(measured.cell(level, locale), name, locale, across, y))
    values = [measured.cell(level, locale)[BUNDLE][name]["value"] for locale in order]
    said = ", ".join(f"{locale} {_plain(value)}" for locale, value in zip(order, values, strict=True))
    return picture(_WIDTH, plot.bottom + 22, f"{NAMES[name]} by locale, level {level}", said, *marks)


def _dot_row(cell: Mapping[str, Any], name: str, locale: str, across: Linear, y: float) -> Markup:
    marks = [label(_LEFT - 8, y + 4, locale, "tick strong", anchor="end")]
    tips = []
    for system, kind, offset in ((FASTTEXT, "c2", 4.0), (BUNDLE, "c1", -3.0 if FASTTEXT in cell else 0.0)):
        found = cell.get(system, {}).get(name)
        if found is None or found["value"] is None:
            continue
        at = y + offset
        if found["low"] is not None:
            marks.append(whisker((across(found["low"]), at), (across(found["high"]), at), kind))
        look = "c1 halo" if system == BUNDLE else "c2 ring"
        marks.append(dot(across(found["value"]), at, look, 4 if system == BUNDLE else 3))
        within = interval(found["low"], found["high"])
        tips.append(f"{system} {found['value']:.3f}{f' ({within})' if within else ''}")
    tip = f"{locale}: {', '.join(reversed(tips)) or 'undefined'}; {plural(cell['queries'], 'query')}"
    return group("row", *marks, tip=tip, locale=locale)


def _folded(measured: Measured, level: int) -> Markup:
    rows = [*_rows("mean over locales", measured.cell(level), "")]
    for locale in measured.locales(level):
        rows += _rows(locale, measured.cell(level, locale), locale)
    head = element(
        "tr",
        None,
        *[element("th", {"scope": "col"}, name) for name in ("locale", "queries", "system", *NAMES.values())],
    )
    table = element("table", None, element("thead", None, head), element("tbody", None, *rows))
    region: dict[str, Value] = {
        "class": "scroll",
        "tabindex": "0",
        "role": "region",
        "aria-label": f"figures of level {level}",
    }
    return element("details", None, element("summary", None, "All figures as a table"), element("div", region, table))


def _rows(name: str, cell: Mapping[str, Any], locale: str) -> Iterator[Markup]:
    systems = [system for system in (BUNDLE, FASTTEXT, DIFFERENCE) if system in cell]
    for k, system in enumerate(systems):
        first = [
            element("th", {"scope": "row"}, name if not k else ""),
            element("td", None, f"{cell['queries']:,}" if not k else ""),
        ]
        figures = [_cell(cell[system][figure_name], signed=system == DIFFERENCE) for figure_name in FIGURES]
        yield element(
            "tr",
            {"data-locale": locale or None, "class": None if k else "first"},
            *first,
            element("td", None, system),
            *figures,
        )


def _cell(found: Mapping[str, float | None], *, signed: bool) -> Markup:
    value = found["value"]
    if value is None:
        return element("td", None, "–")
    sign = "+" if signed else ""
    parts = [Markup(f"{value:{sign}.3f}")]
    low, high = found["low"], found["high"]
    if low is not None and high is not None:
        parts.append(element("small", None, f"{low:{sign}.2f} to {high:{sign}.2f}"))
    return element("td", None, join(parts))


def _plain(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"
