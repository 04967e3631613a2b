"""Importing the client must not cost a caller the weight of a server."""

from __future__ import annotations

import subprocess
import sys

_HEAVY = ("numpy", "torch", "onnxruntime", "pyarrow", "faiss", "pydantic", "typer", "rich")


def test_importing_the_client_imports_nothing_heavy() -> None:
    script = f"import sys, shelfsense_client; print([m for m in {_HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_command_names_the_missing_extra_and_exits_with_2() -> None:
    script = (
        "import sys; sys.modules['typer'] = None; sys.argv = ['shelfsense', 'serve']\n"
        "from shelfsense.entry import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "shelfsense[server]" in done.stderr
    assert "Traceback" not in done.stderr
