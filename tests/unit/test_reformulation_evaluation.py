"""The evaluation of reformulations, on the tiny bundle: it asks what is served and says what it could not ask."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from shelfsense.bundle import Bundle
from shelfsense.errors import InputRefused
from shelfsense.query import Query
from shelfsense.reformulation.head_index import Head
from shelfsense.understander import Understander
from shelfsense_training.bundle_building import index_heads
from shelfsense_training.cli import app
from shelfsense_training.reformulation_evaluation.answered import Answers
from shelfsense_training.reformulation_evaluation.evaluation import PARTS, evaluate_reformulation
from shelfsense_training.reformulation_evaluation.golden_files import read_golden
from shelfsense_training.reformulation_evaluation.head_pool import HeadPool
from shelfsense_training.reformulation_evaluation.setting import Setting

HEADS = ("running shoes", "red shoes", "coffee machine", "usb cable 2m", "usb cable 3m", "cable for women", "cable red")
QUERIES = ("running-shoes", "usb cable 2 m", "red cable", "coffee", "machine for men", "shoes without cable", "cabel")


@pytest.fixture(scope="module")
def answers(tiny_bundle: Path) -> Answers:
    return Answers(Understander.load(Bundle.open(tiny_bundle)))


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pairs: one written alike, one that a number keeps from every head but its own."""
    folder = tmp_path_factory.mktemp("golden")
    rows = [
        "query\thead\tphenomenon\tnear",
        "running-shoe\trunning shoe\thyphen\tred running shoe | running shoe 42",
        "cable usb 7m\tusb cable 7m\torder\tusb cable 8m | usb cable 7m red",
    ]
    (folder / "en.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    typos = ["locale\tclean\tmisspelt\thead", "en\trunning shoes\trunning-shoes\trunning shoes"]
    (folder / "typos.tsv").write_text("\n".join(typos) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def setting(answers: Answers, golden: Path, tmp_path: Path) -> Setting:
    return Setting(answers, golden, data=tmp_path, heads=60, limit=5)


def test_an_index_in_memory_answers_as_one_in_a_bundle(tiny_bundle: Path, answers: Answers, tmp_path: Path) -> None:
    heads = [Head(text, "en", 1.0) for text in HEADS]
    served = Understander.load(index_heads(Bundle.open(tiny_bundle), heads, tmp_path / "indexed"))
    pool = HeadPool(answers, HEADS, "en", typed=False)
    for text in (*QUERIES, *HEADS):
        (answer,) = served.understand([Query(text, "en")])
        offer = pool.served(answers.of([text], "en")[0])
        first = answer.reformulations[0] if answer.reformulations else None
        assert (offer.query if offer else None) == (first.query if first else None)
        assert (offer.score if offer else 0.0) == pytest.approx(first.score if first else 0.0)


def test_what_is_offered_is_the_first_head_that_no_gate_refuses(answers: Answers) -> None:
    pool = HeadPool(answers, HEADS, "en", typed=True)
    for asked in answers.of(QUERIES, "en"):
        passed = [offer.query for offer in pool.ungated(asked) if not pool.refusal(asked, offer.query)]
        offer = pool.offered(asked)
        assert (offer.query if offer else None) == (passed[0] if passed else None)


def test_without_normalisation_nothing_is_found_by_its_other_writing(answers: Answers) -> None:
    pool = HeadPool(answers, HEADS, "en")
    (asked,) = answers.of(["running-shoes"], "en")
    offer, plain = pool.offered(asked), pool.offered(asked, normalised=False)
    assert offer is not None
    assert (offer.query, offer.score) == ("running shoes", 1.0)
    assert plain is None or plain.score < 1


def test_a_head_taken_out_is_offered_by_nobody_and_comes_back(answers: Answers) -> None:
    pool = HeadPool(answers, HEADS, "en")
    (asked,) = answers.of(["running shoes"], "en")
    with pool.without("running shoes"):
        for offer in (pool.served(asked), pool.offered(asked), pool.offered(asked, normalised=False)):
            assert offer is None or offer.query != "running shoes"
    back = pool.served(asked)
    assert back is not None
    assert back.query == "running shoes"


def test_golden_pairs_tell_look_up_from_vectors(setting: Setting) -> None:
    report = evaluate_reformulation(setting, ["golden", "acceptance", "typos", "gates"])["parts"]
    en = report["golden"]["en"]
    assert en["hit@1"]["n"] == 2
    assert en["hit@1"]["value"] >= en["hit@1 normalisation off"]["value"]
    assert report["golden"]["heads"]["en"] >= 60
    assert report["golden"]["phenomena"]["en"]["hyphen"] == [1, 1]
    assert report["acceptance"]["en"]["coverage"]["value"] >= 0.5
    assert report["typos"]["all"]["ratio"]["value"] == 1
    # Of the near heads each pair's first or second differs in a number.
    assert report["gates"]["golden"]["en"]["near refused"]["value"] >= 0.5
    assert report["gates"]["golden"]["en"]["near refused by"]["number"] >= 2


def test_consistency_is_of_the_lexicons_needs_and_the_golden_pairs(setting: Setting) -> None:
    found = evaluate_reformulation(setting, ["consistency"])["parts"]["consistency"]
    assert found["lexicon"]["bundle"]["rank distance"]["n"] == 5
    assert found["golden"]["bundle"]["rank-biased overlap"]["n"] == 2
    assert 0 < found["golden"]["bundle"]["top-10 overlap"]["value"] <= 1
    assert "--teacher" in found["untuned"]


def test_a_part_that_lacks_its_data_says_so(setting: Setting) -> None:
    report = evaluate_reformulation(setting, ["spelling", "known heads", "gates"])["parts"]
    assert "pairs.tsv is not there" in report["spelling"]
    assert "--needs" in report["known heads"]
    assert "test.json is not there" in report["gates"]["human spans"]


def test_simulated_tails_are_judged_by_their_need(setting: Setting, answers: Answers, tmp_path: Path) -> None:
    rows = [
        ("running shoes", "en", "sh-1/", 9.0),
        ("running-shoes", "en", "sh-1/", 1.0),
        ("coffee machine", "en", "ho-1/", 9.0),
        ("coffee-machine", "en", "sh-1/", 1.0),
        ("usb cable", "en", "el-1/", 1.0),
    ]
    columns = list(zip(*rows, strict=True))
    names = ("query", "locale", "need", "popularity")
    pq.write_table(pa.table(dict(zip(names, map(list, columns), strict=True))), tmp_path / "needs.parquet")
    (tmp_path / "heads.csv").write_text("query,locale,volume\nrunning shoes,en,9\ncoffee machine,en,9\n")
    simulated = Setting(
        answers,
        setting.golden,
        needs=tmp_path / "needs.parquet",
        simulation_heads=tmp_path / "heads.csv",
    )
    found = evaluate_reformulation(simulated, ["known heads"])["parts"]["known heads"]
    # Two tails with a true head, both found by their writing; the second is another need than the head it meets.
    assert found["tails with a true head"] == 2
    assert found["tails without"] == 1
    assert found["precision"]["value"] == pytest.approx(0.5)
    assert found["coverage"]["value"] == pytest.approx(0.5)


def test_an_unknown_part_is_refused(setting: Setting) -> None:
    with pytest.raises(InputRefused, match="choose of golden, acceptance"):
        evaluate_reformulation(setting, ["vibes"])


def test_a_folder_without_golden_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="holds no golden pairs"):
        read_golden(tmp_path)


def test_the_hindi_of_latin_letters_is_of_the_hindi_locale() -> None:
    files = {file.name: file.locale for file in read_golden(Path(__file__).parents[1] / "golden" / "reformulations")}
    assert files["hi-IN-latn"] == files["hi-IN"] == "hi-IN"


def test_the_command_writes_and_prints_every_part(tiny_bundle: Path, golden: Path, tmp_path: Path) -> None:
    options = ["--bundle", str(tiny_bundle), "--out", str(tmp_path), "--golden", str(golden), "--data", str(tmp_path)]
    result = CliRunner().invoke(app, ["evaluate-reformulation", *options, "--limit", "3"])
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "reformulation.json").read_text(encoding="utf-8"))
    assert set(report["parts"]) == set(PARTS)
    assert report["limit"] == 3
