"""Variants side by side: one panel per part of the data, a bar per variant, whiskers for intervals."""

from __future__ import annotations

from collections.abc import Sequence

from shelfsense_training.evaluation.page.estimates import colours_of, grouped, place_of, seeds_of, study_source
from shelfsense_training.evaluation.page.figure import figure, interval, panels, section
from shelfsense_training.evaluation.page.markup import Markup
from shelfsense_training.evaluation.page.scales import Linear, steps
from shelfsense_training.evaluation.page.study import Estimate, Study, VariantRow
from shelfsense_training.evaluation.page.svg import Plot, axis_across, bar, group, label, picture, whisker

_SCOPES = ("global", "largest quartile", "smallest quartile", "conflict set")
_ROW, _WIDTH = 38.0, 260.0


def variant_bars(study: Study) -> Markup:
    """Return the section, a figure per data and metric; nothing where the study has no variants."""
    if not study.variants:
        return Markup()
    colours = colours_of([row.variant for row in study.variants])
    figures = []
    for (data, metric), rows in grouped(study.variants, lambda row: (row.data, row.metric)).items():
        # Bars show quantities, so they start at 0 and panels share their scale.
        high = max(row.estimate.high or row.estimate.value for row in rows) * 1.04 or 1.0
        scopes = grouped(rows, lambda row: row.scope)
        order = sorted(scopes, key=lambda scope: _SCOPES.index(scope) if scope in _SCOPES else len(_SCOPES))
        drawn = [(_locale(scope), _panel(scope, scopes[scope], metric, high, colours)) for scope in order]
        figures.append(
            figure(
                f"{metric} on {place_of(data)}{_lead(scopes.get('global', []))}",
                "Longer is better; where the whiskers of two bars are far apart, chance does not explain the "
                "difference.",
                study_source(study, place_of(data), seeds_of([row.estimate for row in rows])),
                panels(drawn, "panels medium"),
            )
        )
    return section(
        "variants",
        "One model or many",
        "Non-unified is one model per locale; agnostic is one model for all; aware is one model that is told the "
        "locale.",
        *figures,
    )


def _panel(scope: str, rows: Sequence[VariantRow], metric: str, high: float, colours: dict[str, str]) -> Markup:
    plot = Plot(4, 26, _WIDTH - 44, 26 + _ROW * len(rows) + 4)
    across = Linear(0, high, plot.left, plot.right)
    marks = [label(0, 14, scope, "head")]
    marks.append(axis_across(plot, across, [(tick, f"{tick:g}") for tick in steps(0, high, 4)]))
    for k, row in enumerate(rows):
        y = plot.top + _ROW * k
        found, colour = row.estimate, colours[row.variant]
        end = across(found.value)
        tip = f"{row.variant}: {_spoken(found)}"
        parts = [
            label(plot.left, y + 15, row.variant, "tick strong"),
            bar(plot.left, y + 20, end - plot.left, 14, f"fill {colour}"),
        ]
        if found.low is not None and found.high is not None:
            ends = (across(found.low), y + 27), (across(found.high), y + 27)
            parts += [whisker(*ends, "under"), whisker(*ends, "ink")]
            end = max(end, across(found.high))
        parts.append(label(end + 5, y + 31, f"{found.value:.3f}", "strong"))
        marks.append(group("row", *parts, tip=tip))
    said = "; ".join(f"{row.variant} {_spoken(row.estimate)}" for row in rows)
    return picture(_WIDTH, plot.bottom + 20, f"{metric}, {scope}", said, *marks)


def _spoken(found: Estimate) -> str:
    within = interval(found.low, found.high)
    return f"{found.value:.3f}{f' ({within})' if within else ''}"


def _lead(rows: Sequence[VariantRow]) -> str:
    """Return what the best variant has over one model per locale, over all locales, as the end of a title."""
    alone = next((row.estimate.value for row in rows if row.variant == "non-unified"), 0.0)
    best = max(rows, key=lambda row: row.estimate.value, default=None)
    if best is None or not alone or best.variant == "non-unified":
        return ""
    return f": {best.variant} {best.estimate.value / alone - 1:+.1%} over non-unified".replace("%", "\u202f%")


def _locale(scope: str) -> str:
    return "" if scope in _SCOPES else scope
