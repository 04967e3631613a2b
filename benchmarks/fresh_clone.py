"""What a newcomer waits for: from ``git clone`` to a server that answers, with nothing installed before."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.finding import ROOT, BenchmarkFailed, Finding, Setting
from benchmarks.processes import started
from shelfsense_client import Client

_SERVE_LIMIT_S = 900
_TEST_LIMIT_S = 3600
_LOG_TAIL = 2000


def measure(setting: Setting) -> Finding:
    """Clone what is committed, serve it and ask one query; with tests, time them too."""
    with tempfile.TemporaryDirectory(prefix="shelfsense-clone-") as place:
        clone = Path(place) / "shelfsense"
        cloning = _timed(["git", "clone", "--quiet", str(ROOT), str(clone)], ROOT)
        environment = _newcomers()
        command = ["make", "serve", "ARGS=--port 0"]
        with (
            started(command, folder=clone, environment=environment, limit_s=_SERVE_LIMIT_S) as server,
            Client(server.target, timeout=10) as client,
        ):
            types = len(client.understand("running shoes", locale="en").product_types)
        has_torch = _has_torch(clone)
        testing = _timed(["make", "test"], clone) if setting.with_tests else None
    tests = [] if testing is None else [("`make test`, its installation included", f"{testing:.0f} s")]
    return Finding(
        title="From a fresh clone",
        claim="`make serve` in a fresh clone installs the server without torch and answers.",
        columns=("step", "result"),
        rows=(
            ("`git clone` of the checkout, from disk", f"{cloning:.1f} s"),
            ("`make serve` to the ready line", f"{server.seconds:.0f} s"),
            ("product types of the first answer", str(types)),
            ("torch installed", "yes" if has_torch else "no"),
            *tests,
        ),
        figures={
            "clone_s": cloning,
            "make_serve_ready_s": server.seconds,
            "torch_installed": has_torch,
            "bundle_served": server.bundle,
            **({} if testing is None else {"make_test_s": testing}),
        },
        notes=("Without pip's cache: every wheel is fetched from the package index this machine uses.",),
        faults=("torch is installed",) if has_torch else (),
    )


def _newcomers() -> dict[str, str]:
    """Return our environment without what a newcomer would not have set."""
    ours = ("SHELFSENSE_", "MAKE", "MFLAGS", "VIRTUAL_ENV", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {"PIP_NO_CACHE_DIR": "1"}


def _timed(command: Sequence[str], folder: Path) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=_newcomers(), capture_output=True, text=True, check=False, timeout=_TEST_LIMIT_S
    )
    if done.returncode:
        raise BenchmarkFailed(
            f"{' '.join(command)} ended with {done.returncode}: {done.stdout[-_LOG_TAIL:]}{done.stderr}"
        )
    return time.perf_counter() - began


def _has_torch(clone: Path) -> bool:
    script = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is not None)"
    return subprocess.run([str(clone / ".venv/bin/python"), "-c", script], check=False).returncode != 0
