"""`metrics.md`: the figures of `metrics.json` as plain tables, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shelfsense_training.evaluation.figures import FIGURES
from shelfsense_training.evaluation.report import BUNDLE, DIFFERENCE, FASTTEXT, OTHER

_HEADERS = {
    "top_1": "top-1",
    "top_3": "top-3",
    "recall_at_precision": "R@P0.8 micro",
    "macro_recall_at_precision": "R@P0.8 macro",
    "precision": "precision",
    "recall": "recall",
    "coverage": "coverage",
}


def report_table(report: Mapping[str, Any]) -> str:
    """Return the report of `evaluate` as Markdown."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    data, bootstrap = report["data"], report["bootstrap"]
    yield f"# Bundle {report['bundle_version']} on {data['file']}"
    yield ""
    yield (
        f"{data['queries']:,} queries, {data['unmapped']:,} of them without a type in {report['label_space']}; "
        f"{data['without_positive']:,} more have no right answer on record and are left out. "
        f"Intervals: 95 %, {bootstrap['resamples']:,} resamples of the queries of each locale."
    )
    yield ""
    yield (
        "Precision, recall and coverage are at each system's own thresholds, fixed on other data. "
        "*Nodes*: acceptable types of a query; *types*: those with ten positives or more, which the macro figure is over."
    )
    for level, figures in report["levels"].items():
        yield ""
        yield f"## Level {level} ({figures['types']:,} types)"
        yield ""
        yield from _row("locale", "system", "queries", "nodes", "types", *(_HEADERS[name] for name in FIGURES))
        yield from _row(*["---"] * 2, *["---:"] * (3 + len(FIGURES)))
        yield from _rows("mean over locales", figures["mean"])
        yield from _rows("weighted by traffic", figures["traffic_weighted"])
        yield from _rows("all at one threshold", figures["together"])
        for locale, cell in figures["locales"].items():
            yield from _rows(locale, cell)


def _rows(name: str, cell: Mapping[str, Any]) -> Iterator[str]:
    for system in (BUNDLE, FASTTEXT, OTHER, DIFFERENCE):
        if system in cell:
            values = [_figure(cell[system][figure], signed=system == DIFFERENCE) for figure in FIGURES]
            counts = (f"{cell['queries']:,}", _figure(cell["acceptable_nodes"]), str(cell["macro_types"]))
            yield from _row(name, system, *counts, *values)


def _figure(figure: Mapping[str, float | None], *, signed: bool = False) -> str:
    if figure["value"] is None:
        return "–"
    sign = "+" if signed else ""
    if figure["low"] is None or figure["high"] is None:
        return f"{figure['value']:{sign}.3f}"
    return f"{figure['value']:{sign}.3f} [{figure['low']:{sign}.3f}, {figure['high']:{sign}.3f}]"


def _row(*cells: str) -> Iterator[str]:
    yield f"| {' | '.join(cells)} |"
