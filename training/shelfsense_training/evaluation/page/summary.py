"""The head of the page: what was measured, the answer in a sentence, and the few figures that matter most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shelfsense_training.evaluation.page.figure import plural
from shelfsense_training.evaluation.page.markup import Markup, element, join
from shelfsense_training.evaluation.page.measured import Measured
from shelfsense_training.evaluation.page.scales import Linear
from shelfsense_training.evaluation.page.svg import dot, picture, rule, whisker
from shelfsense_training.evaluation.report import BUNDLE, FASTTEXT

_CARDS = {
    "top_1": "the likeliest type is right",
    "precision": "of accepted types are right",
    "coverage": "of queries get an accepted type",
    "recall_at_precision": "found at precision 0.8",
}


def summary(measured: Measured) -> Markup:
    """Return the title, the answer in a sentence, and a row of figures per level."""
    data = measured.report["data"]
    locales = measured.every_locale()
    rows = [element("div", {"class": "level"}, *_level(measured, level)) for level in measured.levels]
    return element(
        "header",
        None,
        element("p", {"class": "kicker"}, f"Evaluation of bundle {measured.report['bundle_version']}"),
        element("h1", None, "Does it know what shoppers mean?"),
        element("p", {"class": "lead"}, _sentence(measured)),
        element("div", {"class": "cards"}, *rows),
        element(
            "p",
            {"class": "source"},
            f"Data: {data['file']}; {plural(data['queries'], 'query')} in {plural(len(locales), 'locale')}, "
            f"{measured.origin or 'whether real or simulated was not stated'}. {data['unmapped']:,} without a type in "
            f"{measured.report['label_space']}; {data['without_positive']:,} more have no right answer on record and "
            f"are left out. Means over locales, each counting the same. {measured.bootstrap_intervals()}",
        ),
    )


def _sentence(measured: Measured) -> str:
    level = measured.levels[0]
    mean = measured.cell(level)[BUNDLE]
    target = measured.report["target_precision"]
    parts = [
        (
            f"Asked {plural(measured.report['data']['queries'], 'query')}, the bundle put a right type of level {level} "
            f"first for {_share(mean['top_1'])}."
        )
    ]
    if mean["precision"]["value"] is not None:
        parts.append(
            f"What it accepts is right {_share(mean['precision'])} of the time, against a promise of {_percent(target)}, "
            f"and {_share(mean['coverage'])} of queries get an accepted type."
        )
    else:
        parts.append("Its thresholds accepted nothing.")
    theirs = measured.cell(level).get(FASTTEXT)
    if theirs:
        parts.append(
            f"At precision 0.8 it finds {_share(mean['recall_at_precision'])}, fastText "
            f"{_share(theirs['recall_at_precision'])}."
        )
    return " ".join(parts)


def _level(measured: Measured, level: int) -> list[Markup]:
    cell = measured.cell(level)
    types = measured.report["levels"][str(level)]["types"]
    title = element("h2", None, f"Level {level}", element("small", None, plural(types, "type")))
    return [title, *[_card(cell, name, words) for name, words in _CARDS.items()]]


def _card(cell: Mapping[str, Any], name: str, words: str) -> Markup:
    found = cell[BUNDLE][name]
    within = _percents(found["low"], found["high"])
    shown = "–" if found["value"] is None else _percent(found["value"], ".1%")
    parts = [element("b", None, shown), element("span", None, words)]
    if found["value"] is not None:
        across = Linear(0, 1, 4, 156)
        marks = [rule((4, 8), (156, 8), "grid")]
        if within:
            marks.append(whisker((across(found["low"]), 8), (across(found["high"]), 8), "c1 thick"))
        marks.append(dot(across(found["value"]), 8, "c1", 2.6))
        parts.append(picture(160, 16, f"{found['value']:.3f}", f"between 0 and 1; {within}", *marks))
    theirs = cell.get(FASTTEXT, {}).get(name)
    note = [f"95\u202f%: {within}"] if within else []
    if theirs and theirs["value"] is not None:
        note.append(f"fastText {_percent(theirs['value'], '.1%')}")
    parts.append(element("small", None, "; ".join(note)))
    return element("div", {"class": "card"}, join(parts))


def _share(found: Mapping[str, float | None]) -> str:
    return "–" if found["value"] is None else _percent(found["value"])


def _percents(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low * 100:.1f}–{_percent(high, '.1%')}"


def _percent(share: float, form: str = ".0%") -> str:
    return f"{share:{form}}".replace("%", "\u202f%")
