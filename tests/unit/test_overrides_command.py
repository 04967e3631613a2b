"""`shelfsense overrides check`, and the file that `docs/overrides.md` shows how to write."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from shelfsense.bundle import Bundle
from shelfsense.cli.app import app
from shelfsense.overrides.override_table import OverrideTable
from shelfsense.overrides.override_targets import OverrideTargets
from shelfsense.overrides.overrides_file import SCHEMA
from shelfsense.query import Options, Query
from shelfsense.understander import Understander
from shop_rules import parquet, rule

_PAGE = Path(__file__).parents[2] / "docs" / "overrides.md"
_NOW = datetime.now(UTC)


def check(path: Path, bundle: Path, *rows: dict[str, Any]) -> Result:
    if rows:
        path.write_bytes(parquet(rows))
    return CliRunner().invoke(app, ["overrides", "check", str(path), "--bundle", str(bundle)], env={"COLUMNS": "200"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "overrides.parquet"


def test_a_good_file_is_shown_and_exits_with_0(path: Path, tiny_bundle: Path) -> None:
    result = check(
        path,
        tiny_bundle,
        rule("pin_head", "laufschuhe", locale="de-AT", name="runners"),
        rule("remove_type", "sh", expires=_NOW - timedelta(days=1)),
    )
    assert result.exit_code == 0, result.output
    assert re.search(r"1 .*active.*runners.*red shoes.*\bde\b .*pin_head.*laufschuhe", result.stdout)
    assert re.search(r"2 .*expired.*row 2.*every locale.*remove_type", result.stdout)
    assert result.stdout.endswith("active=1 expired=1 bad=0\n")


def test_bad_rows_are_listed_and_exit_with_3(path: Path, tiny_bundle: Path) -> None:
    result = check(path, tiny_bundle, rule("add_type", "sh"), rule("add_type", "xx"), rule("shout", "sh"))
    assert result.exit_code == 3
    assert "row 2: its value is no product type of tiny" in result.stdout
    assert "row 3: its action is none of" in result.stdout
    assert "active=1 expired=0 bad=2" in result.stdout
    assert "refuses the whole file" in result.stderr


def test_a_file_that_is_none_exits_with_3_and_a_bundle_that_is_none_with_4(path: Path, tiny_bundle: Path) -> None:
    assert check(path, tiny_bundle).exit_code == 3
    path.write_bytes(b"query,locale")
    assert check(path, tiny_bundle).exit_code == 3
    assert check(path, path.parent, rule("add_type", "sh")).exit_code == 4


def test_an_expiry_beyond_every_calendar_is_shown(path: Path, tiny_bundle: Path) -> None:
    far = pa.array([2**62], pa.int64()).cast(SCHEMA.field("expires").type)
    rows = pa.Table.from_pylist([rule("add_type", "sh")], SCHEMA)
    pq.write_table(rows.set_column(5, SCHEMA.field("expires"), far), path)
    result = check(path, tiny_bundle)
    assert result.exit_code == 0, result.output
    assert "4611686018427 s" in result.stdout


def test_the_parts_of_a_bundle_are_those_its_understander_answers_with(tiny_bundle: Path) -> None:
    bundle = Bundle.open(tiny_bundle)
    understander, targets = Understander.load(bundle), OverrideTargets.load(bundle)
    assert targets.product_types.to_json() == understander.product_types.to_json()
    assert targets.thresholds.to_json() == understander.thresholds.to_json()
    assert targets.locales.tags == understander.locales.tags


def test_a_real_answer_is_overridden(tiny_bundle: Path) -> None:
    bundle = Bundle.open(tiny_bundle)
    understander, options = Understander.load(bundle), Options(top_k=1, max_reformulations=2)
    rows = [rule("add_type", "el-1", name="cables"), rule("pin_head", "usb cable 2m", locale="en", name="usb")]
    table = OverrideTable.read(parquet(rows), OverrideTargets.load(bundle), _NOW.timestamp())
    overriding = table.find("red shoes", "en", _NOW.timestamp())
    assert overriding is not None
    (plain,) = understander.understand([Query("Red Shoes", "en")], overriding.widened(options))
    found = overriding.apply(plain, options, lambda _: 0.25)
    assert [(each.id, each.accepted) for each in found.product_types] == [("el-1", True), ("el", True)]
    assert (found.reformulations[0].query, found.reformulations[0].score) == ("usb cable 2m", 1.0)
    assert found.overrides[-1] == "usb"


def test_the_file_of_the_page_is_written_and_good_for_the_starter_bundle(tmp_path: Path) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```$", _PAGE.read_text(), re.MULTILINE | re.DOTALL)
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    assert pq.read_schema(tmp_path / "overrides.parquet").remove_metadata() == SCHEMA
    result = check(tmp_path / "overrides.parquet", _PAGE.parents[1] / "bundles" / "starter")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("active=2 expired=0 bad=0\n")
