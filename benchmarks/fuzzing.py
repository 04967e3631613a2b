"""How long coverage-guided fuzzing of all parsing goes on without a crash, a hang, or an error that is not ours."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec

from benchmarks.finding import ROOT, BenchmarkFailed, Finding, Floor, Setting, missed
from benchmarks.fuzz import TARGETS

CORPUS = ROOT / "work" / "fuzz"
"""Where inputs that reached something new are kept, and those that failed; git does not see it."""

_GRACE_S = 120  # for loading, and for a last input that hangs
_PROGRESS = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+).*corp: (\d+)/")
_FAILED = re.compile(r"=== Uncaught Python exception: ===\s*(.*)|(ERROR: libFuzzer: .*)")


@dataclass(frozen=True, slots=True)
class _Fuzzed:
    """What one target's process did.

    Attributes:
        target: its name.
        seconds: that it took, loading included.
        inputs: that it tried.
        branches: of our Python that inputs have reached.
        kept: inputs of the corpus.
        fault: what it ended at; empty where nothing was found.
    """

    target: str
    seconds: float
    inputs: int
    branches: int
    kept: int
    fault: str


def measure(setting: Setting) -> Finding:
    """Fuzz one target after another, each for its share of the time."""
    if find_spec("atheris") is None:
        raise BenchmarkFailed("the fuzzer is not installed: pip install -e '.[fuzz]'")
    minutes = setting.minutes / (20 if setting.quick else 1)
    share = max(1, round(minutes * 60 / len(TARGETS)))
    found = []
    for name in TARGETS:
        found.append(_fuzz(name, share))
        sys.stderr.write(f"{found[-1]}\n")
    asked = share * len(TARGETS) / 60
    floors = (
        Floor("minutes of fuzzing", sum(each.seconds for each in found) / 60, min(asked, minutes)),
        Floor("crashes, hangs and errors that are not ours", sum(bool(each.fault) for each in found), 0, at_most=True),
    )
    return Finding(
        title="Fuzzing",
        claim="Coverage-guided inputs to text, wire and bundle parsing meet an answer or an error that callers are promised.",
        columns=("target", "inputs", "branches reached", "corpus", "seconds", "fault"),
        rows=tuple(
            (each.target, f"{each.inputs:,}", str(each.branches), str(each.kept), f"{each.seconds:.0f}", each.fault)
            for each in found
        ),
        figures={
            "minutes": sum(each.seconds for each in found) / 60,
            "inputs": sum(each.inputs for each in found),
            "faults": sum(bool(each.fault) for each in found),
        },
        notes=(
            (
                "atheris (libFuzzer), guided by the branches of our Python; one process a target. An input that takes over "
                "10 s counts as a hang. The corpus is kept, and a later run goes on from it."
            ),
        ),
        faults=(*(f"{each.target}: {each.fault}" for each in found if each.fault), *missed(floors)),
        floors=floors,
    )


def _fuzz(target: str, seconds: int) -> _Fuzzed:
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    began, fault = time.perf_counter(), ""
    command = [sys.executable, "-m", "benchmarks.fuzz.run_target", target, str(folder), str(seconds)]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        try:
            code = subprocess.run(
                command, cwd=ROOT, stdout=log, stderr=log, timeout=seconds + _GRACE_S, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            fault, code = "the process hangs", 0
        taken = time.perf_counter() - began
        log.seek(0)
        said = log.read()
    (folder / "log.txt").write_text(said, encoding="utf-8")
    if code:
        reasons = [" ".join(filter(None, each)) for each in _FAILED.findall(said)]
        fault = reasons[0] if reasons else f"exit code {code}: {said[-200:]}"
    inputs, branches, kept = max((tuple(map(int, each)) for each in _PROGRESS.findall(said)), default=(0, 0, 0))
    return _Fuzzed(target, taken, inputs, branches, kept, fault)
