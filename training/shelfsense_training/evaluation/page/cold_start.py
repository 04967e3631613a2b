"""A locale that no training has seen: how good it is with no label, and with a few."""

from __future__ import annotations

from collections.abc import Sequence

from shelfsense_training.evaluation.page.estimates import colours_of, grouped, place_of, seeds_of, study_source
from shelfsense_training.evaluation.page.figure import figure, interval, panels, section
from shelfsense_training.evaluation.page.markup import Markup
from shelfsense_training.evaluation.page.scales import Linear, LogFromZero, steps
from shelfsense_training.evaluation.page.study import ColdStartRow, Study
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
    whisker,
)

FULL = "full data"
_PLOT = Plot(32, 32, 196, 196)


def cold_start(study: Study) -> Markup:
    """Return the section, a figure per data and metric; nothing where the study has no such rows."""
    if not study.cold_start:
        return Markup()
    colours = colours_of([row.system for row in study.cold_start if not row.system.startswith(FULL)])
    figures = []
    for (data, metric), rows in grouped(study.cold_start, lambda row: (row.data, row.metric)).items():
        ends = [row.estimate.high or row.estimate.value for row in rows]
        high = max(ends) * 1.08 or 1.0
        unit = min((row.labels for row in rows if row.labels), default=1) / 2
        drawn = [
            (
                locale,
                _curve(
                    locale, here, metric, LogFromZero(unit, _most(rows), _PLOT.left + 8, _PLOT.right - 8), high, colours
                ),
            )
            for locale, here in grouped(rows, lambda row: row.locale).items()
        ]
        figures.append(
            figure(
                f"{metric} of an unseen locale, {place_of(data)}",
                "Every line starts with no label of the locale and climbs with each label given; the dashed rule is "
                "what full training data reach.",
                study_source(study, place_of(data), seeds_of([row.estimate for row in rows])),
                panels(drawn, "panels medium"),
            )
        )
    return section(
        "cold-start",
        "A new locale",
        "Each locale was left out of training, then given back a few labels. The steps between label counts "
        "are logarithmic.",
        *figures,
    )


def _most(rows: Sequence[ColdStartRow]) -> int:
    return max((row.labels for row in rows if row.labels and not row.system.startswith(FULL)), default=1)


def _curve(
    locale: str,
    rows: Sequence[ColdStartRow],
    metric: str,
    across: LogFromZero,
    high: float,
    colours: dict[str, str],
) -> Markup:
    plot = _PLOT
    up = Linear(0, high, plot.bottom, plot.top)
    counts = sorted({row.labels for row in rows if row.labels is not None and not row.system.startswith(FULL)})
    marks = [
        label(0, 14, locale, "head"),
        axis_across(
            plot, across, [(count, f"{count}" if count < 1000 else f"{count / 1000:g}k") for count in counts], "labels"
        ),
        axis_up(plot, up, [(tick, f"{tick:g}") for tick in steps(0, high, 4)]),
    ]
    names: list[tuple[float, str, str]] = []
    said = []
    for system, here in grouped(rows, lambda row: row.system).items():
        last = here[-1].estimate
        said.append(f"{system}: {', '.join(_spoken(row) for row in here)}")
        if system.startswith(FULL):
            y = up(last.value)
            tip = f"{system}: {_spoken(here[-1])}"
            marks.append(group("", rule((plot.left, y), (plot.right, y), "target"), tip=tip))
            names.append((y, system, "tick strong"))
            continue
        placed = sorted((row for row in here if row.labels is not None), key=lambda row: row.labels or 0)
        points = [(across(row.labels or 0), up(row.estimate.value)) for row in placed]
        marks.append(line(points, colours[system]))
        marks += [_mark(row, across, up, colours[system]) for row in placed]
        if points:
            names.append((points[-1][1], system, f"{colours[system]} strong"))
    for y, (_, name, kind) in zip(spread([y + 4 for y, _, _ in names], 15, 20, plot.bottom), names, strict=True):
        marks.append(label(plot.right + 8, y, name, kind))
    width = plot.right + 12 + 7 * max(len(name) for _, name, _ in names)
    return picture(width, plot.bottom + 34, f"{metric} of {locale} by number of labels", "; ".join(said), *marks)


def _mark(row: ColdStartRow, across: LogFromZero, up: Linear, colour: str) -> Markup:
    x, found = across(row.labels or 0), row.estimate
    parts = []
    if found.low is not None and found.high is not None:
        parts.append(whisker((x, up(found.low)), (x, up(found.high)), colour))
    return group("", *parts, dot(x, up(found.value), f"{colour} halo", 4), tip=f"{row.system}, {_spoken(row)}")


def _spoken(row: ColdStartRow) -> str:
    within = interval(row.estimate.low, row.estimate.high)
    labels = "all labels" if row.labels is None else f"{row.labels:,} labels"
    return f"{labels} {row.estimate.value:.3f}{f' ({within})' if within else ''}"
