"""`shelfsense-train onboard` on the starter bundle: a Belgian pet shop, whose shoppers mean other things by Dutch words.

Queries are the project's own Dutch ones; a few steps, for what is shown is that it works and what it leaves alone.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfsense.bundle import Bundle
from shelfsense.query import Query
from shelfsense.reformulation.head_files import read_head_files
from shelfsense.thresholds import THRESHOLDS, Thresholds
from shelfsense.understander import Understander
from shelfsense_training.cli import main
from shelfsense_training.sources.lexicon import read_asked
from shelfsense_training.sources.splits import hash_bucket

STARTER = Path(__file__).parents[2] / "bundles" / "starter"
pytestmark = pytest.mark.timeout(600)  # some 20 s of one core; a busy machine takes longer
PETS = "ap-2"
OTHERS = (
    ("rode lamp", "nl"),
    ("running shoes", "en"),
    ("kaffeemaschine", "de"),
    ("スニーカー", "ja"),
    ("طاولة", "ar-SA"),
    ("lampa", ""),
    ("lampe", "is"),
    ("usb kabel 2 m", "da"),
)


@dataclass(frozen=True)
class Run:
    """One onboarding: its files, the code it left with, and the old bundle's digests before."""

    folder: Path
    code: int
    digests: dict[str, str]

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def report(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads((self.folder / "out.report" / "report.json").read_text())
        return parsed


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def command(*arguments: str | Path) -> int:
    """Run the command line as the installed script does, and return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["shelfsense-train", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0)


def write_files(folder: Path) -> None:
    texts = sorted({a.text for a in read_asked() if a.locale == "nl"}, key=lambda text: hash_bucket(text, 2**32))[:340]
    with (folder / "queries.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("query", "volume"))
        rows.writerows((text, 1000 // (i + 1)) for i, text in enumerate(texts))
        rows.writerows([("jan@voorbeeld.be", 50), ("", 7), ("lamp", "veel")])
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("query", "product_type_id", "label"))
        rows.writerows((text, PETS, 1) for text in texts[:300])
        rows.writerow((texts[0], "zz-9", 1))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    if not (STARTER / "manifest.json").is_file():
        pytest.skip("bundles/starter is not here")
    folder = tmp_path_factory.mktemp("onboard")
    write_files(folder)
    before = digests(STARTER)
    files = ("--queries", folder / "queries.csv", "--labels", folder / "labels.csv")
    options = ("--most-steps", 48, "--resamples", 50, "--bundle", STARTER, "--out", folder / "out")
    return Run(folder, command("onboard", "--locale", "nl-be", *files, *map(str, options)), before)


@pytest.fixture(scope="module")
def old(run: Run) -> Understander:
    return Understander.load(Bundle.open(STARTER))


@pytest.fixture(scope="module")
def new(run: Run) -> Understander:
    return Understander.load(Bundle.open(run.out))


def test_the_old_bundle_is_not_touched(run: Run) -> None:
    assert run.code == 0
    assert digests(STARTER) == run.digests


def test_the_new_bundle_serves_the_locale_with_what_its_shoppers_mean(
    run: Run, old: Understander, new: Understander
) -> None:
    assert (new.bundle.version, new.locales.tags[-1]) == (f"{old.bundle.version}+nl-BE", "nl-BE")
    (here,) = new.understand([Query("broek", "nl-BE")])
    (elsewhere,) = new.understand([Query("broek", "nl")])
    assert here.locale_used == "nl-BE"
    level_1 = [next(kind.id for kind in answer.product_types if kind.level == 1) for answer in (here, elsewhere)]
    assert level_1 == ["ap", "aa"]


@pytest.mark.parametrize("company", ["alone", "together", "with the new locale"])
def test_all_other_locales_answer_as_before_bit_for_bit(old: Understander, new: Understander, company: str) -> None:
    queries = [Query(text, locale) for text, locale in OTHERS]
    more = [Query("hond", "nl-BE"), Query("rode broek", "nl-BE")] if company == "with the new locale" else []
    batches = [[query] for query in queries] if company == "alone" else [queries]
    for batch in batches:
        expected = old.infer([old.prepare(query) for query in batch])
        found = new.infer([new.prepare(query) for query in [*batch, *more]])
        assert np.array_equal(found.probabilities[: len(batch)], expected.probabilities)
        assert np.array_equal(found.embeddings[: len(batch)], expected.embeddings)
    understood = [(each.product_types, each.reformulations) for each in new.understand(queries)]
    assert understood == [(each.product_types, each.reformulations) for each in old.understand(queries)]


def test_other_locales_keep_their_heads_and_thresholds(run: Run, old: Understander, new: Understander) -> None:
    tables = [read_head_files(bundle) for bundle in (old.bundle, new.bundle)]
    rows = [np.array(table.column("locale").to_pylist()) != "nl-BE" for table, _ in tables]
    assert np.array_equal(tables[0][1], tables[1][1][rows[1]])
    assert tables[0][0].equals(tables[1][0].filter(rows[1]))
    before, after = (dict(Thresholds.from_json(b.read(THRESHOLDS)).by_locale) for b in (old.bundle, new.bundle))
    entry = after.pop("nl-BE")
    assert after == before
    assert entry.evidence == "real"


def test_the_heads_are_the_most_searched_queries_and_find_themselves(run: Run, new: Understander) -> None:
    texts = [line.rsplit(",", 1) for line in (run.folder / "queries.csv").read_text().splitlines()[1:-3]]
    heads = [text.strip('"') for text, volume in texts if int(volume) >= 20]
    assert run.report["heads"] == len(heads) == 50
    (answer,) = new.understand([Query(heads[0], "nl-BE")])
    first = answer.reformulations[0]
    assert (first.query, first.accepted, first.volume) == (heads[0], True, 1000.0)


def test_the_report_says_what_was_read_learned_and_promised(run: Run) -> None:
    report = run.report
    assert report["start"] == "nl"
    assert report["queries"]["personal_data_rows"] == {"e-mail": 1}
    assert report["queries"]["reasons"] == {
        "queries.csv: query is empty": 1,
        "queries.csv: volume is no number above 0": 1,
        "labels.csv: unknown product type": 1,
    }
    assert report["adaptation"]["adopted"]
    curve = report["adaptation"]["held_out_loss"]
    assert curve[report["adaptation"]["passes"]] == min(curve) < curve[0]
    test = report["test"]
    assert test["before"]["1"]["top_1"]["value"] < 0.3 < test["after"]["1"]["top_1"]["value"]
    assert test["difference"]["1"]["top_1"]["low"] > 0
    assert report["thresholds"]["fitted_levels"] == [1, 2]
    page = (run.folder / "out.report" / "report.html").read_text()
    assert "How nl-BE is served" in page
    assert "voorbeeld.be" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_what_is_there_is_not_replaced_and_a_bad_tag_or_bundle_is_refused(run: Run, tmp_path: Path) -> None:
    queries = ("--queries", run.folder / "queries.csv")
    again = ("onboard", "--locale", "nl-BE", *queries, "--bundle", STARTER, "--out", run.out)
    before = digests(run.out)
    assert command(*again) == 3
    assert digests(run.out) == before
    assert command("onboard", "--locale", "n_l!", *queries, "--bundle", STARTER, "--out", tmp_path / "out") == 3
    assert command("onboard", "--locale", "nl-BE", *queries, "--bundle", tmp_path, "--out", tmp_path / "out") == 4
    assert not (tmp_path / "out").exists()


def tiny_store(folder: Path) -> Path:
    path = folder / "queries.parquet"
    texts = ["running shoes", "coffee machine", "red shoes", "usb", ""]
    pq.write_table(pa.table({"query": texts, "volume": [90, 40, 7, 3, 1]}), path)
    return path


def test_without_labels_a_store_gets_its_heads_and_answers_as_its_nearest_locale(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    queries, out = tiny_store(tmp_path), tmp_path / "out"
    assert command("onboard", "--locale", "de-AT", "--queries", queries, "--bundle", tiny_bundle, "--out", out) == 0
    old, new = (Understander.load(Bundle.open(path)) for path in (tiny_bundle, out))
    expected = old.infer([old.prepare(Query("coffee maschine", "de"))])
    found = new.infer([new.prepare(Query("coffee maschine", "de-AT"))])
    assert np.array_equal(found.probabilities, expected.probabilities)
    entry = new.thresholds.by_locale["de-AT"]
    assert (entry.evidence, entry.product_types) == ("fallback", old.thresholds.by_locale["de"].product_types)
    assert {each.locale: each.heads for each in new.describe().locales}["de-AT"] == 2
    report = json.loads((tmp_path / "out.report" / "report.json").read_text())
    assert (report["judgements"], report["test"], report["adaptation"]["tried"]) == (None, None, False)
    assert "There were no labels" in (tmp_path / "out.report" / "report.html").read_text()


def test_a_known_locale_onboarded_again_gets_other_heads_and_no_second_token(tiny_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--queries", tiny_store(tmp_path), "--bundle", tiny_bundle, "--version", "mine", "--head-volume", "5")
    assert command("onboard", "--locale", "de", *arguments, "--out", out) == 0
    bundle = Bundle.open(out)
    assert (bundle.version, bundle.manifest["locales"]) == ("mine", Bundle.open(tiny_bundle).manifest["locales"])
    table, _ = read_head_files(bundle)
    rows = table.to_pylist()
    german = [row["query"] for row in rows if row["locale"] == "de"]
    assert german == ["running shoes", "coffee machine", "red shoes"]
    assert [row["query"] for row in rows if row["locale"] == "ja"] == ["ランニングシューズ"]


def test_a_run_that_stops_at_a_bad_row_lists_it_and_writes_no_bundle(tiny_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--queries", tiny_store(tmp_path), "--bundle", tiny_bundle, "--out", out, "--on-bad-row", "stop")
    assert command("onboard", "--locale", "nl-BE", *arguments) == 3
    listed = (tmp_path / "out.report" / "rejected_rows.csv").read_text().splitlines()
    assert listed[1].startswith("queries.parquet,5,query is empty")
    assert not out.exists()
