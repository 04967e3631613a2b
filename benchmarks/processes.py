"""Server processes: started, waited for until their ready line, looked at through /proc, stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.finding import ROOT, BenchmarkFailed
from benchmarks.machine import pinned

COMMAND = str(Path(sys.executable).with_name("shelfsense"))
"""The installed command, beside the interpreter that runs this."""

_STOP_S = 30
_LOG_TAIL = 2000  # characters of a failed process's log that are shown


@dataclass(frozen=True, slots=True)
class Running:
    """A server that is ready.

    Attributes:
        pid: its process.
        target: where it listens.
        bundle: the version its ready line names.
        seconds: from the start of the process to its ready line.
    """

    pid: int
    target: str
    bundle: str
    seconds: float

    def memory_mb(self, what: str = "VmRSS") -> float:
        """Return memory of the process in MB (1,000,000 bytes), by its name in /proc/PID/status."""
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise BenchmarkFailed(f"/proc/{self.pid}/status does not tell {what}")

    def has_mapped(self, package: str) -> bool:
        """Return whether the process has mapped a native library of an installed package."""
        return f"/site-packages/{package}/" in Path(f"/proc/{self.pid}/maps").read_text(encoding="utf-8")


def serving(bundle: Path, *, core: int | None = None) -> AbstractContextManager[Running]:
    """Serve a bundle on any free port, on a core if one is named."""
    return started([COMMAND, "serve", "--bundle", str(bundle), "--port", "0"], core=core)


@contextmanager
def started(
    command: Sequence[str],
    *,
    core: int | None = None,
    folder: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    limit_s: float = 60,
) -> Iterator[Running]:
    """Start a command that prints ``ready port=N ...`` and stop it, with all it started, at the end.

    Args:
        command: the command and its arguments.
        core: where it runs; None: anywhere.
        folder: where it is started.
        environment: its variables; None: ours.
        limit_s: seconds it may take until it is ready.

    Raises:
        BenchmarkFailed: it ended, or took longer, before it was ready.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        began = time.perf_counter()
        with pinned(core):
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        with process:
            try:
                ready = _ready_line(process, log, limit_s)
                seconds = time.perf_counter() - began
                yield Running(process.pid, f"127.0.0.1:{ready['port']}", ready.get("bundle", ""), seconds)
            finally:
                _stop(process)


def _ready_line(process: subprocess.Popen[str], log: IO[str], limit_s: float) -> dict[str, str]:
    """Return what the ready line says, name by name."""
    timer = threading.Timer(limit_s, _signal, (process, signal.SIGKILL))
    timer.start()
    try:
        for line in process.stdout or ():
            word, *facts = line.split() or [""]
            if word == "ready":
                return dict(fact.split("=", 1) for fact in facts)
    finally:
        timer.cancel()
    log.seek(0)
    raise BenchmarkFailed(f"{process.args!r} was not ready within {limit_s:g} s: {log.read()[-_LOG_TAIL:]}")


def _stop(process: subprocess.Popen[str]) -> None:
    _signal(process, signal.SIGTERM)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    # The session is the command's own: the signal reaches what it started, and nothing else.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
