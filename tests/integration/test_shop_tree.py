"""A shop's own tree, from files to served answers: mapped onto the starter bundle, and fitted on a tiny one."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.csv as pacsv
import pytest
from typer.testing import CliRunner

from shelfsense.bundle import Bundle
from shelfsense.cli.app import app
from shelfsense.cli.bundle import bundle_app
from shelfsense.query import Options, Query
from shelfsense.serving.server import Server
from shelfsense.serving.settings import Settings
from shelfsense.understander import Understander
from shelfsense_client import AsyncClient
from shelfsense_training.bundle_building import embed_queries
from shelfsense_training.cli import main
from shelfsense_training.sources.splits import Split, split_of_query

ROOT = Path(__file__).parents[2]
STARTER = ROOT / "bundles" / "starter"
needs_starter = pytest.mark.skipif(not STARTER.is_dir(), reason="bundles/starter is absent")

TREE = (
    ("fashion", "", "Fashion"),
    ("clothes", "fashion", "Clothes"),
    ("dresses", "clothes", "Dresses"),
    ("tops", "clothes", "Tops"),
    ("shoes", "fashion", "Shoes"),
    ("home", "", "Home"),
    ("kitchen", "home", "Kitchen"),
    ("tech", "", "Tech"),
    ("phones", "tech", "Phones"),
    ("pets", "", "Pets"),
    ("dogs", "pets", "For dogs"),
    ("oddments", "", "Oddments"),
)
MAP = (
    ("aa", "fashion", ""),
    ("aa-1", "clothes", ""),
    ("aa-1-4", "dresses", ""),
    ("aa-1-13", "tops", ""),
    ("aa-8", "shoes", "1"),
    ("hg", "home", ""),
    ("hg-11", "kitchen", ""),
    ("el", "tech", "0.9"),
    ("el-4-8", "phones", ""),
    ("ap", "pets", ""),
    ("ap-2-3", "dogs", ""),
)
QUERIES = ("red summer dress", "running shoes", "frying pan", "iphone case", "dog bed", "where is my parcel")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["shelfsense-train", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def table(path: Path, header: str, rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
    return path


def mapping(folder: Path) -> tuple[str | Path, ...]:
    """Write the shop's tree and map, and return the command that maps the starter bundle."""
    tree = table(folder / "shop.csv", "id,parent_id,name", TREE)
    rows = table(folder / "map.csv", "product_type_id,shop_type_id,weight", MAP)
    return "map-tree", "--tree", tree, "--map", rows, "--bundle", STARTER, "--out", folder / "mapped"


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mapped")
    before = (STARTER / "manifest.sha256").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        assert run(patch, *mapping(folder)) == 0
    assert (STARTER / "manifest.sha256").read_bytes() == before
    return folder / "mapped"


def asked(bundle: Path, *texts: str) -> list[list[tuple[str, int, bool]]]:
    understander = Understander.load(Bundle.open(bundle))
    answers = understander.understand([Query(text, "en") for text in texts], Options(top_k=3))
    return [[(each.id, each.level, each.accepted) for each in answer.product_types] for answer in answers]


@needs_starter
def test_a_mapped_bundle_answers_the_shops_types_and_reformulates_by_ours(mapped: Path) -> None:
    accepted = [[name for name, _, taken in answer if taken] for answer in asked(mapped, *QUERIES)]
    assert accepted[:3] == [["dresses", "clothes", "fashion"], ["shoes", "fashion"], ["kitchen", "home"]]
    assert accepted[4][-1:] == ["pets"]
    assert accepted[5] == []
    theirs = Understander.load(Bundle.open(mapped))
    ours = Understander.load(Bundle.open(STARTER))
    queries = [Query(text, "en") for text in QUERIES]
    parents = {name: above for name, above, _ in TREE}
    wide = Options(top_k=100, include_refused=True, max_reformulations=20)
    for mine, other in zip(ours.understand(queries, wide), theirs.understand(queries, wide), strict=True):
        assert mine.reformulations == other.reformulations
        known = {each.id: each for each in other.product_types}
        assert {each.id for each in other.product_types} == {name for name, _, _ in TREE}
        for each in other.product_types:
            assert not parents[each.id] or known[parents[each.id]].probability >= each.probability
    assert theirs.describe().label_space == "shop"
    assert {each.evidence for each in theirs.describe().locales} == {"fallback"}
    report = json.loads((mapped.with_name("mapped.report") / "map_report.json").read_text())
    assert report["theirs"]["unreached"] == ["oddments"]
    assert "so" in report["ours"]["nowhere"]


@needs_starter
async def test_a_server_describes_and_answers_the_shops_tree(mapped: Path) -> None:
    understander = Understander.load(Bundle.open(mapped))
    async with Server(understander, Settings(port=0)) as server, AsyncClient(f"127.0.0.1:{server.port}") as client:
        model = await client.describe_model(timeout=20)
        answer = await client.classify("running shoes", locale="en", timeout=20)
    assert {(each.id, each.parent_id, each.name) for each in model.product_types} == set(TREE)
    assert (model.label_space, len(model.locales[0].thresholds)) == ("shop", 3)
    assert [(each.id, each.path, each.level) for each in answer.accepted_product_types] == [
        ("shoes", ("Fashion", "Shoes"), 2),
        ("fashion", ("Fashion",), 1),
    ]


@needs_starter
def test_labels_fix_the_thresholds_and_evaluate_and_annotate_go_by_the_shops_types(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kinds = {"dress": "dresses", "shoes": "shoes", "frying pan": "kitchen", "smartphone": "phones", "dog leash": "dogs"}
    colours = ["red", "blue", "green", "black", "white", "small", "large", "cheap", "new", "best"]
    rows = [(f"{colour} {kind}", "en", name, 1) for colour in colours for kind, name in kinds.items()]
    labels = table(tmp_path / "labels.csv", "query,locale,product_type_id,label", [*rows, ("sofa", "en", "nothing", 1)])
    assert run(monkeypatch, *mapping(tmp_path), "--labels", labels) == 0
    mapped = tmp_path / "mapped"
    english = Understander.load(Bundle.open(mapped)).thresholds.by_locale["en"]
    assert english.evidence == "fallback"  # level 3 has one type with labels, and too few of them
    assert english.product_types[0] <= 1
    assert "no type of shop" in (tmp_path / "mapped.report" / "rejected_rows.csv").read_text()
    shown = CliRunner().invoke(bundle_app, ["show", str(mapped)]).output
    assert "Answers shop" in shown
    assert "Fashion > Shoes" in shown
    good = table(tmp_path / "good.csv", "query,locale,product_type_id,label", rows)
    evaluated = ("evaluate", "--bundle", mapped, "--data", good, "--out", tmp_path / "figures", "--resamples", "0")
    assert run(monkeypatch, *evaluated) == 0
    report = json.loads((tmp_path / "figures" / "metrics.json").read_text())
    assert report["label_space"] == "shop"
    assert list(report["levels"]) == ["1", "2", "3"]
    with pytest.raises(SystemExit) as ended:
        app(["annotate", str(good), str(tmp_path / "annotated.csv"), "--bundle", str(mapped)])
    assert not ended.value.code
    annotated = pacsv.read_csv(tmp_path / "annotated.csv").to_pylist()
    ids = {name for row in annotated for name in json.loads(row["product_type_ids"])}
    assert ids == {name for name, _, _ in TREE}


def test_a_map_never_touches_the_bundle_it_starts_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tiny_bundle: Path, tmp_path: Path
) -> None:
    tree = table(tmp_path / "shop.csv", "id,parent_id,name", [("wear", "", "Things to wear")])
    rows = table(tmp_path / "map.csv", "product_type_id,shop_type_id", [("sh", "wear"), ("zz", "wear")])
    command = ("map-tree", "--tree", tree, "--map", rows, "--bundle", tiny_bundle, "--out")
    assert run(monkeypatch, *command, tmp_path / "mapped") == 3
    assert "line 3: product_type_id 'zz' is no type of tiny" in capsys.readouterr().err
    assert run(monkeypatch, *command, tiny_bundle) == 3
    assert "which is never touched" in capsys.readouterr().err
    assert not (tmp_path / "mapped").exists()


def test_a_mapped_bundle_can_be_mapped_again(
    monkeypatch: pytest.MonkeyPatch, tiny_bundle: Path, tmp_path: Path
) -> None:
    for number, start in (("1", tiny_bundle), ("2", tmp_path / "1")):
        tree = table(tmp_path / f"shop{number}.csv", "id,parent_id,name", [(f"wear{number}", "", "Things to wear")])
        rows = table(tmp_path / "map.csv", "product_type_id,shop_type_id", [("sh", f"wear{number}")])
        command = ("map-tree", "--tree", tree, "--map", rows, "--bundle", start, "--out", tmp_path / number)
        assert run(monkeypatch, *command) == 0
    again = Understander.load(Bundle.open(tmp_path / "2"))
    assert again.bundle.version == "tiny-1+shop2"
    answer = again.understand([Query("red shoes", "en")])[0]
    assert [each.id for each in answer.product_types] == ["wear2"]
    # Vectors are the network's: a map changes no embedding and no head.
    first = Understander.load(Bundle.open(tiny_bundle))
    queries = [Query("red shoes", "en"), Query("coffee machine", "de")]
    np.testing.assert_array_equal(embed_queries(first, queries), embed_queries(again, queries))


OWN = {
    "trail": ("running shoes", "red shoes", "laufschuhe"),
    "brew": ("coffee machine", "kaffee maschine", "kaffeemaschine"),
    "wire": ("usb cable", "red cable", "usb usb cable"),
}
OWN_TREE = (
    ("out", "", "Outdoor"),
    ("trail", "out", "Running shoes"),
    ("in", "", "Indoor"),
    ("brew", "in", "Coffee machine"),
    ("wire", "in", "Usb cable"),
)


@pytest.fixture
def own(tmp_path: Path) -> tuple[str | Path, ...]:
    tree = table(tmp_path / "own.csv", "id,parent_id,name", OWN_TREE)
    rows = [
        (f"{text} {tail}".strip(), locale, name, 1)
        for name, texts in OWN.items()
        for text in texts
        for tail in ("", *"abcdefghijklmnopqrstuvwxyz")
        for locale in ("en", "de")
    ]
    labels = table(tmp_path / "labels.csv", "query,locale,product_type_id,label", [*rows, ("oops", "en", "zz", 1)])
    return "fit-tree", "--tree", tree, "--labels", labels, "--out", tmp_path / "fitted", "--threads", "1"


def test_a_tree_is_fitted_from_labels_alone_and_served(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tiny_bundle: Path,
    own: tuple[str | Path, ...],
    tmp_path: Path,
) -> None:
    command = (*own, "--bundle", tiny_bundle, "--steps", "60")
    assert run(monkeypatch, *command) == 0
    fitted = Understander.load(Bundle.open(tmp_path / "fitted"))
    assert [node.id for node in fitted.product_types.nodes] == [name for name, _, _ in OWN_TREE]
    held_out = [text for texts in OWN.values() for text in texts if split_of_query(text) is not Split.TRAIN]
    assert held_out, "the tiny set has no query left to ask"
    best = fitted.understand([Query(text, "en") for text in held_out], Options(top_k=1))
    found = [answer.product_types[0].id for answer in best]
    assert found == [next(name for name, texts in OWN.items() if text in texts) for text in held_out]
    metrics = fitted.bundle.manifest["metrics"]
    assert metrics["queries"]["train"] > metrics["queries"]["test"] > metrics["queries"]["validation"] > 0
    assert metrics["levels"]["2"]["top_1"] > 0.8
    english = fitted.thresholds.by_locale["en"]
    assert english.evidence == "real"
    assert max(english.product_types) <= 1
    assert (tmp_path / "fitted.work" / "rejected_rows.csv").read_text().count("no type of own") == 1
    evaluated = ("evaluate", "--bundle", tmp_path / "fitted", "--data", tmp_path / "fitted.work" / "test.csv")
    assert run(monkeypatch, *evaluated, "--out", tmp_path / "figures", "--resamples", "0") == 0
    # A second run finds its training state and gives the same bundle.
    digest = Bundle.open(tmp_path / "fitted").manifest["files"]["model.onnx"]
    capsys.readouterr()
    assert run(monkeypatch, *command) == 0
    assert Bundle.open(tmp_path / "fitted").manifest["files"]["model.onnx"] == digest
    assert "step 60" not in capsys.readouterr().err


def test_too_few_labels_to_calibrate_are_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tiny_bundle: Path,
    own: tuple[str | Path, ...],
    tmp_path: Path,
) -> None:
    text = next(t for texts in OWN.values() for t in texts if split_of_query(t) is Split.TRAIN)
    table(tmp_path / "labels.csv", "query,locale,product_type_id,label", [(text, "en", "wire", 1)])
    assert run(monkeypatch, *own, "--bundle", tiny_bundle) == 3
    assert "the validation side has no query with a right type" in capsys.readouterr().err
