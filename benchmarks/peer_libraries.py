"""Queries per second of libraries in a loop, without a server: the same weights, and what is faster for being less."""

from __future__ import annotations

import csv
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.finding import ROOT, BenchmarkFailed, Finding, Setting
from benchmarks.load.query_mix import load_queries
from benchmarks.load.rounds import ROUNDS, interleaved
from benchmarks.machine import pinned, two_cores
from benchmarks.peers.environment import interpreter, variables, versions
from benchmarks.peers.folders import exported
from shelfsense.bundle import Bundle
from shelfsense.query import Query
from shelfsense.understander import Understander

_QUERIES = 1024
_BATCH = 32
_HEADS = ROOT / "training" / "shelfsense_training" / "lexicon" / "heads"
_WORKER = Path(__file__).parent / "peers" / "offline_worker.py"
_OURS, _NETWORK = "Shelfsense, whole answers", "Shelfsense, the network alone"
_LIBRARIES = {
    "transformers": ("transformers and torch, float32", "a vector"),
    "sentence_transformers": ("sentence-transformers, float32", "a vector"),
    "onnx_float": ("ONNX Runtime, float32", "a vector"),
    "onnx_int8": ("ONNX Runtime, its own dynamic int8", "a vector"),
    "fasttext": ("fastText, trained on our head lists", "five concepts"),
    "model2vec": ("model2vec, 256 of our word table", "a vector"),
}


def measure(setting: Setting) -> Finding:
    """Answer the same queries with each library, round by round, one thread on one core."""
    queries, source = load_queries()
    queries = queries[: max(_BATCH * 2, setting.times(_QUERIES))]
    folder, core = exported(setting.bundle), two_cores()[0]
    with pinned(core):
        understander = Understander.load(Bundle.open(setting.bundle))
    with ExitStack() as stack:
        ways: dict[str, Callable[[int], float]] = {
            _OURS: lambda _: _whole(understander, queries, core),
            _NETWORK: lambda _: _network(understander, queries, core),
        }
        for name in _LIBRARIES:
            ways[name] = stack.enter_context(_worker(name, folder, queries, core))
        found = interleaved(ways, setting.times(ROUNDS))
    return _finding({name: [len(queries) / each for each in seconds] for name, seconds in found.items()}, source)


def _whole(understander: Understander, queries: Sequence[Query], core: int | None) -> float:
    with pinned(core):
        began = time.perf_counter()
        for i in range(0, len(queries), _BATCH):
            understander.understand(queries[i : i + _BATCH])
        return time.perf_counter() - began


def _network(understander: Understander, queries: Sequence[Query], core: int | None) -> float:
    with pinned(core):
        prepared = [understander.prepare(query) for query in queries]
        began = time.perf_counter()
        for i in range(0, len(queries), _BATCH):
            understander.infer(prepared[i : i + _BATCH])
        return time.perf_counter() - began


@contextmanager
def _worker(name: str, folder: Path, queries: Sequence[Query], core: int | None) -> Iterator[Callable[[int], float]]:
    """Start a library's process, and give what asks it for the seconds of one round."""
    command = [str(interpreter()), str(_WORKER), name, str(folder)]
    with (
        pinned(core),
        subprocess.Popen(
            command,
            cwd=ROOT / "work",
            env=variables(),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
    ):
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise BenchmarkFailed(f"{name} was started without pipes")
        to_worker, from_worker, complaints = process.stdin, process.stdout, process.stderr

        def line() -> str:
            to_worker.flush()
            said = from_worker.readline()
            if not said:
                raise BenchmarkFailed(f"{name} ended: {complaints.read()[-1000:]}")
            return said

        to_worker.write(json.dumps([query.text for query in queries]) + "\n")
        to_worker.write(json.dumps(_rows() if name == "fasttext" else []) + "\n")
        line()

        def one_round(_: int) -> float:
            to_worker.write("\n")
            return float(line())

        try:
            yield one_round
        finally:
            to_worker.close()


def _rows() -> list[tuple[str, str]]:
    """Return our head queries with the concepts they mean."""
    rows = []
    for path in sorted(_HEADS.glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            rows += [(row["query"], row["concept"]) for row in reader]
    return rows


def _finding(speeds: Mapping[str, Sequence[float]], source: str) -> Finding:
    ours = statistics.median(speeds[_OURS])
    names = {_OURS: (_OURS, "types, heads"), _NETWORK: (_NETWORK, "types, a vector"), **_LIBRARIES}
    peers = versions(("transformers", "torch", "sentence-transformers", "onnxruntime", "fasttext-numpy2", "model2vec"))
    return Finding(
        title="Beside other libraries",
        claim="Queries per second of a loop in one process, batches of 32 as they come, one thread.",
        columns=("queries per second", "answers", "median", "lowest", "highest", "of ours"),
        rows=tuple(
            (
                *names[name],
                *(f"{each:,.0f}" for each in (statistics.median(found), min(found), max(found))),
                f"{statistics.median(found) / ours:.2f}",
            )
            for name, found in speeds.items()
        ),
        figures={f"{names[name][0]}, queries/s": statistics.median(found) for name, found in speeds.items()},
        notes=(
            (
                f"{source.capitalize()}; medians of {len(speeds[_OURS])} rounds. All but fastText and model2vec run the "
                "bundle's encoder; only ours also ranks types, applies thresholds and looks for heads. fastText and "
                "model2vec show what less costs, not what it is worth: their answers are not judged here. "
                + ", ".join(f"{name} {version}" for name, version in peers.items())
                + "."
            ),
        ),
    )
