"""The README's blocks print what it shows; `python tests/readme_blocks.py --write` renews what they show."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

from readme_blocks import README, ROOT, STARTER, Example, Runner, blocks, environment, examples, serving, settled

_README = README.read_text(encoding="utf-8")
_UNENDING = [
    line for block in blocks(_README) if block.language == "sh" for line in block.body.splitlines() if line.strip()
]


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    if not STARTER.is_dir():
        pytest.skip("bundles/starter is not there; make it with shelfsense-train starter --out bundles/starter")
    with serving(STARTER) as target:
        yield Runner(STARTER, target)


@pytest.mark.parametrize("example", examples(_README), ids=str)
def test_a_block_prints_what_the_readme_shows(runner: Runner, example: Example, tmp_path: Path) -> None:
    printed = runner.run(example, tmp_path)
    assert settled(printed, example.shown.body) == example.shown.body


@pytest.mark.parametrize("line", _UNENDING)
def test_what_is_not_run_exists_at_least(line: str) -> None:
    command = shlex.split(line, comments=True)
    options = [word for word in command if word.startswith("--")]
    words = takewhile(lambda word: not word.startswith("-") and "/" not in word, command)
    asked = ["make", "-n", *command[1:]] if command[0] == "make" else [*words, "--help"]
    wide = {**environment(STARTER), "COLUMNS": "300"}
    done = subprocess.run(asked, cwd=ROOT, env=wide, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [option for option in options if option not in done.stdout] == []


def test_decimals_may_differ_a_little_and_nothing_else_may() -> None:
    shown = "✓ shoes 0.912 of 3\n"
    assert settled("✓ shoes 0.915 of 3\n", shown) == shown
    for other in ("✓ shoes 0.982 of 3\n", "– shoes 0.912 of 3\n", "✓ shoes 0.912 of 4\n", "✓ shoes 0.912 of 3.0\n"):
        assert settled(other, shown) != shown
