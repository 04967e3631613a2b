"""The section "Speed, size, robustness" of docs/results.md, written from the records; the rest is not ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.finding import BenchmarkFailed

BEGIN = "<!-- speed:begin -->"
END = "<!-- speed:end -->"

_HEADING = "## Speed, size, robustness"


def write_page(path: Path, runs: Sequence[Mapping[str, Any]], order: Sequence[str]) -> None:
    """Put the section into a page, which is made where there is none.

    Args:
        path: the page.
        runs: the records, oldest first; the newest of each benchmark is shown.
        order: the benchmarks' names, in the order of their parts.
    """
    page = path.read_text(encoding="utf-8") if path.exists() else "# Results\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(spliced(page, section(runs, order)), encoding="utf-8")


def section(runs: Sequence[Mapping[str, Any]], order: Sequence[str]) -> str:
    """Return the section as Markdown, without its markers."""
    newest = {run["name"]: run for run in runs}
    parts = [part(newest[name]) for name in order if name in newest]
    lead = "Measured and written by `make bench`; every earlier run is kept in the JSON file beside this page."
    return "\n".join([_HEADING, "", lead, "", *parts])


def part(run: Mapping[str, Any]) -> str:
    """Return one benchmark's record as Markdown."""
    return "\n".join(_lines(run)) + "\n"


def spliced(page: str, text: str) -> str:
    """Return a page with the text between its markers; at its end, with markers, where it has none.

    Raises:
        BenchmarkFailed: the markers are not one pair in order.
    """
    block = f"{BEGIN}\n{text.strip()}\n{END}"
    if BEGIN not in page and END not in page:
        return f"{page.rstrip()}\n\n{block}\n".lstrip()
    before, _, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not ended or page.count(BEGIN) != 1 or page.count(END) != 1:
        raise BenchmarkFailed(f"the page needs one {BEGIN} and after it one {END}, or neither")
    return f"{before}{block}{after}"


def _lines(run: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {run['title']}"
    yield ""
    yield run["claim"]
    yield ""
    yield _row(run["columns"])
    yield _row(["---", *["---:" if _is_number(run, i) else "---" for i in range(1, len(run["columns"]))]])
    yield from map(_row, run["rows"])
    for line in (*run["notes"], *(f"**Does not hold:** {fault}" for fault in run["faults"]), _provenance(run)):
        yield ""
        yield line


def _is_number(run: Mapping[str, Any], column: int) -> bool:
    """Return whether every cell of a column starts with a digit, or is empty."""
    return all(row[column][:1].isdigit() or not row[column] for row in run["rows"])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _provenance(run: Mapping[str, Any]) -> str:
    machine = run["machine"]
    return (
        f"*Bundle {run['bundle']}, {run['date'][:10]}; {machine['cpu']}, {machine['cores']} cores, "
        f"Python {machine['python']}, ONNX Runtime {machine['onnxruntime']}, load before {machine['load_1_min']}.*"
    )
