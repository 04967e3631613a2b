"""benchmarks/RESULTS.md: what was promised of the service and whether it held, then every table; written as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.finding import Floor
from benchmarks.results_page import part

_HEAD = """# The service under load

Written by `make bench`; [README.md](README.md) says how each is measured, and every earlier run is kept in
`results.json`. Server and loops without one ran on one core, what loads them on another; figures that are compared
come from one run, round by round, and every ratio is the median of its rounds' ratios.
"""


def write_serving_page(path: Path, runs: Sequence[Mapping[str, Any]], order: Sequence[str]) -> None:
    """Write the page.

    Args:
        path: the page, replaced as a whole.
        runs: the records, oldest first; the newest of each benchmark is shown.
        order: the benchmarks' names, in the order of their parts.
    """
    path.write_text(serving_page(runs, order), encoding="utf-8")


def serving_page(runs: Sequence[Mapping[str, Any]], order: Sequence[str]) -> str:
    """Return the page as Markdown."""
    newest = {run["name"]: run for run in runs}
    shown = [newest[name] for name in order if name in newest]
    return "\n".join([_HEAD, *_promises(shown), "", *(part(run) for run in shown)])


def _promises(runs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    floors = [Floor(**floor) for run in runs for floor in run.get("floors", ())]
    held = sum(floor.held for floor in floors)
    yield f"## What was promised: {held} of {len(floors)} held"
    yield ""
    yield "| figure | measured | promised | |"
    yield "| --- | ---: | ---: | --- |"
    for floor in floors:
        sign = "≤" if floor.at_most else "≥"
        verdict = "held" if floor.held else "**missed**"
        yield f"| {floor.figure} | {floor.value:.3g} | {sign} {floor.limit:g} | {verdict} |"
