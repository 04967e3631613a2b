"""How well and how fast heads are found among very many: along a graph, beside looking at all of them.

N index rows, E embedding.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.finding import Finding, Setting
from benchmarks.machine import pinned, two_cores
from benchmarks.query_vectors import query_vectors
from benchmarks.spread import Spread
from shelfsense.bundle import Bundle
from shelfsense.errors import BundleRefused
from shelfsense.reformulation.graph_files import graph_file, read_graph
from shelfsense.reformulation.head import Head, head_table
from shelfsense.reformulation.head_index import HeadIndex
from shelfsense.reformulation.head_segment import HeadSegment
from shelfsense.reformulation.live_rows import LiveRows
from shelfsense.reformulation.locale_heads import LocaleHeads
from shelfsense.reformulation.vector_index import GraphSettings, VectorIndex
from shelfsense_training.progress import progress_bar

_ROWS = (100_000, 1_000_000)
_ASKED = 1_000
_NEIGHBOURS = 10
_SERVED = 32  # what the service asks the index for
_CANDIDATES = (64, 128, 192, 256, 384, 512)
_SAME = 1e-5  # of equal queries either is right

_LEAST_RECALL = 0.99
_LARGEST_RATIO = 0.1
_MOST_MS = 1.0


@dataclass(slots=True)
class _Searched:
    """What searching so many rows gave; times in milliseconds, one of each per query."""

    rows: int
    build_s: float
    load_s: float
    graph_bytes: int
    exact: list[float] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    graph: dict[int, list[float]] = field(default_factory=dict)
    recall: dict[int, list[float]] = field(default_factory=dict)

    def mean_recall(self, candidates: int) -> float:
        return float(np.mean(self.recall[candidates]))

    def ratio(self, candidates: int) -> float:
        return float(np.median(self.graph[candidates]) / np.median(self.exact))


def measure(setting: Setting) -> Finding:
    """Search the vectors of held-out queries among 100,000 and a million others, one way after the other."""
    asked, settings = setting.times(_ASKED), GraphSettings()
    wanted = [setting.times(rows) for rows in _ROWS]
    vectors = query_vectors(setting.vectors, max(wanted) + asked, Bundle.open(setting.bundle), setting.queries)
    queries, rows = vectors[:asked].astype(np.float32), vectors[asked:]
    counts = [count for count in wanted if count <= len(rows)]
    counts += [len(rows)] if len(rows) < max(wanted) else []  # the most there is
    found = [_searched(rows[:count], queries, settings, setting.vectors) for count in counts]
    return _finding(found, settings, [f"there are only {len(rows):,} vectors"] if len(rows) < max(wanted) else [])


def _searched(
    rows: NDArray[np.float16], queries: NDArray[np.float32], settings: GraphSettings, folder: Path
) -> _Searched:
    index, found = _indexed(rows, settings, folder)
    live, usual = LiveRows.all_of(len(rows)), settings.candidates(_NEIGHBOURS, len(rows))
    heads = head_table([Head(f"head {i}", "und", 1.0) for i in range(len(rows))])
    locale = LocaleHeads("und", (HeadSegment.of(heads, index, 0),), settings)
    served = HeadIndex({"und": locale}, rows.shape[1], settings)
    with pinned(two_cores()[0]):
        # The exact search of every turn also takes the rows of the turn before out of the processor's caches.
        for candidates in sorted({*_CANDIDATES, usual}):
            found.graph[candidates], found.recall[candidates] = [], []
            for query in queries:
                exact, took = _timed(index.search, query, _NEIGHBOURS, live, exactly=True)
                found.exact.append(took)
                near, took = _timed(index.search, query, _NEIGHBOURS, live, candidates=candidates)
                found.graph[candidates].append(took)
                found.recall[candidates].append(float(np.mean(near[0] >= exact[0][-1] - _SAME)))
        for query in queries:
            index.search(query, _NEIGHBOURS, live, exactly=True)
            found.served.append(_timed(served.search, "und", query, _SERVED)[1])
    return found


def _indexed(rows: NDArray[np.float16], settings: GraphSettings, folder: Path) -> tuple[VectorIndex, _Searched]:
    """Return the index, its graph read from a file, which is made once."""
    flat = VectorIndex.flat([rows], rows.shape[1], settings)
    place, build_s = folder / f"graph_{len(rows)}_{settings.links}_{settings.construction}.faiss", 0.0
    for _ in range(2):
        if place.exists():
            data, began = place.read_bytes(), time.perf_counter()
            try:
                index = read_graph(place.name, data, rows, flat)
            except BundleRefused:
                place.unlink()  # of vectors that were here before
            else:
                load_s = time.perf_counter() - began
                return index, _Searched(len(rows), build_s, load_s, len(data))
        began = time.perf_counter()
        with progress_bar() as progress:
            task = progress.add_task(f"a graph of {len(rows):,}", total=len(rows), figure="vectors")
            built = flat.with_graph(partial(progress.advance, task), threads=os.cpu_count() or 1)
        build_s = time.perf_counter() - began
        place.write_bytes(graph_file(built, rows))
    raise AssertionError("a graph that was just written is refused")


def _timed(search: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[Any, float]:
    began = time.perf_counter()
    found = search(*arguments, **named)
    return found, (time.perf_counter() - began) * 1e3


def _finding(found: Sequence[_Searched], settings: GraphSettings, lacking: list[str]) -> Finding:
    figures: dict[str, float | int | str | bool] = {}
    faults, table = list(lacking), []
    for each in found:
        usual = settings.candidates(_NEIGHBOURS, each.rows)
        exact, served = Spread.of(each.exact), Spread.of(each.served)
        table.append((f"{each.rows:,} rows, exact", "1", *exact.cells(), "1"))
        for candidates in each.graph:
            spread, recall, ratio = (
                Spread.of(each.graph[candidates]),
                each.mean_recall(candidates),
                each.ratio(candidates),
            )
            used = " (used)" if candidates == usual else ""
            name = f"{each.rows:,} rows, graph, {candidates} candidates{used}"
            table.append((name, f"{recall:.4f}", *spread.cells(), f"{ratio:.3f}"))
            figures[f"recall_{each.rows}_{candidates}"], figures[f"ratio_{each.rows}_{candidates}"] = recall, ratio
            figures[f"graph_p50_ms_{each.rows}_{candidates}"] = spread.p50
        table.append((f"{each.rows:,} rows, {_SERVED} heads with their strings", "", *served.cells(), ""))
        figures[f"exact_p50_ms_{each.rows}"], figures[f"served_p50_ms_{each.rows}"] = exact.p50, served.p50
        figures[f"build_s_{each.rows}"], figures[f"load_s_{each.rows}"] = each.build_s, each.load_s
        figures[f"graph_bytes_per_row_{each.rows}"] = each.graph_bytes / each.rows
        faults += _faults(each, usual, served)
    return Finding(
        title="Searching very many heads",
        claim=(
            f"A graph finds at least {_LEAST_RECALL} of the {_NEIGHBOURS} nearest of a million queries in at most "
            f"{_LARGEST_RATIO} of the time that looking at all takes; 100,000 heads are searched within {_MOST_MS:g} ms."
        ),
        columns=("search", f"recall@{_NEIGHBOURS}", "p50 ms", "p95 ms", "p99 ms", "of exact"),
        rows=tuple(table),
        figures={**figures, "links": settings.links, "construction": settings.construction},
        notes=(
            *(_graph_note(each) for each in found),
            (
                f"{len(found[0].served):,} queries that are not among the rows; an exact search and one along the graph in "
                "turn, one thread on one core, the same float16 vectors; the last column compares medians. A row counts as found "
                "where its score is at least the tenth's."
            ),
        ),
        faults=tuple(faults),
    )


def _graph_note(each: _Searched) -> str:
    built = f" and was built in {each.build_s:.0f} s" if each.build_s else ""
    size = each.graph_bytes / each.rows
    return f"{each.rows:,} rows: the graph takes {size:.0f} bytes a row, is read and checked in {each.load_s:.2f} s{built}."


def _faults(each: _Searched, usual: int, served: Spread) -> list[str]:
    faults = []
    if each.mean_recall(usual) < _LEAST_RECALL:
        faults.append(f"recall among {each.rows:,} rows is {each.mean_recall(usual):.4f}")
    if each.rows >= max(_ROWS) and each.ratio(usual) > _LARGEST_RATIO:
        faults.append(f"a search of {each.rows:,} rows takes {each.ratio(usual):.3f} of the exact one's time")
    if each.rows <= min(_ROWS) and served.p50 > _MOST_MS:
        faults.append(f"a search of {each.rows:,} heads takes {served.p50:.2f} ms")
    return faults
