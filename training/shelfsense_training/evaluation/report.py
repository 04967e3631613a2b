"""Figures of one or two systems, per level and locale, with 95 % intervals: the content of `metrics.json`.

N queries, L types, B queries of one locale.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense.product_types import ProductTypes
from shelfsense_training.evaluation.bootstrap import RESAMPLES, Sampled, mean_of, resampled
from shelfsense_training.evaluation.figures import FIGURES, Figure, Ratio, system_figures
from shelfsense_training.evaluation.labelled_queries import LabelledQueries
from shelfsense_training.evaluation.metrics import any_type, macro_types

BUNDLE, FASTTEXT, OTHER, DIFFERENCE = "bundle", "fasttext", "other", "difference"
_NODES = ("data", "acceptable_nodes")

Key = tuple[str, str]
"""A system's name and a figure's."""


@dataclass(frozen=True, slots=True)
class System:
    """What one system answers to every query.

    Attributes:
        name: `BUNDLE`, `FASTTEXT` or `OTHER`.
        scores: (N, L) probabilities, monotone along the tree.
        accepted: (N, L) by the system's own thresholds.
    """

    name: str
    scores: NDArray[np.float32]
    accepted: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How intervals are made: resamples of the queries of each locale, and the seed of the draws."""

    resamples: int = RESAMPLES
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Cell:
    """The figures of one locale on one level."""

    locale: str
    queries: int
    unmapped: int
    volume: float
    macro_types: int
    figures: Mapping[Key, Sampled]


def level_reports(
    systems: Sequence[System], data: LabelledQueries, product_types: ProductTypes, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Return the figures of every level that the data has positives of, by level.

    Each level has ``types`` (of the tree), ``locales`` (tag to figures), ``mean`` (over locales,
    each counting the same) and ``traffic_weighted`` (over locales, by the volume of their queries;
    without volumes every query counts 1). Queries are resampled within their locale.

    The figures of a locale, and of a mean over locales:

    - ``queries``: those with an acceptable type of the level, and the unmapped ones; ``unmapped``:
      queries for which no type of the tree is right; they are misses of top-1 and top-3 and part
      of nothing else. ``volume``: the sum over queries. ``macro_types``: types with at least ten
      positives here, the ones ``macro_recall_at_precision`` is a mean of.
    - ``acceptable_nodes``: mean acceptable types of a query on the level. Every one of them is a
      positive pair of the recalls; any of them counts for top-1 and top-3.
    - per system (``bundle``; ``fasttext`` where there is a baseline, ``other`` where another bundle is named; ``difference``: bundle minus
      fastText, paired) the figures of `FIGURES`, ``precision``, ``recall`` and ``coverage`` being
      what the system's own thresholds, fixed elsewhere, reach.

    A figure is ``{"value", "low", "high"}``; null where undefined, as is precision where nothing is
    accepted. A mean over locales is over those where the figure is defined.
    """
    labels = data.labels(len(product_types))
    reports = {}
    for level, members in product_types.by_level.items():
        cells = list(_cells(systems, data, labels, members, bootstrap))
        if cells:
            reports[str(level)] = {
                "types": len(members),
                "locales": {cell.locale: _locale_report(cell) for cell in cells},
                "mean": _mean_report(cells, [1.0] * len(cells)),
                "traffic_weighted": _mean_report(cells, [cell.volume for cell in cells]),
                "together": _locale_report(_together(systems, data, labels, members, bootstrap)),
            }
    return reports


def _cells(
    systems: Sequence[System],
    data: LabelledQueries,
    labels: NDArray[np.bool_],
    members: NDArray[np.intp],
    bootstrap: Bootstrap,
) -> Iterator[_Cell]:
    """Yield the locales that have a positive of the level, in the order of their tags."""
    here = any_type(labels[:, members])
    locales = np.array([query.locale for query in data.queries])
    for locale in sorted(set(locales[here].tolist())):
        yield _cell(locale, locales == locale, systems, data, labels, members, bootstrap)


def _together(
    systems: Sequence[System],
    data: LabelledQueries,
    labels: NDArray[np.bool_],
    members: NDArray[np.intp],
    bootstrap: Bootstrap,
) -> _Cell:
    """Return all locales as one: their pairs are ranked together and share one threshold."""
    everyone = np.ones(len(data.queries), dtype=np.bool_)
    return _cell("", everyone, systems, data, labels, members, bootstrap)


def _cell(  # noqa: PLR0917  what `level_reports` was given, once more
    locale: str,
    chosen: NDArray[np.bool_],
    systems: Sequence[System],
    data: LabelledQueries,
    labels: NDArray[np.bool_],
    members: NDArray[np.intp],
    bootstrap: Bootstrap,
) -> _Cell:
    here = any_type(labels[:, members])
    unmapped = ~any_type(labels)
    volumes = np.array([query.volume for query in data.queries])
    rows = np.flatnonzero(chosen & (here | unmapped))
    cut = np.ix_(rows, members)
    figures: dict[Key, Figure] = {_NODES: Ratio(labels[cut].sum(axis=1), here[rows])}
    for system in systems:
        own = system_figures(system.scores[cut], system.accepted[cut], labels[cut])
        figures |= {(system.name, name): figure for name, figure in own.items()}
    # A locale's draws hang on its own name alone, not on which others the file has.
    seed = (bootstrap.seed, zlib.crc32(locale.encode()))
    return _Cell(
        locale,
        len(rows),
        int(unmapped[rows].sum()),
        float(volumes[rows].sum()),
        len(macro_types(labels[cut])),
        _with_differences(resampled(figures, len(rows), resamples=bootstrap.resamples, seed=seed)),
    )


def _with_differences(figures: Mapping[Key, Sampled]) -> dict[Key, Sampled]:
    differences = {
        (DIFFERENCE, name): figures[BUNDLE, name].minus(figures[system, name])
        for system in (FASTTEXT, OTHER)
        for name in FIGURES
        if (system, name) in figures
    }
    return {**figures, **differences}


def _locale_report(cell: _Cell) -> dict[str, Any]:
    return {
        "queries": cell.queries,
        "unmapped": cell.unmapped,
        "volume": cell.volume,
        "macro_types": cell.macro_types,
        **_by_system(cell.figures),
    }


def _mean_report(cells: Sequence[_Cell], weights: Sequence[float]) -> dict[str, Any]:
    means = {key: mean_of([cell.figures[key] for cell in cells], weights) for key in cells[0].figures}
    return {
        "locales": len(cells),
        "queries": sum(cell.queries for cell in cells),
        "unmapped": sum(cell.unmapped for cell in cells),
        "volume": sum(cell.volume for cell in cells),
        "macro_types": sum(cell.macro_types for cell in cells),
        **_by_system(means),
    }


def _by_system(figures: Mapping[Key, Sampled]) -> dict[str, Any]:
    table: dict[str, Any] = {"acceptable_nodes": plain(figures[_NODES])}
    for (system, name), figure in figures.items():
        if (system, name) != _NODES:
            table.setdefault(system, {})[name] = plain(figure)
    return table


def plain(figure: Sampled) -> dict[str, float | None]:
    """Return a figure and its interval for JSON, six decimals, null where undefined."""
    low, high = figure.interval()
    named = {"value": figure.value, "low": low, "high": high}
    return {name: None if np.isnan(value) else round(value, 6) for name, value in named.items()}
