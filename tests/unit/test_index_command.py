"""`shelfsense-train index`: a copy of a bundle with other heads, and what became of the rows."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from shelfsense.bundle import Bundle
from shelfsense.reformulation.head_files import read_head_files
from shelfsense.reformulation.head_index import HeadIndex
from shelfsense_training.cli import app


def test_it_says_what_it_read_and_writes_the_heads(tiny_bundle: Path, tmp_path: Path) -> None:
    heads, out = tmp_path / "heads.csv", tmp_path / "out"
    heads.write_text("query,locale,volume\nred shoes,en,10\nRed  Shoes,en,5\nme@example.com,en,3\nlampe,de,2\n")
    arguments = ["index", "--heads", str(heads), "--bundle", str(tiny_bundle), "--out", str(out)]
    ran = CliRunner().invoke(app, arguments)
    assert ran.exit_code == 0, ran.output
    assert "4 rows read, 1 merged, 1 dropped (e-mail 1)" in ran.stderr
    assert "embedding" not in ran.stderr  # a short list needs no bar
    assert ran.stdout.strip() == f"{out}: 2 heads in 2 locales"
    index = HeadIndex.load(Bundle.open(out))
    assert [(match.query, match.volume) for match in index.exact("en", ["red shoes"])] == [("Red  Shoes", 15.0)]
    table, vectors = read_head_files(Bundle.open(out))
    assert (len(table), len(vectors)) == (2, 2)
