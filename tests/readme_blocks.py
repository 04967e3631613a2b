"""Runs the README's blocks, and writes what they print back into it.

    python tests/readme_blocks.py --write

A ``console`` block holds commands after ``$ ``, each followed by what it prints. A ``python`` block is a
program, and the ``text`` block after it what it prints; port 50051 stands for a server of our own. A ``sh``
block holds what never ends or takes an hour, and is not run. Knows nothing of what the blocks say.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
STARTER = ROOT / "bundles" / "starter"

TOLERANCE = 0.02
"""Most that a decimal may differ: int8 rounds a little differently from one kind of processor to another."""

_FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_DECIMAL = re.compile(r"(\d+\.\d+)")
_BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, and where in the README that text stands."""

    language: str
    body: str
    start: int
    end: int
    line: int


@dataclass(frozen=True, slots=True)
class Example:
    """A block that is run, and the block that shows what it prints; for ``console`` they are one."""

    source: Block
    shown: Block

    def __str__(self) -> str:
        return f"README.md:{self.source.line}"


def blocks(readme: str) -> list[Block]:
    """Return all fenced blocks, in order."""
    found = []
    for match in _FENCE.finditer(readme):
        line = readme.count("\n", 0, match.start()) + 1
        found.append(Block(match["language"], match["body"], match.start("body"), match.end("body"), line))
    return found


def examples(readme: str) -> list[Example]:
    """Return what of a README can be run.

    Raises:
        ValueError: a ``python`` block has no ``text`` block after it.
    """
    found, all_blocks = [], blocks(readme)
    for i, block in enumerate(all_blocks):
        if block.language == "console":
            found.append(Example(block, block))
        elif block.language == "python":
            shown = all_blocks[i + 1] if i + 1 < len(all_blocks) else None
            if shown is None or shown.language != "text":
                raise ValueError(f"README.md:{block.line}: the python block needs a text block after it")
            found.append(Example(block, shown))
    return found


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs examples against a bundle.

    Attributes:
        bundle: stands as ``bundles/starter`` where the commands run, and is the default bundle.
        target: ``host:port`` of a server that serves it.
    """

    bundle: Path
    target: str

    def run(self, example: Example, folder: Path) -> str:
        """Return what the example's shown block has to hold.

        Args:
            example: the example.
            folder: an empty folder to run it in.
        """
        (folder / "bundles").mkdir()
        (folder / "bundles" / "starter").symlink_to(self.bundle, target_is_directory=True)
        if example.source.language == "python":
            program = example.source.body.replace("localhost:50051", self.target)
            return self._printed([sys.executable, "-c", program], folder)
        commands = [line for line in example.source.body.splitlines() if line.startswith("$ ")]
        return "".join(f"{line}\n{self._printed(['sh', '-c', line[2:]], folder)}" for line in commands)

    def _printed(self, command: list[str], folder: Path) -> str:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment(self.bundle),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{command[-1]!r} exited with {done.returncode}:\n{done.stdout}")
        return "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())


def environment(bundle: Path) -> dict[str, str]:
    """Return the environment of a reader who has just installed, in a terminal of 100 columns without colour."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHELFSENSE_")}
    path = f"{_BIN}{os.pathsep}{kept.get('PATH', '')}"
    return {**kept, "PATH": path, "SHELFSENSE_BUNDLE": str(bundle), "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}


@contextmanager
def serving(bundle: Path) -> Iterator[str]:
    """Serve a bundle on a free port and yield its ``host:port``."""
    command = [str(_BIN / "shelfsense"), "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=environment(bundle), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            ready = server.stdout.readline() if server.stdout is not None else ""
            if not ready.startswith("ready port="):
                raise RuntimeError(f"the server did not start; it printed {ready!r}")
            yield f"127.0.0.1:{ready.split()[1].removeprefix('port=')}"
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)


def settled(printed: str, shown: str) -> str:
    """Return what was printed, its decimals replaced by the shown ones where they differ by `TOLERANCE` at most."""
    ours, theirs = _DECIMAL.split(printed), _DECIMAL.split(shown)
    if len(ours) != len(theirs):
        return printed
    for i in range(1, len(ours), 2):
        if abs(float(ours[i]) - float(theirs[i])) <= TOLERANCE:
            ours[i] = theirs[i]
    return "".join(ours)


def rewritten(readme: str, bundle: Path) -> str:
    """Return the README with every shown block as it is printed now."""
    with serving(bundle) as target:
        runner = Runner(bundle, target)
        for example in reversed(examples(readme)):  # from the end, so that places before stay true
            with tempfile.TemporaryDirectory(prefix="shelfsense-readme-") as folder:
                printed = runner.run(example, Path(folder))
            readme = readme[: example.shown.start] + printed + readme[example.shown.end :]
    return readme


def main() -> None:
    """Print the README with fresh outputs, or write it in place."""
    parser = argparse.ArgumentParser(description="Runs the README's blocks and shows what they print.")
    parser.add_argument("--write", action="store_true", help="write README.md in place")
    parser.add_argument("--bundle", type=Path, default=STARTER, metavar="DIR", help="another bundle, for a trial")
    given = parser.parse_args()
    fresh = rewritten(README.read_text(encoding="utf-8"), given.bundle.resolve())
    if given.write:
        README.write_text(fresh, encoding="utf-8")
    else:
        sys.stdout.write(fresh)


if __name__ == "__main__":
    main()
