"""`report.html`: one file that a person opens, and that opens nothing else.

Style and script are inline and a content policy allows those two texts alone, so that neither a
mistake of ours nor a query text can make the page load or run anything.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from shelfsense_training.evaluation.page.bars import variant_bars
from shelfsense_training.evaluation.page.cold_start import cold_start
from shelfsense_training.evaluation.page.confusions import confusions
from shelfsense_training.evaluation.page.gain import gain_by_size
from shelfsense_training.evaluation.page.locales import locales
from shelfsense_training.evaluation.page.markup import Markup, element, join
from shelfsense_training.evaluation.page.measured import Measured
from shelfsense_training.evaluation.page.precision_recall import precision_recall
from shelfsense_training.evaluation.page.reliability import reliability
from shelfsense_training.evaluation.page.study import Study
from shelfsense_training.evaluation.page.summary import summary

PAGE = "report.html"


def report_page(measured: Measured, study: Study | None = None, *, queries: bool = True) -> str:
    """Return the page.

    Args:
        measured: the evaluation.
        study: adds variants, gains and cold start, as far as it has them.
        queries: whether texts of queries are shown; then the page is as confidential as the data.
    """
    parts = {
        "Precision and recall": precision_recall(measured),
        "Reliability": reliability(measured),
        "Locales": locales(measured),
    }
    if study is not None:
        parts["Variants"] = variant_bars(study)
        parts["Gain"] = gain_by_size(study)
        parts["New locale"] = cold_start(study)
    parts["Confusions"] = confusions(measured, queries=queries)
    shown = {name: part for name, part in parts.items() if part}
    body = element(
        "body",
        None,
        _notice(measured, queries=queries),
        summary(measured),
        _contents(shown, measured.every_locale()),
        element("main", None, *shown.values()),
        _footer(measured),
        element("script", None, Markup(_asset("script.js"))),
    )
    head = _head(f"Shelfsense: bundle {measured.report['bundle_version']} on {measured.report['data']['file']}")
    return f"<!doctype html>\n{element('html', {'lang': 'en'}, head, body)}\n"


def _head(title: str) -> Markup:
    style, script = _asset("style.css"), _asset("script.js")
    policy = f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    policy += "; base-uri 'none'; form-action 'none'"
    return element(
        "head",
        None,
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"name": "color-scheme", "content": "light dark"}),
        element("meta", {"name": "robots", "content": "noindex"}),
        element("title", None, title),
        element("style", None, Markup(style)),
    )


def _notice(measured: Measured, *, queries: bool) -> Markup:
    if not queries:
        return Markup()
    file = measured.report["data"]["file"]
    return element(
        "p",
        {"class": "notice"},
        element("b", None, "Holds query texts."),
        f" The confusions below quote {file}: keep this page where that file is kept, or write it with --no-queries.",
    )


def _contents(parts: dict[str, Markup], every: list[str]) -> Markup:
    identifiers = {name: part.split('id="', 1)[1].split('"', 1)[0] for name, part in parts.items()}
    links = [element("a", {"href": f"#{identifier}"}, name) for name, identifier in identifiers.items()]
    options = [element("option", {"value": ""}, "all locales"), *[element("option", None, each) for each in every]]
    # Of no use without the script, which brings it to light.
    chooser = element("label", {"hidden": True, "id": "chooser"}, "Show ", element("select", None, *options))
    return element("nav", {"aria-label": "sections"}, join(links), chooser if len(every) > 1 else Markup())


def _footer(measured: Measured) -> Markup:
    baseline = measured.report["baseline"]
    against = "no baseline was asked for" if baseline is None else "fastText, tuned and trained in the same run"
    return element(
        "footer",
        None,
        element(
            "p",
            None,
            "Written by shelfsense-train evaluate; the same figures, and more, stand in metrics.json beside it. "
            f"Baseline: {against}. R@P0.8 is the largest recall at any threshold with a precision of at least 0.8, "
            "micro over all pairs of a query and a type of the level; a type that is not among a query's acceptable "
            "ones counts as wrong. This page loads nothing from anywhere.",
        ),
    )


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
