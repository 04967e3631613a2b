"""``python -m benchmarks [NAME ...]``: measures, prints, writes down, and exits with 1 when a claim does not hold."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import (
    bad_input,
    fresh_clone,
    head_search,
    latency,
    one_for_all,
    precise,
    refusals,
    scheduler,
    startup,
    throughput,
    workers,
)
from benchmarks.finding import QUERY_VECTORS, ROOT, Benchmark, BenchmarkFailed, Setting
from benchmarks.machine import describe_machine
from benchmarks.records import append_record, read_records, record
from benchmarks.results_page import part, write_page
from shelfsense.bundle import Bundle
from shelfsense.cli.exit_codes import BUNDLE_REFUSED, FAILED
from shelfsense.errors import BundleRefused

BENCHMARKS: Mapping[str, Benchmark] = {
    "startup": startup.measure,
    "latency": latency.measure,
    "precise": precise.measure,
    "throughput": throughput.measure,
    "scheduler": scheduler.measure,
    "workers": workers.measure,
    "one_for_all": one_for_all.measure,
    "head_search": head_search.measure,
    "bad_input": bad_input.measure,
    "refusals": refusals.measure,
    "fresh_clone": fresh_clone.measure,
}
"""Every benchmark, in the order of the results page."""

# They download the whole installation, embed a million queries, or need a bundle with a re-ranker.
_ONLY_WHEN_NAMED = {"fresh_clone", "head_search", "precise"}

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help=f"Of: {', '.join(BENCHMARKS)}.")]
BundleOption = Annotated[Path, typer.Option(help="Bundle folder.")]
OutOption = Annotated[Path, typer.Option(help="JSON file the findings are added to.")]
PageOption = Annotated[Path, typer.Option(help="Page whose section is written again from that file.")]
QuickOption = Annotated[bool, typer.Option("--quick", help="A twentieth of the work; prints, and writes nothing.")]
VectorsOption = Annotated[
    Path, typer.Option(help="head_search: folder with vectors.npy, or one to keep embedded queries in.")
]
QueriesOption = Annotated[str, typer.Option(metavar="LOCALE=FILE", help="head_search: real queries, one a line.")]
TestsOption = Annotated[bool, typer.Option("--with-tests", help="fresh_clone: also time make test.")]


def main(
    names: Names = None,
    *,
    bundle: BundleOption = ROOT / "bundles" / "starter",
    out: OutOption = ROOT / "docs" / "results" / "speed.json",
    page: PageOption = ROOT / "docs" / "results.md",
    quick: QuickOption = False,
    with_tests: TestsOption = False,
    vectors: VectorsOption = QUERY_VECTORS,
    queries: QueriesOption = "",
) -> None:
    """Measure, all but fresh_clone, head_search and precise unless named."""
    names = names or [name for name in BENCHMARKS if name not in _ONLY_WHEN_NAMED]
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        raise typer.BadParameter(f"no benchmark is called {min(unknown)}; choose of {', '.join(BENCHMARKS)}")
    setting = Setting(bundle.resolve(), quick=quick, with_tests=with_tests, vectors=vectors, queries=queries)
    try:
        holds = [_run(name, setting, out, page) for name in names]
    except BundleRefused as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(BUNDLE_REFUSED) from None
    except BenchmarkFailed as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(FAILED) from None
    raise typer.Exit(0 if all(holds) else FAILED)


def _run(name: str, setting: Setting, out: Path, page: Path) -> bool:
    """Measure, print and write down one benchmark, and return whether its claim holds."""
    version, machine = Bundle.open(setting.bundle).version, describe_machine()
    finding = BENCHMARKS[name](setting)
    found = record(name, finding, bundle_version=version, machine=machine)
    print(part(found), flush=True)
    if not setting.quick:
        append_record(out, found)
        write_page(page, read_records(out), list(BENCHMARKS))
    return not finding.faults


if __name__ == "__main__":
    typer.run(main)
