"""How long coverage-guided fuzzing of all parsing goes on without a crash, a hang, or an error that is not ours."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.finding import ROOT, BenchmarkFailed, Finding, Floor, Setting, missed
from benchmarks.fuzz import TARGETS

CORPUS = ROOT / "work" / "fuzz"
"""Where inputs that reached something new are kept, and those that failed; git does not see it."""

_GRACE_S = 180  # for loading, and for a last input that hangs
_STUCK = 124  # as the command timeout exits
_LEAST_S = 5  # loading alone takes as long
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
        pauses: times that an input took too long and, tried again, did not.
        fault: what it ended at; empty where nothing was found.
    """

    target: str
    seconds: float
    inputs: int
    branches: int
    kept: int
    pauses: int
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
                f"10 s, and again when tried alone, counts as a hang; {sum(each.pauses for each in found)} took as long "
                "once, when the machine stood still. The corpus is kept, and a later run goes on from it."
            ),
        ),
        faults=(*(f"{each.target}: {each.fault}" for each in found if each.fault), *missed(floors)),
        floors=floors,
    )


def _fuzz(target: str, seconds: int) -> _Fuzzed:
    """Fuzz a target for so many seconds in all, from process to process where one ended without a fault of ours."""
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    total = _Fuzzed(target, 0.0, 0, 0, 0, 0, "")
    while total.seconds < seconds - _LEAST_S and not total.fault:
        found = _run(target, folder, round(seconds - total.seconds))
        pause = "timeout" in found.fault and not _hangs_again(target, folder)
        total = _Fuzzed(
            target,
            total.seconds + found.seconds,
            total.inputs + found.inputs,
            max(total.branches, found.branches),
            found.kept,
            total.pauses + pause,
            "" if pause else found.fault,
        )
    return total


def _run(target: str, folder: Path, seconds: int) -> _Fuzzed:
    began = time.perf_counter()
    code, said = _process(target, folder, seconds)
    taken = time.perf_counter() - began
    (folder / "log.txt").write_text(said, encoding="utf-8")
    reasons = [" ".join(filter(None, each)) for each in _FAILED.findall(said)]
    fault = (reasons[0] if reasons else f"exit code {code}: {said[-200:]}") if code else ""
    inputs, branches, kept = max((tuple(map(int, each)) for each in _PROGRESS.findall(said)), default=(0, 0, 0))
    return _Fuzzed(target, taken, inputs, branches, kept, 0, fault)


def _hangs_again(target: str, folder: Path) -> bool:
    """Return whether the input that took too long last does so again: the machine itself may have stood still."""
    last = max(folder.glob("timeout-*"), key=lambda path: path.stat().st_mtime)
    return any(_process(target, folder, 0, str(last))[0] for _ in range(3))


def _process(target: str, folder: Path, seconds: int, *only: str) -> tuple[int, str]:
    """Return the exit code of a target's process, and what it said."""
    command = [sys.executable, "-m", "benchmarks.fuzz.run_target", target, str(folder), str(seconds), *only]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        try:
            code = subprocess.run(
                command, cwd=ROOT, stdout=log, stderr=log, timeout=seconds + _GRACE_S, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            code = _STUCK
        log.seek(0)
        return code, log.read()
