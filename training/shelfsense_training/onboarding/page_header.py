"""The head of an onboarding report: what was done, and the few figures that matter most."""

from __future__ import annotations

from typing import Any

from shelfsense_training.evaluation.page.figure import plural
from shelfsense_training.evaluation.page.markup import Markup, element
from shelfsense_training.onboarding.pictures import share


def page_header(report: dict[str, Any]) -> Markup:
    """Return the title, the answer in a few sentences, and the figures that matter most."""
    kind = "A new locale" if report["is_new"] else "A known locale, onboarded again"
    start = "no locale that the bundle knew" if report["start"] == "und" else f"the locale {report['start']}"
    after, before = report["coverage"]["after"], report["coverage"]["before"]
    reach = element(
        "div",
        {"class": "level three"},
        element("h2", None, "Reach", element("small", None, "by volume")),
        _card(after["type"]["volume"], before["type"]["volume"], "of searches get an accepted type"),
        _card(after["head"]["volume"], before["head"]["volume"], "of searches have an accepted head"),
        _card(after["head_of_tail"]["volume"], before["head_of_tail"]["volume"], "of tail searches lead to a head"),
    )
    rows = [reach]
    for level, found in (report["test"] or {"after": {}})["after"].items():
        old = report["test"]["before"][level]
        rows.append(
            element(
                "div",
                {"class": "level three"},
                element("h2", None, f"Level {level}", element("small", None, plural(found["queries"], "test query"))),
                _card(found["top_1"]["value"], old["top_1"]["value"], "the likeliest type is right", found["top_1"]),
                _card(
                    found["precision"]["value"],
                    old["precision"]["value"],
                    "of accepted types are right",
                    found["precision"],
                ),
                _card(
                    found["recall_at_precision"]["value"],
                    old["recall_at_precision"]["value"],
                    "found at precision 0.8",
                    found["recall_at_precision"],
                ),
            )
        )
    return element(
        "header",
        None,
        element("p", {"class": "kicker"}, f"{kind}: {report['old_bundle']} became {report['new_bundle']}"),
        element("h1", None, f"How {report['locale']} is served"),
        element("p", {"class": "lead"}, _sentence(report, start)),
        element("div", {"class": "cards"}, *rows),
    )


def _sentence(report: dict[str, Any], start: str) -> str:
    adapted = report["adaptation"]
    judged = report["judgements"]
    told = [f"Until now its queries were answered by {start}."]
    if judged is None:
        told.append("There were no labels, so its answers are those, and its thresholds a fallback.")
    elif adapted["adopted"]:
        told.append(
            f"Its token and adapter learned from {plural(adapted['queries'], 'judged query')}, "
            "because held-out queries said that it helps."
        )
    elif adapted["tried"]:
        told.append("Adapting to its labels was tried and not adopted: held-out queries were answered no better.")
    else:
        told.append(
            f"{plural(adapted['queries'], 'judged query')} are too few to adapt to ({adapted['fewest']} needed)."
        )
    fitted = report["thresholds"]["fitted_levels"]
    if judged is not None:
        told.append(
            f"The thresholds of {_levels(fitted)} rest on its own labels."
            if fitted
            else f"Labels are too few for thresholds of its own (from {report['thresholds']['fewest_judged']} on)."
        )
    told.append(f"{report['heads']:,} of its queries are heads now.")
    return " ".join(told)


def _levels(levels: list[int]) -> str:
    *first, last = (str(level) for level in levels)
    return f"levels {', '.join(first)} and {last}" if first else f"level {last}"


def _card(value: float | None, before: float | None, words: str, within: dict[str, Any] | None = None) -> Markup:
    note = f"before: {share(before, '.1%')}"
    if within and within["low"] is not None:
        note += f"; 95\u202f%: {share(within['low'], '.0%')}–{share(within['high'], '.0%')}"
    return element(
        "div",
        {"class": "card"},
        element("b", None, share(value, ".1%")),
        element("span", None, words),
        element("small", None, note),
    )
