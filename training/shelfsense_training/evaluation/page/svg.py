"""The marks that our pictures are made of: a frame, axes, lines, dots, whiskers, labels.

Colours are classes (``c1``, ``c2``, ``soft``, ...) which the style sheet fills for light, dark and print.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shelfsense_training.evaluation.page.markup import Markup, element, join, number
from shelfsense_training.evaluation.page.scales import Scale

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Plot:
    """The part of a picture that figures are drawn in.

    Attributes:
        left, top, right, bottom: its edges, in units of the picture, which are pixels at natural size.
    """

    left: float
    top: float
    right: float
    bottom: float


def picture(width: float, height: float, title: str, description: str, *marks: str, kind: str = "") -> Markup:
    """Return a picture that scales with its place and can be read aloud.

    Args:
        width: natural width in pixels.
        height: natural height in pixels.
        title: what it is, a phrase.
        description: what it shows, in figures.
        marks: SVG.
        kind: class names for the style sheet.
    """
    return element(
        "svg",
        {"viewBox": f"0 0 {number(width)} {number(height)}", "role": "img", "class": kind or None},
        element("title", None, title),
        element("desc", None, description),
        *marks,
    )


def group(kind: str, *marks: str, tip: str = "", locale: str = "") -> Markup:
    """Return marks as one, with words that show where the pointer rests on them."""
    words = [element("title", None, tip)] if tip else []
    return element("g", {"class": kind or None, "data-locale": locale or None}, *words, *marks)


def line(points: Iterable[Point], kind: str) -> Markup:
    """Return a line through points; nothing where there are fewer than two."""
    places = [f"{number(x)} {number(y)}" for x, y in points]
    return element("path", {"d": "M" + "L".join(places), "class": f"line {kind}"}) if len(places) > 1 else Markup()


def rule(start: Point, end: Point, kind: str = "rule") -> Markup:
    """Return a straight line between two points."""
    return element("line", {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1], "class": kind})


def dot(x: float, y: float, kind: str, radius: float = 3.5) -> Markup:
    """Return a filled dot, or a ring where its kind has ``ring``."""
    return element("circle", {"cx": x, "cy": y, "r": radius, "class": kind})


def bar(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    """Return a filled rectangle."""
    return element("rect", {"x": x, "y": y, "width": max(0.0, width), "height": max(0.0, height), "class": kind})


def label(x: float, y: float, text: str, kind: str = "", *, anchor: str = "start") -> Markup:
    """Return one line of text; its anchor is ``start``, ``middle`` or ``end``."""
    return element(
        "text", {"x": x, "y": y, "class": kind or None, "text-anchor": None if anchor == "start" else anchor}, text
    )


def whisker(low: Point, high: Point, kind: str) -> Markup:
    """Return the line of an interval."""
    return rule(low, high, f"whisker {kind}")


def axis_across(plot: Plot, scale: Scale, ticks: Sequence[tuple[float, str]], name: str = "") -> Markup:
    """Return the axis below a plot, with light rules up from its ticks, and its name under its right end."""
    marks = []
    for value, text in ticks:
        x = scale(value)
        marks.append(rule((x, plot.top), (x, plot.bottom), "grid"))
        marks.append(label(x, plot.bottom + 14, text, "tick", anchor="middle"))
    if name:
        marks.append(label(plot.right, plot.bottom + 28, name, "name", anchor="end"))
    return join([*marks, rule((plot.left, plot.bottom), (plot.right, plot.bottom), "axis")])


def axis_up(plot: Plot, scale: Scale, ticks: Sequence[tuple[float, str]], name: str = "") -> Markup:
    """Return the axis left of a plot, with light rules across, and its name over its upper end."""
    marks = []
    for value, text in ticks:
        y = scale(value)
        marks.append(rule((plot.left, y), (plot.right, y), "grid"))
        marks.append(label(plot.left - 5, y + 4, text, "tick", anchor="end"))
    if name:
        marks.append(label(plot.left - 24, plot.top - 8, name, "name"))
    return join(marks)


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return places moved as little as keeps them a gap apart, in their order, between two bounds where they fit.

    For labels beside line ends, which would else lie over each other.
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for before, i in zip([None, *order], order, strict=False):
        moved[i] = max(places[i], low if before is None else moved[before] + gap)
    ceiling = high
    for i in reversed(order):
        moved[i] = min(moved[i], ceiling)
        ceiling = moved[i] - gap
    return moved
