"""The command line: what it prints, writes and exits with."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.protobuf import json_format
from typer.testing import CliRunner, Result

from shelfsense.annotation.row import ANNOTATION_COLUMNS
from shelfsense.cli.app import app
from shelfsense.v1 import query_understanding_pb2 as pb

# Scripts find the command beside the interpreter they run on.
_COMMAND = str(Path(sys.executable).with_name("shelfsense"))


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


@contextmanager
def serving(bundle: Path) -> Iterator[str]:
    environment = {**os.environ, "SHELFSENSE_BUNDLE": str(bundle)}
    command = [_COMMAND, "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            ready = server.stdout.readline()
            assert ready.startswith("ready port="), ready
            yield f"127.0.0.1:{ready.split()[1].removeprefix('port=')}"
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=30) == 0


def answer_of(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def test_understand_prints_the_message_with_proto_names_and_defaults(tiny_bundle: Path) -> None:
    result = run("understand", "running shoes", "--locale", "en", "--top-k", "2", "--json", "--bundle", tiny_bundle)
    answer = answer_of(result)
    assert set(answer) == {"product_types", "reformulations", "info"}
    assert set(answer["product_types"][0]) == {"id", "path", "level", "probability", "threshold", "accepted"}
    assert answer["info"]["locale_used"] == "en"
    assert answer["info"]["cache_hit"] is False
    json_format.Parse(result.stdout, pb.UnderstandResponse())


def test_a_service_gives_the_answer_that_the_bundle_gives_here(tiny_bundle: Path) -> None:
    asked = ("understand", "running shoes", "--locale", "en", "--include-refused", "--json")
    here = answer_of(run(*asked, "--bundle", tiny_bundle))
    with serving(tiny_bundle) as target:
        there = answer_of(run(*asked, "--target", target))
    for answer in (here, there):
        for timing in ("queue_us", "inference_us"):
            answer["info"].pop(timing)
    assert here == there


def test_understand_shows_tables_and_takes_a_query_as_no_markup(tiny_bundle: Path) -> None:
    result = run("understand", "shoes [red] [/]", "--bundle", tiny_bundle)
    assert result.exit_code == 0, result.output
    assert "shoes [red] [/]" in result.stdout
    assert "Level 1" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "fact"),
    [
        (("understand", ""), 3, "text: is empty"),
        (("understand", "shoes", "--locale", "not a tag"), 3, "locale:"),
        (("understand", "shoes", "--target", "127.0.0.1:1"), 1, "UNAVAILABLE"),
        (("understand",), 2, "Missing argument"),
        (("understand", "shoes", "--top-k", "0"), 2, "--top-k"),
        (("understand", "shoes", "--bundle", "no/such/folder"), 4, "is no folder"),
        (("serve", "--port", "70000"), 2, "SHELFSENSE_PORT"),
        (("serve", "--bundle", "no/such/folder"), 4, "is no folder"),
    ],
)
def test_every_failure_has_its_exit_code(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, fact: str
) -> None:
    monkeypatch.setenv("SHELFSENSE_BUNDLE", str(tiny_bundle))
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert fact in result.stderr
    assert "Traceback" not in result.stderr


def test_a_setting_of_the_environment_that_cannot_be_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFSENSE_PORT", "many")
    result = run("serve")
    assert result.exit_code == 2
    assert "SHELFSENSE_PORT" in result.stderr


def test_annotate_csv_keeps_every_row_and_marks_the_bad_ones(tiny_bundle: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(
        b"id,query,locale\n"
        b'1,"running shoes, red",en\n'
        b"2,,en\n"
        b"3,ni\xf1o,es\n"
        b"4,shoes,not a tag\n"
        b'5,"running shoes, red",en\n'
    )
    result = run("annotate", source, target, "--bundle", tiny_bundle, "--top-k", "1", "--batch-size", "2")
    assert result.exit_code == 0, result.output
    assert "5 rows: 2 ok, 3 invalid, 0 error" in result.stderr
    assert b"\n3,ni\xf1o,es," in target.read_bytes()
    with target.open(encoding="utf-8", errors="surrogateescape", newline="") as text:
        rows = list(csv.DictReader(text))
    assert list(rows[0]) == ["id", "query", "locale", *ANNOTATION_COLUMNS]
    assert [row["status"] for row in rows] == ["ok", "invalid", "invalid", "invalid", "ok"]
    assert all(row["error"] for row in rows[1:4])
    assert {**rows[0], "id": ""} == {**rows[4], "id": ""}
    levels = json.loads(rows[0]["levels"])
    assert levels == sorted(set(levels), reverse=True)


def test_annotate_parquet_says_what_understand_says(tiny_bundle: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    table = pa.table({"text": ["running shoes", None], "n": [1, 2]})
    pq.write_table(table, source)
    result = run("annotate", source, target, "--query-column", "text", "--locale", "en", "--bundle", tiny_bundle)
    assert result.exit_code == 0, result.output
    annotated = pq.read_table(target)
    assert annotated.select(["text", "n"]).equals(table)
    first, null = annotated.to_pylist()
    assert (first["status"], null["status"]) == ("ok", "invalid")
    answer = answer_of(run("understand", "running shoes", "--locale", "en", "--json", "--bundle", tiny_bundle))
    assert first["product_type_ids"] == [each["id"] for each in answer["product_types"]]
    assert first["accepted"] == [each["accepted"] for each in answer["product_types"]]
    assert first["reformulations"] == [each["query"] for each in answer["reformulations"]]


def test_annotate_names_the_columns_there_are(tiny_bundle: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("text,lang\nshoes,en\n")
    result = run("annotate", source, tmp_path / "out.csv", "--bundle", tiny_bundle)
    assert result.exit_code == 3
    assert "no column 'query'; the columns are: text, lang" in result.stderr
    assert not (tmp_path / "out.csv").exists()


def test_bundle_verify_says_ok_or_refuses_a_flipped_byte(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, copy)
    result = run("bundle", "verify", copy)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("ok bundle=")
    model = copy / "model.onnx"
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)
    result = run("bundle", "verify", copy)
    assert result.exit_code == 4
    assert "bundle refused: model.onnx: differs from its digest" in result.stderr


def test_bundle_show_tells_manifest_evidence_and_files(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    result = run("bundle", "show", tiny_bundle)
    assert result.exit_code == 0, result.output
    for fact in ("label_space", "What its promises rest on", "und", "model.onnx", "tokenizer.json"):
        assert fact in result.stdout


def test_the_installed_command_runs() -> None:
    done = subprocess.run([_COMMAND, "--help"], capture_output=True, text=True, check=True)
    for command in ("serve", "understand", "annotate", "bundle"):
        assert command in done.stdout
