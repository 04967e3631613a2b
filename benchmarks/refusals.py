"""That a bundle which is not what its manifest promises is refused, whatever is wrong with it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.damages import Damage, damages
from benchmarks.finding import Finding, Setting
from benchmarks.processes import COMMAND
from shelfsense.bundle import Bundle
from shelfsense.cli.exit_codes import BUNDLE_REFUSED
from shelfsense.errors import BundleRefused

_FLIPS = 60


def measure(setting: Setting) -> Finding:
    """Damage a copy in one way after another and open it; one damage of each kind goes to the command too."""
    tried, refused, commanded, faults = Counter[str](), Counter[str](), dict[str, int](), list[str]()
    slowest = 0.0
    with tempfile.TemporaryDirectory(prefix="shelfsense-refusals-") as place:
        copy = Path(shutil.copytree(setting.bundle, Path(place) / "bundle"))
        found = list(damages(copy, flips=setting.times(_FLIPS)))
        for damage in found:
            tried[damage.kind] += 1
            with damage.done(copy):
                began = time.perf_counter()
                was_refused = _is_refused(copy)
                slowest = max(slowest, time.perf_counter() - began)
                if damage.kind not in commanded:
                    commanded[damage.kind] = _exit_code(copy)
            refused[damage.kind] += was_refused
            faults += [] if was_refused else [f"opened with {damage.kind}: {damage.file}"]
        Bundle.open(copy)  # whole again, so that each refusal had the one reason
    faults += [f"exit code {code} for {kind}" for kind, code in commanded.items() if code != BUNDLE_REFUSED]
    return Finding(
        title="Damaged bundles",
        claim="A damaged, incomplete, extended or newer bundle is refused, by the command with exit code 4.",
        columns=("damage", "tried", "refused by `Bundle.open`", "exit code of `shelfsense bundle verify`"),
        rows=tuple((kind, str(tried[kind]), str(refused[kind]), str(commanded[kind])) for kind in tried),
        figures={
            "tried": tried.total(),
            "refused": refused.total(),
            "flipped": tried["one flipped bit"],
            "files": _files(found),
            "slowest_refusal_s": slowest,
        },
        notes=(
            (
                f"Flipped bits at seeded places over all {_files(found)} files, the manifest and its digest among them; "
                f"one damage of each kind went to the command. The slowest refusal took {slowest:.2f} s."
            ),
        ),
        faults=tuple(faults),
    )


def _is_refused(folder: Path) -> bool:
    try:
        Bundle.open(folder)
    except BundleRefused:
        return True
    return False


def _exit_code(folder: Path) -> int:
    return subprocess.run([COMMAND, "bundle", "verify", str(folder)], capture_output=True, check=False).returncode


def _files(found: list[Damage]) -> int:
    return sum(damage.kind == "missing file" for damage in found)
