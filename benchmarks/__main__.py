"""``python -m benchmarks [NAME ...]``: measures, prints, writes down, and exits with 1 when a claim does not hold."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import (
    bad_input,
    batch_wire,
    beside,
    cache_hit,
    drain_swap,
    engine,
    flipped_bundles,
    fresh_clone,
    fuzzing,
    head_search,
    interceptors,
    latency,
    one_for_all,
    overload,
    peer_libraries,
    peer_servers,
    poison,
    precise,
    refusals,
    scheduler,
    soak,
    startup,
    tail,
    throughput,
    tiers,
    unary_overhead,
    workers,
)
from benchmarks.finding import QUERY_VECTORS, ROOT, Benchmark, BenchmarkFailed, Setting
from benchmarks.machine import describe_machine
from benchmarks.records import append_record, read_records, record
from benchmarks.results_page import part, write_page
from benchmarks.serving_page import write_serving_page
from shelfsense.bundle import Bundle
from shelfsense.cli.exit_codes import BUNDLE_REFUSED, FAILED
from shelfsense.errors import BundleRefused

BENCHMARKS: Mapping[str, Benchmark] = {
    "startup": startup.measure,
    "latency": latency.measure,
    "precise": precise.measure,
    "throughput": throughput.measure,
    "one_for_all": one_for_all.measure,
    "beside": beside.measure,
    "head_search": head_search.measure,
    "bad_input": bad_input.measure,
    "refusals": refusals.measure,
    "fresh_clone": fresh_clone.measure,
}
"""Those of one process, in the order of their section of docs/results.md."""

SERVING: Mapping[str, Benchmark] = {
    "engine": engine.measure,
    "tiers": tiers.measure,
    "scheduler": scheduler.measure,
    "unary_overhead": unary_overhead.measure,
    "batch_wire": batch_wire.measure,
    "tail": tail.measure,
    "cache_hit": cache_hit.measure,
    "interceptors": interceptors.measure,
    "overload": overload.measure,
    "drain_swap": drain_swap.measure,
    "workers": workers.measure,
    "soak": soak.measure,
    "poison": poison.measure,
    "flips": flipped_bundles.measure,
    "fuzz": fuzzing.measure,
    "peer_servers": peer_servers.measure,
    "peer_libraries": peer_libraries.measure,
}
"""Those of the service under load, in the order of benchmarks/RESULTS.md."""

# They want another bundle, download the whole installation, embed a million queries, need a bundle with a re-ranker or the extra of the
# fuzzer, or take 20 minutes.
_ONLY_WHEN_NAMED = {"beside", "fresh_clone", "fuzz", "head_search", "precise", "soak"}

_ALL = {**BENCHMARKS, **SERVING}
_SERVING_OUT = ROOT / "benchmarks" / "results.json"
_SERVING_PAGE = ROOT / "benchmarks" / "RESULTS.md"

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help=f"Of: {', '.join(_ALL)}.")]
BundleOption = Annotated[Path, typer.Option(help="Bundle folder.")]
OutOption = Annotated[Path, typer.Option(help="JSON file the findings about one process are added to.")]
PageOption = Annotated[Path, typer.Option(help="Page whose section is written again from that file.")]
QuickOption = Annotated[bool, typer.Option("--quick", help="A twentieth of the work; prints, and writes nothing.")]
VectorsOption = Annotated[
    Path, typer.Option(help="head_search: folder with vectors.npy, or one to keep embedded queries in.")
]
QueriesOption = Annotated[str, typer.Option(metavar="LOCALE=FILE", help="head_search: real queries, one a line.")]
MinutesOption = Annotated[float, typer.Option(min=0.1, help="fuzz: how long it goes on.")]
OtherOption = Annotated[Path | None, typer.Option(metavar="DIR", help="beside: the bundle to compare with.")]
TestsOption = Annotated[bool, typer.Option("--with-tests", help="fresh_clone: also time make test.")]


def main(  # noqa: PLR0913 -- the options of a command
    names: Names = None,
    *,
    bundle: BundleOption = ROOT / "bundles" / "starter",
    out: OutOption = ROOT / "docs" / "results" / "speed.json",
    page: PageOption = ROOT / "docs" / "results.md",
    quick: QuickOption = False,
    with_tests: TestsOption = False,
    vectors: VectorsOption = QUERY_VECTORS,
    queries: QueriesOption = "",
    minutes: MinutesOption = 20.0,
    other: OtherOption = None,
) -> None:
    """Measure, all but beside, fresh_clone, fuzz, head_search, precise and soak unless named."""
    names = names or [name for name in _ALL if name not in _ONLY_WHEN_NAMED]
    unknown = set(names) - set(_ALL)
    if unknown:
        raise typer.BadParameter(f"no benchmark is called {min(unknown)}; choose of {', '.join(_ALL)}")
    setting = Setting(
        bundle.resolve(),
        quick=quick,
        with_tests=with_tests,
        vectors=vectors,
        queries=queries,
        minutes=minutes,
        other=None if other is None else other.resolve(),
    )
    try:
        holds = [_run(name, setting, out, page) for name in names]
    except BundleRefused as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(BUNDLE_REFUSED) from None
    raise typer.Exit(0 if all(holds) else FAILED)


def _run(name: str, setting: Setting, out: Path, page: Path) -> bool:
    """Measure, print and write down one benchmark, and return whether its claim holds."""
    version, machine = Bundle.open(setting.bundle).version, describe_machine()
    try:
        finding = _ALL[name](setting)
    except BenchmarkFailed as error:  # the others are measured all the same
        sys.stderr.write(f"{name}: {error}\n")
        return False
    found = record(name, finding, bundle_version=version, machine=machine)
    print(part(found), flush=True)
    if not setting.quick and name in SERVING:
        append_record(_SERVING_OUT, found)
        write_serving_page(_SERVING_PAGE, read_records(_SERVING_OUT), list(SERVING))
    elif not setting.quick:
        append_record(out, found)
        write_page(page, read_records(out), list(BENCHMARKS))
    return not finding.faults


if __name__ == "__main__":
    typer.run(main)
