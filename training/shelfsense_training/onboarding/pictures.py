"""The pictures of an onboarding report: before against after, curves, and how adapting went.

Everywhere a ring is the old bundle and a dot the new one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.evaluation.page.curve import precision_recall_points, simplified
from shelfsense_training.evaluation.page.markup import Markup
from shelfsense_training.evaluation.page.reliability import reliability_bins
from shelfsense_training.evaluation.page.scales import Linear, bounds, steps
from shelfsense_training.evaluation.page.svg import (
    Plot,
    axis_across,
    axis_up,
    bar,
    dot,
    group,
    label,
    line,
    picture,
    rule,
    whisker,
)

_ROW = 34.0
_SHARES = [(k / 5, f"{k * 20}\u202f%") for k in range(6)]
_TENTHS = [(k / 5, f"{k / 5:g}") for k in range(6)]


def share(value: float | None, form: str = ".0%") -> str:
    """Return a share in words, a dash where there is none."""
    return "–" if value is None else f"{value:{form}}".replace("%", "\u202f%")


def before_and_after(
    title: str,
    rows: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]],
    *,
    target: float | None = None,
) -> Markup:
    """Return rows of a ring and a dot on a scale from 0 to 1.

    Args:
        title: of the picture.
        rows: name, before and after, each with ``value`` and perhaps ``low`` and ``high``.
        target: where a dashed rule stands; nowhere where None.
    """
    plot = Plot(150, 30, 372, 34 + _ROW * len(rows))
    across = Linear(0, 1, plot.left, plot.right)
    marks = [label(0, 14, title, "head"), axis_across(plot, across, _SHARES)]
    if target is not None:
        marks.append(rule((across(target), plot.top), (across(target), plot.bottom), "target"))
    said = []
    for k, (name, before, after) in enumerate(rows):
        y = plot.top + _ROW * (k + 0.5)
        old, new = before.get("value"), after.get("value")
        tip = f"{name}: before {_spoken(before)}, after {_spoken(after)}"
        parts = [label(plot.left - 10, y + 4, name, "tick strong", anchor="end")]
        if old is not None and new is not None:
            parts.append(rule((across(old), y), (across(new), y), "ghost"))
        for found, kind, shift in ((before, "c3", -4.0), (after, "c1", 4.0)):
            if found.get("low") is not None:
                parts.append(whisker((across(found["low"]), y + shift), (across(found["high"]), y + shift), kind))
        if old is not None:
            parts.append(dot(across(old), y, "c3 halo", 4.2))
        if new is not None:
            parts.append(dot(across(new), y, "c1 halo", 5.2))
        parts.append(label(plot.right + 12, y + 4, share(new), "strong"))
        marks.append(group("row", *parts, tip=tip))
        said.append(tip)
    return picture(430, plot.bottom + 24, title, "; ".join(said), *marks)


def precision_recall_curves(
    title: str,
    before: NDArray[np.floating],
    after: NDArray[np.floating],
    labels: NDArray[np.bool_],
    *,
    target: float,
    reached: tuple[float | None, float | None],
) -> Markup:
    """Return both bundles' curves on one level.

    Args:
        title: of the picture.
        before: (N, K) the old bundle's scores.
        after: (N, K) the new one's.
        labels: (N, K) acceptable types.
        target: the precision promised.
        reached: recall and precision at the new bundle's own threshold.
    """
    plot = Plot(40, 42, 330, 296)
    across, up = Linear(0, 1, plot.left, plot.right), Linear(0, 1, plot.bottom, plot.top)
    marks = [
        label(0, 14, title, "head"),
        axis_across(plot, across, _TENTHS, "recall"),
        axis_up(plot, up, _TENTHS, "precision"),
        rule((plot.left, up(target)), (plot.right, up(target)), "target"),
    ]
    for scores, kind in ((before, "c3 dashed"), (after, "c1 main")):
        points = simplified(precision_recall_points(scores, labels, minimum=5), 0.002)
        marks.append(line([(across(x), up(y)) for x, y in points.tolist()], kind))
    recall, precision = reached
    said = f"The dashed rule is precision {target:g}."
    if recall is not None and precision is not None:
        marks.append(dot(across(recall), up(precision), "c1 halo", 5.5))
        said += f" The threshold lands at precision {precision:.2f}, recall {recall:.2f}."
    return picture(340, 332, f"Precision and recall, {title}", said, *marks)


def reliability_diagram(title: str, stated: NDArray[np.float32], right: NDArray[np.bool_]) -> Markup:
    """Return what the new bundle says of its likeliest type against what is true.

    Args:
        title: of the picture.
        stated: (N,) probability of each query's likeliest type.
        right: (N,) whether it is acceptable.
    """
    bins = reliability_bins(stated, right, 5 if len(stated) < 200 else 10)
    plot, below = Plot(40, 42, 330, 296), Plot(40, 352, 330, 382)
    across, up = Linear(0, 1, plot.left, plot.right), Linear(0, 1, plot.bottom, plot.top)
    marks = [
        label(0, 14, title, "head"),
        axis_across(plot, across, _TENTHS, "probability stated"),
        axis_up(plot, up, _TENTHS, "share right"),
        rule((across(0), up(0)), (across(1), up(1)), "target"),
        line([(across(each.stated), up(each.right)) for each in bins], "c1 thin"),
    ]
    most = max(each.count for each in bins)
    said = []
    for each in bins:
        x, height = across(each.stated), (below.bottom - below.top) * each.count / most
        tip = f"stated {each.stated:.2f}, right {each.right:.2f} of {each.count}"
        ends = (x, up(max(0.0, each.low))), (x, up(min(1.0, each.high)))
        parts = [whisker(*ends, "c1"), dot(x, up(each.right), "c1 halo", 4.5)]
        parts.append(bar(x - 9, below.bottom - height, 18, height, "fill soft"))
        parts.append(label(x, below.bottom - height - 4, f"{each.count:,}", "tick small", anchor="middle"))
        marks.append(group("", *parts, tip=tip))
        said.append(tip)
    marks.append(rule((below.left, below.bottom), (below.right, below.bottom), "axis"))
    return picture(340, 390, f"Reliability, {title}", "; ".join(said), *marks)


def adaptation_curve(losses: Sequence[float], chosen: int) -> Markup:
    """Return the held-out loss by passes over the judged queries, and the number of passes that was taken."""
    plot = Plot(56, 30, 560, 230)
    low, high = bounds(losses, 0.15)
    across, up = Linear(0, max(1, len(losses) - 1), plot.left, plot.right), Linear(low, high, plot.bottom, plot.top)
    every = max(1, (len(losses) - 1) // 12)
    ticks = [(float(k), str(k)) for k in range(0, len(losses), every)]
    marks = [
        axis_across(plot, across, ticks, "passes over the judged queries"),
        axis_up(plot, up, [(tick, f"{tick:g}") for tick in steps(low, high, 4)], "loss of held-out queries"),
        line([(across(k), up(loss)) for k, loss in enumerate(losses)], "c1 main"),
    ]
    marks += [dot(across(k), up(loss), "c1 halo", 3) for k, loss in enumerate(losses)]
    x, y = across(chosen), up(losses[chosen])
    anchor = "start" if chosen <= len(losses) / 2 else "end"
    marks += [
        dot(x, y, "c2 halo", 6),
        label(x, y - 14, "taken" if chosen else "taken: nothing is adapted", "strong", anchor=anchor),
    ]
    said = "; ".join(f"{k} passes {loss:.4f}" for k, loss in enumerate(losses))
    return picture(600, 266, "Held-out loss while adapting", said, *marks)


def _spoken(found: Mapping[str, Any]) -> str:
    low, high = found.get("low"), found.get("high")
    within = "" if low is None or high is None else f" ({share(low)}–{share(high)})"
    return f"{share(found.get('value'))}{within}"
