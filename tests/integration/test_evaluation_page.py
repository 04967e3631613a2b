"""`shelfsense-train evaluate` on the starter bundle: its page of pictures, from a small data file of our own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from shelfsense_training.cli import main

STARTER = Path(__file__).parents[2] / "bundles" / "starter"
pytestmark = pytest.mark.skipif(not STARTER.is_dir(), reason="bundles/starter is absent")

QUERIES = (
    ("running shoes", "en", "aa-8"),
    ("laufschuhe damen", "de", "aa-8"),
    ("zapatillas para correr", "es", "aa-8"),
    ("wrist watch", "en", "aa-6"),
    ("regenschirm", "de", "aa-2"),
    ("sofá de dos plazas", "es", "fr"),
    ("<b>wireless</b> headphones", "en", "el"),
    ("hundefutter", "de", "ap"),
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "own.csv"
    rows = [f'"{text}",{locale},{kind},1' for text, locale, kind in QUERIES]
    # Wrong on purpose, so that there is a confusion to show.
    rows += [f'"{colour} <b>shoes</b>",en,el,1' for colour in ("red", "blue")]
    path.write_text("\n".join(["query,locale,product_type_id,label", *rows]) + "\n")
    return path


def test_the_page_stands_beside_the_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path
) -> None:
    study = tmp_path / "study.json"
    figure = {"data": "simulated", "value": 0.4, "low": 0.38, "high": 0.42}
    study.write_text(
        json.dumps(
            {
                "variants": [figure | {"metric": "R@P0.8", "scope": "global", "variant": "aware", "seeds": 3}],
                "gains": [{"data": "simulated", "locale": "sv-SE", "training_queries": 312, "gain": 0.2}],
                "cold_start": [figure | {"locale": "pl", "system": "aware", "labels": 0, "metric": "R@P0.8"}],
            }
        )
    )
    command = ["evaluate", "--bundle", STARTER, "--data", data, "--resamples", 20, "--origin", "own writing"]

    def page(*more: str | Path) -> str:
        out = tmp_path / f"out{len(more)}"
        monkeypatch.setattr(sys, "argv", ["shelfsense-train", *map(str, (*command, "--out", out, *more))])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        assert (out / "metrics.json").exists()
        return (out / "report.html").read_text(encoding="utf-8")

    shown = page("--study", study)
    for section in ("precision-recall", "reliability", "locales", "variants", "gain", "cold-start", "confusions"):
        assert f'<section id="{section}">' in shown
    assert "red &lt;b&gt;shoes&lt;/b&gt;" in shown
    assert "own.csv (own writing)" in shown
    assert "keep this page where that file is kept" in shown
    withheld = page("--no-queries")
    assert not any(words in withheld for words in ("&lt;b&gt;", "laufschuhe", "hundefutter"))
    assert 'id="variants"' not in withheld


def test_a_bad_study_ends_with_3_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path
) -> None:
    study = tmp_path / "study.json"
    study.write_text('{"gains": [{"data": "real"}]}')
    out = tmp_path / "out"
    command = ("evaluate", "--bundle", STARTER, "--data", data, "--out", out, "--study", study)
    monkeypatch.setattr(sys, "argv", ["shelfsense-train", *map(str, command)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    assert "gains[0]: lacks training_queries" in capsys.readouterr().err.replace("\n", " ")
    assert not out.exists()
