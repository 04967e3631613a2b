"""Pairs from logs: similarity and importance worked out by hand, hubs and accidents kept out, bad logs refused."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfsense.errors import InputRefused
from shelfsense.reformulation.writing.match_form import match_form
from shelfsense_training.commands.mine_pairs import mine_pairs as command
from shelfsense_training.mining.event_tables import EVENTS
from shelfsense_training.mining.folded_queries import Form, Typed, folded_queries, same_form
from shelfsense_training.mining.mined_file import write_mined
from shelfsense_training.mining.pair_mining import PAIRS, STAGES, MinedPairs, mine_pairs
from shelfsense_training.mining.pair_settings import PairSettings
from shelfsense_training.mining.sql_engine import duckdb_engine

Event = tuple[Any, ...]
"""session, query, product, action, position."""


def write_log(file: Path, events: Sequence[Event], locale: str = "en") -> Path:
    names = ("session_id", "query", "product_id", "action", "position")
    rows = [
        {"event_time": datetime(2026, 1, 1, tzinfo=UTC), "locale": locale} | dict(zip(names, event, strict=True))
        for event in events
    ]
    pq.write_table(pa.Table.from_pylist(rows, EVENTS), file)
    return file


def bought(query: str, products: str, action: str = "purchase", position: int | None = 1) -> list[Event]:
    """One session per product, each a character; sessions of different calls are different ones."""
    return [(f"{query} {action} {i}", query, product, action, position) for i, product in enumerate(products)]


def mine(log: Path, form: Form = same_form, **settings: Any) -> MinedPairs:
    with duckdb_engine(memory_limit="500MB", threads=1) as engine:
        return mine_pairs(engine, log, PairSettings(**settings), form=form)


def found(mined: MinedPairs) -> dict[tuple[str, str], tuple[float, float]]:
    rows = mined.pairs.to_pylist()
    return {(row["query_a"], row["query_b"]): (row["similarity"], row["importance"]) for row in rows}


TWO_PAIRS = [*bought("red shoes", "123"), *bought("Shoes  red", "124"), *bought("cup", "89"), *bought("mug", "89")]
"""Red shoes: 2 items of 3 and 3 in common, 3 sessions each. Cups: 2 of 2 and 2, 2 sessions each."""


def test_similarity_is_the_mean_of_overlap_and_jaccard(tmp_path: Path) -> None:
    pairs = mine(write_log(tmp_path / "log.parquet", TWO_PAIRS)).pairs.to_pylist()
    assert {(p["query_a"], p["query_b"]): p["similarity"] for p in pairs} == {
        ("red shoes", "shoes red"): pytest.approx((2 / 3 + 2 / 4) / 2),
        ("cup", "mug"): pytest.approx(1.0),
    }
    assert {p["query_a"]: (p["locale"], p["common"], p["exposure_a"], p["exposure_b"]) for p in pairs} == {
        "red shoes": ("en", 2, 3, 3),
        "cup": ("en", 2, 2, 2),
    }


def test_importance_is_wilsons_bound_times_log_exposure_with_mean_one(tmp_path: Path) -> None:
    pairs = found(mine(write_log(tmp_path / "log.parquet", TWO_PAIRS)))
    # Wilson's lower bounds at z = 1.96: of 2 in 4 0.150035, of 2 in 2 1 / 2.9208; log 3 is above 1, log 2 is not.
    shoes, cups = 0.150035, math.log(2) / 2.9208
    mean = (shoes + cups) / 2
    assert pairs["red shoes", "shoes red"][1] == pytest.approx(shoes / mean, abs=1e-5)
    assert pairs["cup", "mug"][1] == pytest.approx(cups / mean, abs=1e-5)


def test_a_cart_makes_half_a_member_and_two_a_whole_one(tmp_path: Path) -> None:
    log = [*bought("cup", "89"), *bought("mug", "89", "cart")]
    # Half and half are in both; mug's set is wholly in cup's, of which it is half.
    assert found(mine(write_log(tmp_path / "one.parquet", log)))["cup", "mug"][0] == pytest.approx((1 / 1 + 1 / 2) / 2)
    twice = [*bought("cup", "89"), *bought("mug", "8989", "cart")]
    assert found(mine(write_log(tmp_path / "two.parquet", twice)))["cup", "mug"][0] == pytest.approx(1.0)
    assert found(mine(tmp_path / "one.parquet", cart_weight=0.0)) == {}


def test_clicks_count_only_where_they_are_given_weight(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.parquet", [*bought("cup", "89"), *bought("mug", "89", "click")])
    assert found(mine(log)) == {}
    assert found(mine(log, click_weight=0.25))["cup", "mug"][0] == pytest.approx((1 + 0.25) / 2)


def test_one_item_in_common_is_chance(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.parquet", [*bought("cup", "89"), *bought("mug", "87")])
    assert found(mine(log)) == {}
    assert set(found(mine(log, min_common=1))) == {("cup", "mug")}


def test_an_item_of_too_many_queries_is_a_hub(tmp_path: Path) -> None:
    log = [event for i in range(10) for event in bought(f"query {i}", f"bag{chr(945 + i)}")]
    log += [*bought("cup", "89bg"), *bought("mug", "89bg")]
    file = write_log(tmp_path / "log.parquet", log)
    assert len(found(mine(file, min_similarity=0.0))) == 12 * 11 / 2
    mined = mine(file, hub_share=0.5, hub_least=2)
    assert set(found(mined)) == {("cup", "mug")}
    assert mined.pairs.to_pylist()[0]["common"] == 2
    assert mined.facts["hubs"] == 3


def test_what_was_bought_beside_the_results_does_not_count_unless_asked(tmp_path: Path) -> None:
    log = write_log(
        tmp_path / "log.parquet", [*bought("cup", "89", position=None), *bought("mug", "89", position=None)]
    )
    with pytest.raises(InputRefused, match="nothing was put into a cart or bought after a click"):
        mine(log)
    assert set(found(mine(log, only_found=False))) == {("cup", "mug")}
    clicks = [(event[0], event[1], event[2], "click", None) for event in bought("cup", "89") + bought("mug", "89")]
    with_clicks = [*bought("cup", "89", position=None), *bought("mug", "89", position=None), *clicks]
    assert set(found(mine(write_log(tmp_path / "clicked.parquet", with_clicks)))) == {("cup", "mug")}


def test_accidents_of_a_much_searched_query_make_it_like_no_other(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.parquet", [*bought("shoes", "1" * 60 + "2" * 60 + "89"), *bought("cup", "89")])
    assert found(mine(log)) == {}
    assert set(found(mine(log, min_share=0.0))) == {("cup", "shoes")}


def test_the_less_searched_query_comes_first(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.parquet", [*bought("cup", "898"), *bought("mug", "89")])
    assert set(found(mine(log))) == {("mug", "cup")}


def test_locales_are_mined_apart_even_where_products_share_their_ids(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    write_log(folder / "en.parquet", [*bought("cup", "89"), *bought("mug", "89")])
    write_log(folder / "de.parquet", [*bought("tasse", "89"), *bought("becher", "89")], "de")
    rows = mine(folder).pairs.to_pylist()
    assert sorted((row["locale"], row["query_a"], row["query_b"]) for row in rows) == [
        ("de", "becher", "tasse"),
        ("en", "cup", "mug"),
    ]


def test_equal_forms_are_one_query_before_mining(tmp_path: Path) -> None:
    log = [*bought("tee-shirt", "1"), *bought("tee shirt", "23"), *bought("top", "123")]
    file = write_log(tmp_path / "log.parquet", log)
    apart = mine(file)
    assert apart.facts["merged_by_folding"] == 0
    assert ("tee-shirt", "top") not in found(apart)
    folded = mine(file, lambda text, _: text.replace("-", " "))
    assert folded.facts["merged_by_folding"] == 1
    assert found(folded)["tee shirt", "top"][0] == pytest.approx(1.0)


def test_the_match_form_folds_umlauts_but_never_sizes() -> None:
    typed = [Typed("de", text, 1, 1) for text in ("weiße schuhe", "weisse schuhe", "schuhe 42", "schuhe 43")]
    folded = folded_queries(typed, match_form)
    assert (folded.normal_forms, folded.merged) == (4, 1)
    assert set(folded.queries.column("query").to_pylist()) > {"schuhe 42", "schuhe 43"}


def test_a_query_is_shown_as_it_was_typed_most() -> None:
    typed = [
        Typed("en", "tee shirt", 3, 3),
        Typed("en", "Tee  Shirt", 4, 4),
        Typed("en", "tee-shirt", 5, 5),
        Typed("de", "tee-shirt", 1, 1),
        Typed("en", " ", 9, 9),
    ]
    queries = folded_queries(typed, lambda text, _: text.replace("-", " ")).queries.to_pylist()
    # "tee shirt" was typed 7 times in two writings, "tee-shirt" 5 times.
    assert sorted((q["locale"], q["query"], q["written"]) for q in queries) == [
        ("de", "tee-shirt", "tee-shirt"),
        ("en", "tee shirt", "Tee Shirt"),
    ]


def test_a_folding_that_leaves_nothing_keeps_the_query() -> None:
    folded = folded_queries([Typed("en", "???", 1, 1), Typed("en", "!", 1, 1)], lambda *_: "")
    assert sorted(folded.queries.column("query").to_pylist()) == ["!", "???"]


def test_queries_with_personal_data_pair_with_nothing_and_are_counted(tmp_path: Path) -> None:
    log = [*bought("jo@example.com", "89"), *bought("call 0171 234 5678", "89"), *bought("cup", "89")]
    log += bought("mug", "89")
    mined = mine(write_log(tmp_path / "log.parquet", log))
    assert set(found(mined)) == {("cup", "mug")}
    assert {kind: counted["queries"] for kind, counted in mined.facts["personal_data_dropped"].items()} == {
        "e-mail": 1,
        "phone": 1,
    }
    assert mined.events == {"personal data in the query": 4, "sound": 4}


BAD = [
    (None, "cup", "8", "purchase", 1),
    ("a", None, "8", "purchase", 1),
    ("a", " ", "8", "purchase", 1),
    ("a", "cup", "8", "gaze", 1),
    ("a", "cup", None, "purchase", 1),
]


def test_bad_events_are_dropped_and_counted(tmp_path: Path) -> None:
    mined = mine(write_log(tmp_path / "log.parquet", [*BAD, *TWO_PAIRS]))
    assert mined.events == {"no product": 1, "no query": 2, "no session": 1, "sound": 10, "unknown action": 1}
    with pytest.raises(InputRefused, match=r"no event can be used .*unknown action: 1"):
        mine(write_log(tmp_path / "bad.parquet", BAD))


def test_a_log_without_pairs_gives_an_empty_table(tmp_path: Path) -> None:
    mined = mine(write_log(tmp_path / "log.parquet", bought("cup", "89")))
    assert (mined.pairs.num_rows, mined.pairs.schema) == (0, PAIRS)


@pytest.mark.parametrize(
    "setting", [{"min_share": 1.5}, {"cart_weight": 2.0}, {"full_exposure": 1.0}, {"min_common": 0}]
)
def test_settings_without_meaning_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(InputRefused, match=next(iter(setting))):
        PairSettings(**setting)


def test_the_command_has_the_defaults_of_the_settings() -> None:
    options = inspect.signature(command).parameters
    settings = PairSettings()
    for name in ("min_common", "min_similarity", "cart_weight", "click_weight"):
        assert options[name].default == getattr(settings, name), name


def test_stages_are_told_as_many_as_promised_and_the_report_holds_no_query(tmp_path: Path) -> None:
    told: list[str] = []
    with duckdb_engine(memory_limit="500MB", threads=1) as engine:
        mined = mine_pairs(engine, write_log(tmp_path / "log.parquet", TWO_PAIRS), PairSettings(), on_stage=told.append)
    assert len(told) == STAGES == len(mined.seconds)
    report = write_mined(mined.pairs, mined.report(), tmp_path / "out" / "pairs.parquet").read_text(encoding="utf-8")
    assert '"pairs": 2' in report
    assert "shoes" not in report
    assert pq.read_table(tmp_path / "out" / "pairs.parquet").equals(mined.pairs)
