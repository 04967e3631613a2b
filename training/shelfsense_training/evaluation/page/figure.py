"""What surrounds every picture: a title, how to read it, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence

from shelfsense_training.evaluation.page.markup import Markup, element, join


def section(identifier: str, heading: str, lead: str, *parts: str) -> Markup:
    """Return a section of the page, with an anchor."""
    return element(
        "section",
        {"id": identifier},
        element("h2", None, heading),
        element("p", {"class": "lead"}, lead),
        *parts,
    )


def figure(title: str, aid: str, source: str, *body: str) -> Markup:
    """Return a figure.

    Args:
        title: what it shows.
        aid: one sentence that says how to read it.
        source: data, number of queries, intervals, seeds, and whether real or simulated.
        body: pictures or a table.
    """
    caption = element("figcaption", None, element("h3", None, title), element("p", {"class": "aid"}, aid))
    return element("figure", None, caption, *body, element("p", {"class": "source"}, source))


def panels(pictures: Sequence[tuple[str, Markup]], kind: str = "panels") -> Markup:
    """Return small multiples side by side: (locale or empty, picture)."""
    return element(
        "div",
        {"class": kind},
        *[element("div", {"class": "panel", "data-locale": locale or None}, shown) for locale, shown in pictures],
    )


def wide_and_narrow(wide: Markup, narrow: Markup) -> Markup:
    """Return one picture drawn twice, of which the style sheet shows the one that fits the screen."""
    return join([element("div", {"class": "wide"}, wide), element("div", {"class": "narrow"}, narrow)])


def interval(low: float | None, high: float | None) -> str:
    """Return an interval in words for tips and tables; nothing where there is none."""
    return "" if low is None or high is None else f"{low:.2f}–{high:.2f}"


def plural(count: int, noun: str) -> str:
    """Return a count and its noun: 1 query, 2 queries, 3 locales."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1] + 'ies' if noun.endswith('y') else noun + 's'}"
