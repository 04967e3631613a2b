"""Do probabilities mean what they say? Of the likeliest type of each level.

N queries, B bins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.calibration.platt import expected_calibration_error
from shelfsense_training.evaluation.page.figure import figure, panels, section
from shelfsense_training.evaluation.page.markup import Markup
from shelfsense_training.evaluation.page.measured import Measured
from shelfsense_training.evaluation.page.scales import Linear, steps
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

BINS = 10
_CHANCE_DRAWS = 200
_Z = 1.959964  # 95 % of a normal distribution lie within as many standard deviations
_ROW = 19.0


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose probability lies in one bin.

    Attributes:
        count: answers.
        stated: their mean probability.
        right: the share of them that is right.
        low: lower end of the 95 % interval of ``right``.
        high: upper end of it.
    """

    count: int
    stated: float
    right: float
    low: float
    high: float


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share. Wilson, "Probable inference", 1927.

    Args:
        hits: 0 to ``count``.
        count: 1 or more.
    """
    share, square = hits / count, _Z * _Z
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = _Z / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count * count))
    return middle - half, middle + half


def reliability_bins(stated: NDArray[np.float32], right: NDArray[np.bool_], bins: int = BINS) -> list[Bin]:
    """Return the bins of [0, 1], equally wide, that hold answers.

    Args:
        stated: (N,) probability of each answer.
        right: (N,) whether it is acceptable.
        bins: B.
    """
    place = np.minimum((stated * bins).astype(int), bins - 1)
    found = []
    for b in np.unique(place):
        here = place == b
        count, hits = int(here.sum()), int(right[here].sum())
        found.append(Bin(count, float(stated[here].mean()), hits / count, *wilson(hits, count)))
    return found


def calibration_error(stated: NDArray[np.float32], right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error of answers (N,), over `BINS` bins."""
    return expected_calibration_error(stated[:, None], right[:, None], bins=BINS)


def error_by_chance(stated: NDArray[np.float32], seed: int, draws: int = _CHANCE_DRAWS) -> tuple[float, float]:
    """Return the 2.5 % and 97.5 % quantiles of the error that these probabilities make when they are exactly true.

    Few queries make an error of their own: what lies within these bounds is no evidence of a fault.
    """
    generator = np.random.default_rng(seed)
    errors = [calibration_error(stated, generator.random(len(stated)) < stated) for _ in range(draws)]
    low, high = np.quantile(errors, [0.025, 0.975])
    return float(low), float(high)


def top_answers(
    measured: Measured, level: int, rows: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the bundle's likeliest type of a level, per query: its probability (N,), whether it is right (N,)."""
    scores = measured.scores(measured.systems[0], level, rows)
    best = scores.argmax(axis=1)
    each = np.arange(len(rows))
    return scores[each, best], measured.labels(level, rows)[each, best]


def reliability(measured: Measured) -> Markup:
    """Return the section: a diagram per level, and the error of every locale."""
    diagrams = [("", _diagram(measured, level)) for level in measured.levels]
    parts = [
        figure(
            "What the bundle says, and what comes true",
            "On the diagonal the bundle is right as often as it says; above it the bundle is too modest, "
            "below it too sure. The bars below count the queries.",
            measured.source(
                len(measured.rows(measured.levels[0])),
                f"Likeliest type of each query with a right type of the level, {BINS} equal bins. "
                "Whiskers: 95 % (Wilson) of the share that is right.",
            ),
            panels(diagrams, "panels large"),
        )
    ]
    if len(measured.every_locale()) > 1:
        strips = [("", _errors(measured, level)) for level in measured.levels]
        parts.append(
            figure(
                "Calibration error, locale by locale",
                "The dot is the mean gap between what is said and what comes true; within the grey bar it is no larger "
                "than chance alone makes it for that many queries, and beyond it the dot turns orange.",
                measured.source(
                    len(measured.rows(measured.levels[0])),
                    f"Expected calibration error over {BINS} bins; grey: the middle 95 % of {_CHANCE_DRAWS} draws in "
                    "which every probability is exactly true.",
                ),
                panels(strips, "panels large"),
            )
        )
    return section(
        "reliability",
        "Reliability",
        "A probability of 0.7 should be right seven times in ten. Thresholds can promise a precision only "
        "where that holds.",
        *parts,
    )


def _diagram(measured: Measured, level: int) -> Markup:
    stated, right = top_answers(measured, level, measured.rows(level))
    bins = reliability_bins(stated, right)
    error = calibration_error(stated, right)
    plot, below = Plot(40, 42, 330, 296), Plot(40, 352, 330, 392)
    across, up = Linear(0, 1, plot.left, plot.right), Linear(0, 1, plot.bottom, plot.top)
    ticks = [(k / 5, f"{k / 5:g}") for k in range(6)]
    most = max(each.count for each in bins)
    marks = [
        label(0, 14, f"Level {level}", "head"),
        label(plot.right, 14, f"calibration error {error:.3f}", "tick", anchor="end"),
        axis_across(plot, across, ticks, "probability stated"),
        axis_up(plot, up, ticks, "share right"),
        rule((across(0), up(0)), (across(1), up(1)), "target"),
        line([(across(each.stated), up(each.right)) for each in bins], "c1 thin"),
    ]
    for each in bins:
        x = across(each.stated)
        tip = (
            f"stated {each.stated:.2f}, right {each.right:.2f} ({each.low:.2f}–{each.high:.2f}), {each.count:,} queries"
        )
        height = (below.bottom - below.top) * each.count / most
        marks.append(
            group(
                "",
                whisker((x, up(each.low)), (x, up(each.high)), "c1"),
                dot(x, up(each.right), "c1 halo", 4.5),
                bar(x - 9, below.bottom - height, 18, height, "fill soft"),
                label(x, below.bottom - height - 4, f"{each.count:,}", "tick small", anchor="middle"),
                tip=tip,
            )
        )
    marks.append(rule((below.left, below.bottom), (below.right, below.bottom), "axis"))
    said = "; ".join(f"stated {each.stated:.2f}, right {each.right:.2f} of {each.count}" for each in bins)
    return picture(340, 396, f"Reliability of level {level}", f"{said}. Calibration error {error:.3f}.", *marks)


def _errors(measured: Measured, level: int) -> Markup:
    found = list(_locale_errors(measured, level))
    largest = max(max(error, high) for _, _, error, _, high in found)
    top, left = 40.0, 62.0
    plot = Plot(left, top, 326, top + _ROW * len(found))
    across = Linear(0, largest * 1.08, plot.left, plot.right)
    ticks = [(tick, f"{tick:g}") for tick in steps(0, largest * 1.08, 4)]
    marks = [label(0, 14, f"Level {level}", "head"), axis_across(plot, across, ticks, "calibration error")]
    for k, (locale, queries, error, low, high) in enumerate(found):
        y = top + _ROW * (k + 0.5)
        tip = f"{locale}: {error:.3f}, by chance {low:.3f}–{high:.3f}, {queries:,} queries"
        marks.append(
            group(
                "row",
                label(left - 8, y + 4, locale, "tick strong", anchor="end"),
                bar(across(low), y - 4, across(high) - across(low), 8, "fill soft"),
                dot(across(error), y, f"{'c1' if error <= high else 'c2'} halo", 4.5),
                tip=tip,
                locale=locale,
            )
        )
    beyond = [locale for locale, _, error, _, high in found if error > high]
    said = f"Beyond chance: {', '.join(beyond) if beyond else 'no locale'}."
    return picture(340, plot.bottom + 36, f"Calibration error by locale, level {level}", said, *marks)


def _locale_errors(measured: Measured, level: int) -> Iterator[tuple[str, int, float, float, float]]:
    for locale in measured.locales(level):
        stated, right = top_answers(measured, level, measured.rows(level, locale))
        low, high = error_by_chance(stated, measured.report["bootstrap"]["seed"])
        yield locale, len(stated), calibration_error(stated, right), low, high
