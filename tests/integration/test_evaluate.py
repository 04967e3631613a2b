"""`shelfsense-train evaluate` and `fidelity`, from files to files, on the tiny bundle."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfsense.bundle import Bundle
from shelfsense.locale_calibration import LocaleCalibration
from shelfsense.models.onnx_weights import load_int8
from shelfsense.query import Options
from shelfsense.thresholds import LocaleThresholds, Thresholds
from shelfsense.understander import Understander
from shelfsense_training.checkpoints import save_checkpoint
from shelfsense_training.cli import main
from shelfsense_training.evaluation.figures import FIGURES
from shelfsense_training.evaluation.labelled_queries import read_labelled_queries
from shelfsense_training.evaluation.scoring import accepted_types, answers, by_length, prepare, threshold_rows

NEEDS = (
    ("running shoes", "sh-1"),
    ("coffee machine", "ho-1"),
    ("usb cable", "el-1"),
    ("red shoes", "sh-2"),
    ("kaffee maschine", "ho-1"),
)
COLOURS = ("", "red ", "a ", "big ", "ab ", "de ")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Thirty queries in two locales, one of them with a type that the tree has not."""
    lines = ["query,locale,product_type_id,label,volume"]
    for colour in COLOURS:
        for i, (text, name) in enumerate(NEEDS):
            locale = "en" if i < 4 else "de"
            volume = 3 if locale == "en" else 1
            lines.append(f"{colour}{text},{locale},{name},1,{volume}")
            lines.append(f"{colour}{text},{locale},sh,0,{volume}")
    lines.append("ice 1,en,,1,3")
    path = tmp_path / "data.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """Run the command line as the installed script does, and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["shelfsense-train", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def read(path: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(path.read_text())
    return parsed


def test_a_bundle_is_measured_per_level_and_locale(
    monkeypatch: pytest.MonkeyPatch, tiny_bundle: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ("evaluate", "--bundle", tiny_bundle, "--data", data, "--resamples", 50)
    assert run(monkeypatch, *map(str, command), "--out", out) == 0
    report = read(out / "metrics.json")
    assert report["data"] == {"file": "data.csv", "queries": 31, "unmapped": 1, "without_positive": 0, "unknown": 0}
    assert report["baseline"] is None
    assert list(report["levels"]) == ["1", "2"]
    level = report["levels"]["2"]
    assert (level["types"], list(level["locales"])) == (4, ["de", "en"])
    english = level["locales"]["en"]
    assert (english["queries"], english["unmapped"], english["volume"]) == (25, 1, 75.0)
    assert english["acceptable_nodes"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert list(english["bundle"]) == list(FIGURES)
    values = [level["locales"][locale]["bundle"]["top_3"]["value"] for locale in ("de", "en")]
    assert level["mean"]["bundle"]["top_3"]["value"] == pytest.approx(np.mean(values), abs=1e-5)
    weighted = np.average(values, weights=[6, 75])
    assert level["traffic_weighted"]["bundle"]["top_3"]["value"] == pytest.approx(weighted, abs=1e-5)
    for name in FIGURES:
        figure = english["bundle"][name]
        assert figure["value"] is None or figure["low"] <= figure["value"] <= figure["high"]
    table = (out / "metrics.md").read_text()
    assert "## Level 2 (4 types)" in table
    assert "| weighted by traffic | bundle |" in table
    again = tmp_path / "again"
    assert run(monkeypatch, *map(str, command), "--out", again) == 0
    assert read(again / "metrics.json") == report


def test_fasttext_stands_beside_the_bundle(
    monkeypatch: pytest.MonkeyPatch, tiny_bundle: Path, data: Path, tmp_path: Path
) -> None:
    rows = [{"text": f"{c}{text}", "locale": "en", "types": [name]} for c in COLOURS for text, name in NEEDS]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    baseline = ("--baseline-rows", tmp_path / "rows.parquet", "--baseline-validation", data)
    budget = ("--baseline-examples", "2000", "--resamples", "50")
    out = tmp_path / "out"
    assert run(monkeypatch, "evaluate", "--bundle", tiny_bundle, "--data", data, "--out", out, *baseline, *budget) == 0
    report = read(out / "metrics.json")
    assert len(report["baseline"]["trials"]) == 4
    assert report["baseline"]["validation_queries"] == 31
    mean = report["levels"]["1"]["mean"]
    for name in FIGURES:
        ours, theirs, difference = (mean[system][name]["value"] for system in ("bundle", "fasttext", "difference"))
        if None not in (ours, theirs, difference):
            locales = report["levels"]["1"]["locales"].values()
            if all(cell["difference"][name]["value"] is not None for cell in locales):
                assert difference == pytest.approx(ours - theirs, abs=1e-5)
    assert mean["fasttext"]["top_1"]["value"] > 0.8  # it has seen every one of these queries
    assert "| mean over locales | difference |" in (out / "metrics.md").read_text()


def test_another_bundle_stands_beside_the_bundle(
    monkeypatch: pytest.MonkeyPatch, tiny_bundle: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ("evaluate", "--bundle", tiny_bundle, "--data", data, "--out", out, "--resamples", "50")
    assert run(monkeypatch, *command, "--other", tiny_bundle) == 0
    for level in read(out / "metrics.json")["levels"].values():
        assert level["mean"]["other"] == level["mean"]["bundle"]
        assert level["mean"]["difference"]["top_1"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert "| mean over locales | other |" in (out / "metrics.md").read_text()
    assert run(monkeypatch, *command, "--other", tiny_bundle, "--baseline-rows", data) != 0


def test_what_counts_as_accepted_is_what_the_service_accepts(tiny_bundle: Path, data: Path) -> None:
    understander = Understander.load(Bundle.open(tiny_bundle))
    types = understander.product_types
    queries = read_labelled_queries(data, types).queries
    prepared = prepare(understander, queries)
    bare = LocaleThresholds((0.5, 0.5), "composed", 0.9, "composed", ((1.25, -0.5), (0.75, 0.25)))
    # One locale's probabilities stay the network's own.
    entries = {tag: replace(bare, calibration=()) if tag == "de" else bare for tag in understander.locales.tags}
    calibration = LocaleCalibration(types, Thresholds(entries))
    output = answers(understander.infer, prepared, types, by_length(prepared), "test", calibration=calibration)
    values = np.sort(output.probabilities.ravel())[len(prepared) : -len(prepared)]
    gap = int(np.diff(values).argmax())  # no rounding of a batch reaches across it
    middle = float(values[gap : gap + 2].mean())
    thresholds = Thresholds(
        {
            tag: replace(entry, product_types=(middle, 2.0), types=dict.fromkeys(("sh-1", "ho-1", "el-1"), middle))
            for tag, entry in entries.items()
        }
    )
    served = Understander(
        understander.bundle,
        understander._engine,
        understander.tokenizer,
        types,
        thresholds,
        understander.heads,
    )
    known = np.array([each.known for each in prepared])
    accepted = accepted_types(types, output.probabilities, threshold_rows(thresholds, prepared, types), known)
    expected = np.zeros_like(accepted)
    for i, each in enumerate(prepared):
        answer = served.answer(each, understander.infer([each]).rows()[0], Options(top_k=100))
        expected[i, [types.index[found.id] for found in answer.product_types if found.accepted]] = True
    assert accepted.tolist() == expected.tolist()
    assert 0 < accepted.sum() < accepted.size


def test_fidelity_compares_with_torch_and_with_itself_in_batches(
    monkeypatch: pytest.MonkeyPatch, tiny_bundle: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ("fidelity", "--bundle", tiny_bundle, "--data", data, "--out", out, "--resamples", "20")
    assert run(monkeypatch, *command) == 0
    report = read(out / "fidelity.json")
    assert report["queries"] == 31
    alone = report["batch_independence"]
    assert alone["max_probability_difference"] < 1e-4
    assert alone["min_cosine"] > 0.9999
    assert alone["unequal_sets"] == 0
    torch = report["references"]["torch"]
    assert torch["min_cosine"] > 0.9
    assert torch["max_probability_difference"] < 0.1
    assert list(torch["levels"]["1"]) == ["all", "de", "en"]
    assert {"queries", "micro_f1", "reference_micro_f1", "difference"} == set(torch["levels"]["1"]["en"])


@pytest.mark.parametrize(
    ("row", "fact"),
    [
        ("shoes,en,sh-9,1", "line 2: product_type_id 'sh-9' is no type of tiny"),
        ("shoes,e n,sh-1,1", "line 2: locale 'e n' is not a BCP 47 tag"),
        ("\u200b,en,sh-1,1", "line 2: query holds only white space"),
    ],
)
def test_bad_rows_end_with_3_and_the_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tiny_bundle: Path,
    tmp_path: Path,
    row: str,
    fact: str,
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(f"query,locale,product_type_id,label\n{row}\n")
    assert run(monkeypatch, "evaluate", "--bundle", tiny_bundle, "--data", path, "--out", tmp_path) == 3
    assert fact in capsys.readouterr().err


def test_exit_codes_of_usage_and_bundles(monkeypatch: pytest.MonkeyPatch, data: Path, tmp_path: Path) -> None:
    assert run(monkeypatch, "evaluate", "--bundle", tmp_path, "--data", data, "--out", tmp_path) == 4
    assert run(monkeypatch, "evaluate", "--data", data) == 2
    lone = ("--baseline-validation", data)
    assert run(monkeypatch, "evaluate", "--bundle", tmp_path, "--data", data, "--out", tmp_path, *lone) == 2


def test_fidelity_compares_with_the_float_weights_of_a_checkpoint(
    monkeypatch: pytest.MonkeyPatch, tiny_bundle: Path, data: Path, tmp_path: Path
) -> None:
    model = load_int8(Bundle.open(tiny_bundle).read("model.onnx"))
    checkpoint = tmp_path / "calibrated.pt"
    save_checkpoint(checkpoint, {"model": model.state_dict()})
    out = tmp_path / "out"
    command = ("fidelity", "--bundle", tiny_bundle, "--data", data, "--out", out, "--resamples", "0")
    assert run(monkeypatch, *command, "--checkpoint", checkpoint) == 0
    references = read(out / "fidelity.json")["references"]
    # The checkpoint holds the very weights that the torch engine reads back.
    assert references["float32"]["min_cosine"] == pytest.approx(references["torch"]["min_cosine"], abs=1e-5)
    assert run(monkeypatch, *command, "--checkpoint", tmp_path / "none.pt") == 3
