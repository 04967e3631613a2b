"""The types that are taken for one another most often, with queries to which it happened.

N queries, L types of one level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shelfsense_training.evaluation.page.figure import figure, plural, section
from shelfsense_training.evaluation.page.markup import Markup, element, join
from shelfsense_training.evaluation.page.measured import Measured
from shelfsense_training.evaluation.page.svg import bar, label, picture

PAIRS = 10
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Confusion:
    """Queries that meant one type and were answered with another.

    Attributes:
        meant: index of the type in the tree; where several were acceptable, the likeliest of them.
        answered: index of the likeliest type, which is not acceptable.
        queries: indices of the queries, the surest error first.
        accepted: how many of the answers were accepted.
    """

    meant: int
    answered: int
    queries: tuple[int, ...]
    accepted: int


def confusions_of(measured: Measured, level: int) -> list[Confusion]:
    """Return the confusions of a level, by falling number of queries, then by falling probability of the errors."""
    rows = measured.rows(level)
    members = measured.product_types.by_level[level]
    bundle = measured.systems[0]
    scores, labels = measured.scores(bundle, level, rows), measured.labels(level, rows)
    accepted = measured.accepted(bundle, level, rows)
    best = scores.argmax(axis=1)
    meant = np.where(labels, scores, -1.0).argmax(axis=1)
    wrong = np.flatnonzero(~labels[np.arange(len(rows)), best])
    found: dict[tuple[int, int], list[int]] = {}
    for i in wrong.tolist():
        found.setdefault((int(meant[i]), int(best[i])), []).append(i)
    ranked = []
    for (right, answered), here in found.items():
        sure = sorted(here, key=lambda i: -float(scores[i, answered]))
        weight = float(scores[here, answered].mean())
        pair = Confusion(
            int(members[right]),
            int(members[answered]),
            tuple(int(rows[i]) for i in sure),
            int(accepted[here, answered].sum()),
        )
        ranked.append((-len(here), -weight, pair.meant, pair))
    return [pair for *_, pair in sorted(ranked, key=lambda entry: entry[:3])]


def confusions(measured: Measured, *, queries: bool) -> Markup:
    """Return the section: a list per level.

    Args:
        measured: the evaluation.
        queries: whether texts of queries are shown.
    """
    parts = []
    for level in measured.levels:
        found = confusions_of(measured, level)
        errors = sum(len(pair.queries) for pair in found)
        rows = len(measured.rows(level))
        shown = found[:PAIRS]
        if not shown:
            continue
        texts = (
            f" Up to {EXAMPLES} queries each, the surest errors first, as they stand in the data file."
            if queries
            else " Query texts were left out."
        )
        parts.append(
            figure(
                f"Level {level}: {plural(errors, 'error')}, and the {len(shown)} commonest kinds",
                f"Each line reads: queries that meant the first type were answered with the second; the dark "
                f"part of a bar was accepted.{texts}",
                measured.source(rows, f"Likeliest type of the level is wrong for {errors:,} of them. Plain counts."),
                _list(measured, shown, queries=queries),
            )
        )
    return section(
        "confusions",
        "Worst confusions",
        "Where the bundle goes wrong most often. Some are the model's faults, some the labels': the queries tell.",
        *parts,
    )


def _list(measured: Measured, pairs: Sequence[Confusion], *, queries: bool) -> Markup:
    most = max(len(pair.queries) for pair in pairs)
    items = []
    for pair in pairs:
        count = len(pair.queries)
        accepted = f", {pair.accepted} of them accepted" if pair.accepted else ", none accepted"
        tally = picture(
            120,
            16,
            plural(count, "query"),
            f"{count} queries{accepted}",
            bar(0, 2, 84 * count / most, 12, "fill c2 pale"),
            bar(0, 2, 84 * pair.accepted / most, 12, "fill c2"),
            label(84 * count / most + 6, 12.5, str(count), "strong"),
            kind="tally",
        )
        parts = [
            element(
                "div",
                {"class": "pair"},
                _type(measured, pair.meant),
                element("span", {"class": "arrow", "aria-label": "answered with"}, "→"),
                _type(measured, pair.answered),
            ),
            element("div", {"class": "count"}, tally, element("span", None, f"{plural(count, 'query')}{accepted}")),
        ]
        if queries:
            parts.append(element("ul", {"class": "queries"}, *[_query(measured, i) for i in pair.queries[:EXAMPLES]]))
        items.append(element("li", None, *parts))
    return element("ol", {"class": "confusions"}, *items)


def _type(measured: Measured, i: int) -> Markup:
    path = measured.product_types.paths[i]
    above = element("small", None, " › ".join(path[:-1])) if len(path) > 1 else Markup()
    return element("span", {"class": "type"}, above, element("b", None, path[-1]))


def _query(measured: Measured, i: int) -> Markup:
    query = measured.data.queries[i]
    text = element("bdi", {"lang": query.locale, "dir": "auto"}, query.text)
    return element(
        "li", {"data-locale": query.locale}, join([text, element("span", {"class": "tag"}, query.locale)], " ")
    )
