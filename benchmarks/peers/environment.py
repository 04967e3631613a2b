"""``python -m benchmarks.peers.environment``: the virtual environment of the peers, apart from the project's own.

torch comes from where the project's own came from: a CPU build, which names no CUDA package. An installation that
would bring one is refused before it begins.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.finding import ROOT, BenchmarkFailed

FOLDER = ROOT / "work" / "peers_venv"
"""Where it is; git does not see it."""

PYTHON = FOLDER / "bin" / "python"
"""Its interpreter."""

# infinity-emb 0.0.78 needs numpy below 2 and imports optimum's BetterTransformer, which ends with transformers 4.49;
# later optimum wants graph files by names that infinity does not give. sentence-transformers and pyarrow are the
# newest that go with those.
_PACKAGES = (
    "infinity-emb[server,optimum]==0.0.78",
    "litserve==0.2.19",
    "optimum==1.24.0",
    "transformers==4.48.3",
    "sentence-transformers==3.4.1",
    "model2vec==0.9.0",
    "fasttext-numpy2==0.10.4",
    "numpy<2",
    "pyarrow==20.0.0",
)
_SAME = ("torch", "onnxruntime")  # as the project's own, so that servers are compared and not libraries
_STAMP = FOLDER / "peers.done"
_CUDA = ("nvidia-", "cuda-", "triton")


def interpreter() -> Path:
    """Return the environment's interpreter, installed first where it is not there.

    Raises:
        BenchmarkFailed: it cannot be installed; the reason is pip's.
    """
    packages = (*_PACKAGES, *(f"{name}=={version(name).split('+')[0]}" for name in _SAME))
    if not _STAMP.exists() or _STAMP.read_text(encoding="utf-8") != "\n".join(packages):
        if not PYTHON.exists():
            _run([sys.executable, "-m", "venv", str(FOLDER)])
        _refuse_cuda(packages)
        _run([str(PYTHON), "-m", "pip", "install", "--quiet", *packages])
        _STAMP.write_text("\n".join(packages), encoding="utf-8")
    return PYTHON


def versions(names: Sequence[str]) -> dict[str, str]:
    """Return the versions of packages in the environment."""
    code = f"from importlib.metadata import version; import json; print(json.dumps({{n: version(n) for n in {list(names)}}}))"
    found: dict[str, str] = json.loads(_run([str(interpreter()), "-c", code]))
    return found


def variables() -> dict[str, str]:
    """Return the environment variables that peers run with: one thread, no hub, no reports home."""
    quiet = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(ROOT / "work" / "peers" / "hub"), "DO_NOT_TRACK": "1"}
    quiet |= {"INFINITY_ANONYMOUS_USAGE_STATS": "0", "TOKENIZERS_PARALLELISM": "false"}
    return {**os.environ, **quiet, "OMP_NUM_THREADS": "1"}


def _refuse_cuda(packages: Sequence[str]) -> None:
    plan = [str(PYTHON), "-m", "pip", "install", "--quiet", "--dry-run", "--report", "-", *packages]
    report = json.loads(_run(plan))
    names = {each["metadata"]["name"].lower() for each in report["install"]}
    cuda = sorted(name for name in names if name.startswith(_CUDA))
    if cuda:
        raise BenchmarkFailed(
            f"pip would install {', '.join(cuda)}; let it find a CPU build of torch (--find-links or --index-url)"
        )


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkFailed(f"{' '.join(command[:5])} ... failed: {done.stderr[-1000:]}")
    return done.stdout


if __name__ == "__main__":
    print(interpreter())
