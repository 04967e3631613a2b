"""What a locale gains from sharing one model, against how much it had to learn from."""

from __future__ import annotations

from collections.abc import Sequence

from shelfsense_training.evaluation.page.estimates import grouped, place_of, seeds_of, study_source
from shelfsense_training.evaluation.page.figure import figure, plural, section, wide_and_narrow
from shelfsense_training.evaluation.page.markup import Markup
from shelfsense_training.evaluation.page.scales import Linear, Log, bounds, decades, steps
from shelfsense_training.evaluation.page.study import GainRow, Study
from shelfsense_training.evaluation.page.svg import (
    Plot,
    Point,
    axis_across,
    axis_up,
    dot,
    group,
    label,
    picture,
    rule,
    whisker,
)

_LINE = 13.0

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def gain_by_size(study: Study) -> Markup:
    """Return the section, a figure per data; nothing where the study has no gains."""
    if not study.gains:
        return Markup()
    figures = []
    for data, rows in grouped(study.gains, lambda row: row.data).items():
        better = sum(row.estimate.value > 0 for row in rows)
        surely = sum(row.estimate.low is not None and row.estimate.low > 0 for row in rows)
        figures.append(
            figure(
                f"{better} of {plural(len(rows), 'locale')} gain, {surely} with an interval above 0: {place_of(data)}",
                "Each dot is a locale: further left it had fewer training queries, higher up it gains more from the "
                "shared model; a line that crosses 0 could be no gain at all.",
                study_source(study, place_of(data), seeds_of([row.estimate for row in rows])),
                wide_and_narrow(_scatter(data, rows, 900, 420), _scatter(data, rows, 360, 460)),
            )
        )
    return section(
        "gain",
        "Gain against training size",
        "The one shared, locale-aware model over one model per locale, as a relative change. "
        "Small locales should gain most: they borrow from the large ones.",
        *figures,
    )


def _scatter(data: str, rows: Sequence[GainRow], width: float, height: float) -> Markup:
    plot = Plot(52, 30, width - 40, height - 42)
    sizes = [row.training_queries for row in rows]
    ends = [end for row in rows for end in (row.estimate.value, row.estimate.low, row.estimate.high) if end is not None]
    low, high = bounds([*ends, 0.0])
    across = Log(min(sizes) / 1.25, max(sizes) * 1.25, plot.left, plot.right)
    up = Linear(low, high, plot.bottom, plot.top)
    wide = [(size, f"{size:,.0f}") for size in decades(across.low, across.high)]
    marks = [
        axis_across(plot, across, wide, "training queries of the locale"),
        axis_up(plot, up, [(tick, _percent(tick)) for tick in steps(low, high, 6)], "relative gain"),
        rule((plot.left, up(0)), (plot.right, up(0)), "zero"),
    ]
    taken: list[Box] = []
    for row in rows:  # dots first: no name may lie over one
        x, y = across(row.training_queries), up(row.estimate.value)
        taken.append((x - 6, y - 6, x + 6, y + 6))
        if row.estimate.low is not None and row.estimate.high is not None:
            taken.append((x - 1, up(row.estimate.high), x + 1, up(row.estimate.low)))
    for row in sorted(rows, key=lambda row: row.training_queries):
        x, found = across(row.training_queries), row.estimate
        colour = "c1" if found.value >= 0 else "c2"
        parts = []
        if found.low is not None and found.high is not None:
            parts.append(whisker((x, up(found.low)), (x, up(found.high)), colour))
        parts.append(dot(x, up(found.value), f"{colour} halo", 4.5))
        tip_end = up(found.value if found.high is None else found.high)
        left, base = _free((x, up(found.value)), tip_end, 7.2 * len(row.locale), taken, width)
        parts.append(label(left, base, row.locale, "tick strong outlined"))
        within = "" if found.low is None or found.high is None else f", {_percent(found.low)} to {_percent(found.high)}"
        tip = f"{row.locale}: {_percent(found.value)}{within}; {row.training_queries:,} training queries"
        marks.append(group("row", *parts, tip=tip, locale=row.locale))
    said = "; ".join(f"{row.locale}, {row.training_queries:,} queries: {_percent(row.estimate.value)}" for row in rows)
    return picture(width, height, f"Gain against training size, {data}", said, *marks)


def _free(at: Point, top: float, length: float, taken: list[Box], width: float) -> tuple[float, float]:
    """Return where a name covers least, beside its dot before over its whisker, and take that place."""
    x, y = at
    places = [
        (x + 8, y + 4),
        (x - 8 - length, y + 4),
        (x - length / 2, top - 6),
        *((x + 8, y + 4 + k * _LINE) for k in (-1, 1, -2, 2)),
        *((x - 8 - length, y + 4 + k * _LINE) for k in (-1, 1, -2, 2)),
        *((x - length / 2, top - 6 - k * _LINE) for k in (1, 2)),
    ]
    boxes = [(left, base - 10, left + length, base + 3) for left, base in places]
    inside = [k for k, box in enumerate(boxes) if box[0] >= 0 and box[2] <= width] or [0]
    best = min(inside, key=lambda k: sum(_overlap(boxes[k], other) for other in taken))
    taken.append(boxes[best])
    return places[best]


def _overlap(one: Box, other: Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, across) * max(0.0, down)


def _percent(share: float) -> str:
    return f"{share:+.0%}".replace("-", "\u2212") if abs(share) >= 0.0005 else "0%"
