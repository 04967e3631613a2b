"""Precision against recall: all locales together, then each by itself before the others.

N queries, L types of one level.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.evaluation.metrics import LEAST_ACCEPTED, TARGET_PRECISION, deployed
from shelfsense_training.evaluation.page.curve import precision_recall_points, simplified
from shelfsense_training.evaluation.page.figure import figure, panels, section, wide_and_narrow
from shelfsense_training.evaluation.page.markup import Markup, element, join
from shelfsense_training.evaluation.page.measured import Measured
from shelfsense_training.evaluation.page.scales import Linear
from shelfsense_training.evaluation.page.svg import (
    Plot,
    axis_across,
    axis_up,
    dot,
    group,
    label,
    line,
    picture,
    rule,
    spread,
)
from shelfsense_training.evaluation.report import BUNDLE, FASTTEXT, System

_SHARES = [(0.0, "0"), (0.5, "0.5"), (1.0, "1")]
_FINE = [(k / 5, f"{k / 5:g}") for k in range(6)]
_PANEL = Plot(28, 34, 194, 168)


def precision_recall(measured: Measured) -> Markup:
    """Return the section: one figure over all locales, and one per level with a panel per locale."""
    figures = [_together(measured)]
    figures += [_by_locale(measured, level) for level in measured.levels if len(measured.locales(level)) > 1]
    return section(
        "precision-recall",
        "Precision and recall",
        "Lower the bar and more of what shoppers mean is found, and more of what is accepted is wrong. "
        "A good system stays high for long before it falls.",
        *figures,
    )


def _together(measured: Measured) -> Markup:
    target = measured.report["target_precision"]
    against = " Dashed: fastText, trained on the bundle's own rows." if len(measured.systems) > 1 else ""
    return figure(
        "All locales together, level by level",
        f"Each line is a level of the tree; the dots are where the bundle's own thresholds land, and they keep "
        f"their promise when they lie on or above the dashed rule at precision {target:g}.{against}",
        measured.source(
            len(measured.rows(measured.levels[0])),
            f"Micro over pairs of a query and a type, queries with a right type of the level; "
            f"a line starts at {LEAST_ACCEPTED} accepted pairs. No intervals on the lines.",
        ),
        wide_and_narrow(_levels(measured, 900, 400), _levels(measured, 360, 330)),
    )


def _levels(measured: Measured, width: float, height: float) -> Markup:
    plot = Plot(40, 26, width - 74, height - 40)
    across, up = _scales(plot)
    marks = [axis_across(plot, across, _FINE, "recall"), axis_up(plot, up, _FINE, "precision")]
    marks.append(_target(plot, up(measured.report["target_precision"])))
    ends, said, own = [], [], []
    for colour, level in enumerate(measured.levels, start=1):
        rows = measured.rows(level)
        labels = measured.labels(level, rows)
        for system in reversed(measured.systems):
            points = simplified(precision_recall_points(measured.scores(system, level, rows), labels), 0.002)
            places = [(across(recall), up(precision)) for recall, precision in points.tolist()]
            kind = f"c{colour}" if system.name == BUNDLE else f"c{colour} dashed"
            tip = f"{system.name}, level {level}: {len(rows):,} queries"
            marks.append(group("", line(places, kind), tip=tip))
            if system.name == BUNDLE and places:
                ends.append((min(places[-1][1], plot.bottom - 4), colour, level))
                reached = deployed(measured.accepted(system, level, rows), labels)
                if reached.precision == reached.precision:
                    own.append(
                        group(
                            "",
                            dot(across(reached.recall), up(reached.precision), f"c{colour} halo", 5),
                            tip=f"own thresholds, level {level}: precision {reached.precision:.3f}, "
                            f"recall {reached.recall:.3f}",
                        )
                    )
                    said.append(
                        f"level {level}: precision {reached.precision:.2f} at recall {reached.recall:.2f} "
                        "with its own thresholds"
                    )
    heights = spread([y + 4 for y, _, _ in ends], 15, plot.top, plot.bottom)
    for y, (_, colour, level) in zip(heights, ends, strict=True):
        marks.append(label(plot.right + 8, y, f"level {level}", f"c{colour} strong"))
    return picture(width, height, "Precision against recall, all locales", "; ".join(said), *marks, *own)


def _by_locale(measured: Measured, level: int) -> Markup:
    rows = {locale: measured.rows(level, locale) for locale in measured.locales(level)}
    curves = {locale: _curve(measured, measured.systems[0], level, found) for locale, found in rows.items()}
    ghosts = f"ghosts-{level}"
    everyone = element("g", {"id": ghosts}, *[line(points, "ghost") for points in curves.values()])
    drawn = list(_panels(measured, level, rows, curves, ghosts))
    shelf = element("svg", {"class": "shelf", "aria-hidden": "true"}, element("defs", None, everyone))
    target = measured.report["target_precision"]
    against = " dashed orange is fastText," if len(measured.systems) > 1 else ""
    return figure(
        f"Level {level}, locale by locale",
        f"The strong line is the locale,{against} the pale ones are the others; the dot is where its own thresholds "
        f"land, the ring and its figure the recall that precision {TARGET_PRECISION:g} allows.",
        measured.source(
            sum(map(len, rows.values())),
            f"Panels give their own n. A line starts at {LEAST_ACCEPTED} accepted pairs; the dashed rule is the "
            f"target, {target:g}. Intervals of the marked figures: in the next section.",
        ),
        shelf,
        panels(drawn),
    )


def _panels(
    measured: Measured,
    level: int,
    rows: dict[str, NDArray[np.intp]],
    curves: dict[str, list[tuple[float, float]]],
    ghosts: str,
) -> Iterator[tuple[str, Markup]]:
    across, up = _scales(_PANEL)
    for locale, points in curves.items():
        cell = measured.cell(level, locale)
        marks = [
            label(_PANEL.left, 14, locale, "head"),
            label(_PANEL.right, 14, f"n {len(rows[locale]):,}", "tick", anchor="end"),
            axis_across(_PANEL, across, _SHARES),
            axis_up(_PANEL, up, _SHARES),
            element("use", {"href": f"#{ghosts}"}),
            _target(_PANEL, up(measured.report["target_precision"]), short=True),
        ]
        marks += [
            group("", line(_curve(measured, system, level, rows[locale]), "c2 dashed"), tip=FASTTEXT)
            for system in measured.systems[1:]
        ]
        marks.append(line(points, "c1 main"))
        bundle = cell[BUNDLE]
        recall, precision = bundle["recall"]["value"], bundle["precision"]["value"]
        reach = bundle["recall_at_precision"]["value"]
        if reach:
            x, y = across(reach), up(TARGET_PRECISION)
            marks.append(dot(x, y, "c1 ring", 4))
            marks.append(label(x + 7, y - 7, f"{reach:.2f}", "c1 strong"))
        if recall is not None and precision is not None:
            tip = f"{locale}, own thresholds: precision {precision:.3f}, recall {recall:.3f}"
            marks.append(group("", dot(across(recall), up(precision), "c1 halo", 4.5), tip=tip))
        said = f"Recall at precision {TARGET_PRECISION:g}: {_said(reach)}. Own thresholds: precision {_said(precision)}"
        said += f", recall {_said(recall)}."
        yield locale, picture(204, 190, f"{locale}, level {level}: precision against recall", said, *marks)


def _curve(measured: Measured, system: System, level: int, rows: NDArray[np.intp]) -> list[tuple[float, float]]:
    across, up = _scales(_PANEL)
    points = simplified(
        precision_recall_points(measured.scores(system, level, rows), measured.labels(level, rows)), 0.003
    )
    return [(across(recall), up(precision)) for recall, precision in points.tolist()]


def _scales(plot: Plot) -> tuple[Linear, Linear]:
    return Linear(0, 1, plot.left, plot.right), Linear(0, 1, plot.bottom, plot.top)


def _target(plot: Plot, y: float, *, short: bool = False) -> Markup:
    drawn = rule((plot.left, y), (plot.right, y), "target")
    return drawn if short else join([drawn, label(plot.left + 6, y + 14, "target precision", "tick")])


def _said(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"
