"""The exported encoder's folders, made where they are not there; knows no torch."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from benchmarks.finding import ROOT, BenchmarkFailed
from shelfsense.bundle import Bundle

PEERS = ROOT / "work" / "peers"
"""Where the folders are kept; git does not see it."""

_STAMP = "made_of"


def exported(bundle: Path) -> Path:
    """Return the folder of the folders `float` and `int8`, written first where they are not those of this bundle.

    Raises:
        BenchmarkFailed: the encoder could not be exported; it needs the extra ``training``.
    """
    opened = Bundle.open(bundle)
    made_of = f"{opened.version} {hashlib.sha256(opened.read('model.onnx')).hexdigest()}"
    stamp = PEERS / _STAMP
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != made_of:
        command = [sys.executable, "-m", "benchmarks.peers.export", str(bundle), str(PEERS)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchmarkFailed(f"the encoder could not be exported: {done.stderr[-1000:]}")
        stamp.write_text(made_of, encoding="utf-8")
    return PEERS
