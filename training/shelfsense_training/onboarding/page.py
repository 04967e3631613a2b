"""``report.html`` of an onboarding: one file that a person opens, and that opens nothing else.

The look is that of an evaluation's page: its style sheet, its marks.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

import numpy as np

from shelfsense_training.evaluation import page as evaluation_page
from shelfsense_training.evaluation.page.figure import figure, panels, plural, section
from shelfsense_training.evaluation.page.markup import Markup, element, join
from shelfsense_training.onboarding.onboarded import Onboarded
from shelfsense_training.onboarding.page_header import page_header
from shelfsense_training.onboarding.pictures import (
    adaptation_curve,
    before_and_after,
    precision_recall_curves,
    reliability_diagram,
)
from shelfsense_training.onboarding.serving_figures import Served, labels_of
from shelfsense_training.onboarding.tables import examples, file_rows, thresholds_table, uncovered_table

_QUALITY = {
    "top_1": "likeliest type right",
    "recall_at_precision": "recall at precision 0.8",
    "precision": "precision accepted",
    "recall": "recall accepted",
    "coverage": "queries accepted",
}
_STYLE = """
.rows { width: 100%; white-space: normal; font-size: 0.9rem; }
.rows th, .rows td, .rows td:nth-child(3) { text-align: left; padding: 7px 18px 7px 0; border-top: 1px solid var(--faint); overflow-wrap: anywhere; }
.rows thead th { border-top: 0; }
.rows .n, .rows td.n:nth-child(3) { text-align: right; white-space: nowrap; overflow-wrap: normal; }
.rows td small { display: block; }
.no { color: var(--quiet); }
.level.three { grid-template-columns: minmax(110px, 0.7fr) repeat(3, 1fr); }
.panels.broad { grid-template-columns: repeat(auto-fill, minmax(min(100%, 390px), 1fr)); gap: 28px 44px; }
.panels.broad svg { max-width: 470px; }
.alone { max-width: 640px; }
.key { font-size: 0.85rem; color: var(--quiet); margin-top: 0.6rem; }
@media (max-width: 640px) { .level.three { grid-template-columns: 1fr 1fr; } .panels.broad { grid-template-columns: 1fr; } }
"""


def report_page(report: dict[str, Any], done: Onboarded) -> str:
    """Return the page of a report."""
    parts = [_coverage(report)]
    if report["test"]:
        parts.append(_quality(report, done))
    if report["adaptation"]["tried"]:
        parts.append(_adaptation(report["adaptation"]))
    parts += [
        section(
            "uncovered",
            "Most searched, and no type accepted",
            "What to judge next: a label for one of these reaches the most shoppers.",
            uncovered_table(report["uncovered"]),
        ),
        section("examples", "Examples", "The most searched queries, and some of the tail.", examples(done)),
        section(
            "promise",
            "What it promises now",
            _promise(report),
            thresholds_table(report["thresholds"]),
        ),
        section("read", "What was read", _read(report), file_rows(report)),
    ]
    names = [part.split('id="', 1)[1].split('"', 1)[0] for part in parts]
    links = [element("a", {"href": f"#{name}"}, name.capitalize()) for name in names]
    body = element(
        "body",
        None,
        element(
            "p",
            {"class": "notice"},
            element("b", None, "Holds query texts."),
            " Keep this page where the store's queries are kept.",
        ),
        page_header(report),
        element("nav", {"aria-label": "sections"}, join(links)),
        element("main", None, *parts),
        _footer(report),
    )
    return f"<!doctype html>\n{element('html', {'lang': 'en'}, _head(report), body)}\n"


def _head(report: dict[str, Any]) -> Markup:
    style = files(evaluation_page).joinpath("style.css").read_text(encoding="utf-8") + _STYLE
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return element(
        "head",
        None,
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"name": "color-scheme", "content": "light dark"}),
        element("meta", {"name": "robots", "content": "noindex"}),
        element("title", None, f"Shelfsense: {report['locale']} onboarded"),
        element("style", None, Markup(style)),
    )


def _coverage(report: dict[str, Any]) -> Markup:
    names = {"type": "any type accepted"}
    names |= {key: key.replace("_", " ") for key in report["coverage"]["after"] if key.startswith("level")}
    names |= {"head": "a head accepted", "head_of_tail": "… of tail queries"}
    drawn = []
    for unit, title in (("volume", "Of searches"), ("queries", "Of distinct queries")):
        rows = [
            (
                words,
                {"value": report["coverage"]["before"][name][unit]},
                {"value": report["coverage"]["after"][name][unit]},
            )
            for name, words in names.items()
        ]
        drawn.append(("", before_and_after(title, rows)))
    queries = report["queries"]
    return section(
        "coverage",
        "Coverage",
        "How many of the store's queries get an answer that the bundle stands behind.",
        figure(
            "Before and after",
            "Grey is the old bundle, blue the new one. A query that is a head itself finds itself: the last row "
            "leaves those out.",
            f"{queries['asked']:,} of {queries['distinct']:,} distinct queries asked: all heads, and "
            f"{queries['asked_of_tail']:,} of the tail that stand for all of it.",
            panels(drawn, "panels broad"),
        ),
    )


def _quality(report: dict[str, Any], done: Onboarded) -> Markup:
    test = report["test"]
    n = report["judgements"]["test_queries"]
    target = 0.8
    drawn = [
        (
            "",
            before_and_after(
                f"Level {level}",
                [(words, test["before"][level][name], found[name]) for name, words in _QUALITY.items()],
                target=target,
            ),
        )
        for level, found in test["after"].items()
    ]
    curves, diagrams = _level_pictures(report, done, target)
    caution = " So few queries say little: read the whiskers, not the dots." if n < 100 else ""
    source = f"Test side of the labels, {plural(n, 'query')}; nothing was fitted or chosen on them.{caution}"
    intervals = f"Whiskers: 95\u202f%, {report['resamples']:,} resamples of queries, seed {report['seed']}."
    return section(
        "quality",
        "Quality",
        "On judged queries that nothing was learned from or chosen by.",
        figure(
            "Before and after",
            "Grey is the old bundle, blue the new one. Precision is to lie on or right of the dashed rule; "
            "recall and coverage may move to keep it.",
            f"{source} {intervals}",
            panels(drawn, "panels broad"),
        ),
        figure(
            "Precision against recall",
            "Lower the threshold and more is found, and more of what is accepted is wrong. "
            "Dashed: the old bundle. The dot is where the new threshold lands.",
            source,
            panels(curves, "panels large"),
        ),
        figure(
            "What the new bundle says, and what comes true",
            "On the diagonal it is right as often as it says; below it is too sure. The bars count queries.",
            f"{source} Likeliest type of each query with a right type of the level; whiskers: 95\u202f% (Wilson).",
            panels(diagrams, "panels large"),
        ),
    )


def _level_pictures(
    report: dict[str, Any], done: Onboarded, target: float
) -> tuple[list[tuple[str, Markup]], list[tuple[str, Markup]]]:
    """Return the curves and the reliability diagrams of the levels with right types on the test side."""
    types = done.understander.product_types
    labels = labels_of(done.judgements.test, len(types))
    before, after = _test_sides(done)
    curves, diagrams = [], []
    for level, found in report["test"]["after"].items():
        members = types.by_level[int(level)]
        rows = np.flatnonzero(labels[:, members].any(axis=1))
        cut = np.ix_(rows, members)
        right, scores = labels[cut], after.scores[cut]
        reached = found["recall"]["value"], found["precision"]["value"]
        curve = precision_recall_curves(
            f"Level {level}", before.scores[cut], scores, right, target=target, reached=reached
        )
        curves.append(("", curve))
        best = scores.argmax(axis=1)
        each = np.arange(len(rows))
        diagrams.append(("", reliability_diagram(f"Level {level}", scores[each, best], right[each, best])))
    return curves, diagrams


def _test_sides(done: Onboarded) -> tuple[Served, Served]:
    if done.judged_old is None or done.test_new is None:
        raise ValueError("there is no test side to draw")
    return done.judged_old.part(slice(len(done.judgements.fitted), None)), done.test_new


def _adaptation(found: dict[str, Any]) -> Markup:
    told = (
        f"The best number of passes lowers the held-out loss by {found['gain']:.4f}, give or take "
        f"{found['gain_error']:.4f} (standard error). "
    )
    told += (
        "That is more than chance makes, so it was adopted: the locale's token and a light adapter learned from all of "
        "them, and nothing else moved."
        if found["adopted"]
        else "That is no more than chance makes, so nothing was adopted."
    )
    return section(
        "adaptation",
        "Adapting to the labels",
        told,
        figure(
            "Does learning from some of its queries help with the others?",
            "The line falls while learning helps and rises where it only learns by heart.",
            f"{plural(found['queries'], 'judged query')} in folds, each held out once; the test side took no part.",
            element("div", {"class": "alone"}, adaptation_curve(found["held_out_loss"], found["passes"])),
        ),
    )


def _promise(report: dict[str, Any]) -> str:
    after = report["thresholds"]["after"]
    return {
        "real": "Accepted types promise precision 0.8 on evidence of the store's own judged queries.",
        "composed": "Accepted types promise precision 0.8 on evidence of composed queries, as before.",
        "fallback": "Accepted types promise precision 0.8 by another locale's evidence; labels would make it its own.",
    }[after["evidence"]]


def _read(report: dict[str, Any]) -> str:
    queries, judged = report["queries"], report["judgements"]
    rejected = queries["rejected_rows"] + (judged["rejected_rows"] if judged else 0)
    if not rejected:
        return "Every row was good."
    return f"{plural(rejected, 'row')} could not be used; each is listed in rejected_rows.csv with its line and reason."


def _footer(report: dict[str, Any]) -> Markup:
    told = (
        f"Written by shelfsense-train onboard in {report['seconds']:.0f} seconds; the same figures, and more, stand in "
        "report.json beside it. Other locales answer as before, bit for bit. This page loads nothing from anywhere."
    )
    return element("footer", None, element("p", None, told))
