"""Labels from logs: shares worked out by hand, exposure corrected where the raw count is wrong, bad logs refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfsense.errors import InputRefused
from shelfsense_training.mining.event_tables import CATALOG, EVENTS
from shelfsense_training.mining.label_files import write_labels
from shelfsense_training.mining.label_mining import STAGES, Exposure, MinedLabels, mine_labels
from shelfsense_training.mining.label_settings import LabelSettings
from shelfsense_training.mining.sql_engine import duckdb_engine
from shelfsense_training.mining.sql_steps import read_steps

Event = tuple[Any, ...]
"""session, query, product, action, position."""

TYPES = {"s1": "shoes", "s2": "shoes", "l1": "laces", "c1": "creams"}


def write_log(folder: Path, events: Sequence[Event], types: dict[str, str] | None = None, locale: str = "en") -> Path:
    names = ("session_id", "query", "product_id", "action", "position")
    rows = [
        {"event_time": datetime(2026, 1, 1, tzinfo=UTC), "locale": locale} | dict(zip(names, event, strict=True))
        for event in events
    ]
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, EVENTS), folder / "events.parquet")
    listed = [
        {"product_id": product, "locale": locale, "product_type_id": type_, "title": product}
        for product, type_ in (types or TYPES).items()
    ]
    pq.write_table(pa.Table.from_pylist(listed, CATALOG), folder / "catalog.parquet")
    return folder


def mine(folder: Path, exposure: Exposure = "corrected", **settings: Any) -> MinedLabels:
    with duckdb_engine(memory_limit="500MB", threads=1) as engine:
        return mine_labels(
            engine,
            folder / "events.parquet",
            folder / "catalog.parquet",
            LabelSettings(**settings),
            exposure=exposure,
        )


def probabilities(mined: MinedLabels) -> dict[tuple[str, str], float]:
    rows = mined.labels.to_pylist()
    return {(row["query"], row["product_type_id"]): round(row["probability"], 6) for row in rows}


TEN_ROWS = [
    ("a", "Red  Shoes", "s1", "click", 1),
    ("a", "Red  Shoes", "s1", "cart", 1),
    ("a", "Red  Shoes", "s1", "purchase", 1),
    ("b", "red shoes", "s1", "click", 1),
    ("b", "red shoes", "s1", "click", 1),  # the same click, logged twice
    ("b", "red shoes", "c1", "click", 3),
    ("c", "RED SHOES", "s2", "click", 2),
    ("c", "RED SHOES", "l1", "purchase", None),
    ("d", "red shoes", "l1", "click", 4),
    ("e", "red shoes", "l1", "click", 4),
]
"""shoes 1 + 3 + 10 + 1 + 1 = 16 in three sessions, laces 10 + 1 + 1 = 12 in three, creams 1 in one: 29 in all."""


def test_raw_labels_are_shares_of_weighted_actions(tmp_path: Path) -> None:
    mined = mine(write_log(tmp_path, TEN_ROWS), "raw")
    assert probabilities(mined) == {
        ("red shoes", "shoes"): round(16 / 29, 6),
        ("red shoes", "laces"): round(12 / 29, 6),
    }
    shoes = mined.labels.to_pylist()[0]
    assert [shoes[name] for name in ("sessions", "clicks", "carts", "purchases", "score")] == [3, 3, 1, 1, 16.0]


def test_raw_labels_need_sessions_and_probability(tmp_path: Path) -> None:
    write_log(tmp_path, TEN_ROWS)
    assert probabilities(mine(tmp_path, "raw", min_sessions=4)) == {}
    assert set(probabilities(mine(tmp_path, "raw", min_probability=0.5))) == {("red shoes", "shoes")}
    assert ("red shoes", "creams") in probabilities(mine(tmp_path, "raw", min_probability=0.03, min_sessions=1))


def test_locales_are_mined_apart(tmp_path: Path) -> None:
    german = write_log(tmp_path / "de", [(s, "hose", "s1", "click", 1) for s in "abc"], {"s1": "trousers"}, "de")
    dutch = write_log(tmp_path / "nl", [(s, "hose", "s1", "click", 1) for s in "xyz"], {"s1": "hoses"}, "nl")
    both = tmp_path / "both"
    both.mkdir()
    for name in ("events", "catalog"):
        tables = [pq.read_table(folder / f"{name}.parquet") for folder in (german, dutch)]
        pq.write_table(pa.concat_tables(tables), both / f"{name}.parquet")
    rows = mine(both, "raw").labels.to_pylist()
    assert [(r["locale"], r["product_type_id"], r["probability"]) for r in rows] == [
        ("de", "trousers", 1.0),
        ("nl", "hoses", 1.0),
    ]


def overexposed_log() -> list[Event]:
    """For "boots" laces hold the first two places of 300 pages; a look clicks shoes 3 times in 10, all else 3 in 100.

    For "socks" creams and laces swap places with shoes, which says what the places are worth.
    """
    random = np.random.default_rng(5)
    looks = [1.0, 0.6, 0.35, 0.2]
    pages = {"boots": [["l1", "l2", "s1", "c1"], ["l2", "l1", "c1", "s1"]]}
    pages["socks"] = [
        ["s1", "l1", "c1", "s2"],
        ["s2", "c1", "s1", "l1"],
        ["l1", "s1", "s2", "c1"],
        ["c1", "s2", "l1", "s1"],
    ]
    events: list[Event] = []
    for query, lists in pages.items():
        for i in range(300 if query == "boots" else 3000):
            session = f"{query}{i}"
            for place, product in enumerate(lists[i % len(lists)], start=1):
                events.append((session, query, product, "impression", place))
                appeal = 0.3 if product.startswith("s") else 0.12 if query == "boots" and product[0] == "l" else 0.03
                if random.random() < looks[place - 1] * appeal:
                    events.append((session, query, product, "click", place))
    return events


def test_correction_keeps_a_type_from_winning_by_its_place(tmp_path: Path) -> None:
    write_log(tmp_path, overexposed_log(), TYPES | {"l2": "laces"})
    raw = probabilities(mine(tmp_path, "raw"))
    corrected = probabilities(mine(tmp_path))
    assert raw["boots", "laces"] > 0.6 > raw["boots", "shoes"]
    assert corrected["boots", "shoes"] > 0.6 > corrected.get(("boots", "laces"), 0.0)


def test_corrected_labels_estimate_the_share_of_shoppers_who_mean_a_type(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    looks = [1.0, 0.6, 0.4, 0.3]
    events: list[Event] = []
    for i in range(8000):
        query, share = [("torch", 0.7), ("tv", 1.0)][i % 2]
        meant = "lamps" if random.random() < share else "welders"
        # Welders hang at the bottom of the page: raw counts see a sixth of the clicks on them.
        for place, (product, type_) in enumerate(
            random.permutation([("a1", "lamps"), ("x1", "pens")]).tolist()
            + random.permutation([("w1", "welders"), ("x2", "pens")]).tolist(),
            start=1,
        ):
            events.append((f"s{i}", query, product, "impression", place))
            if random.random() < looks[place - 1] * (0.4 if type_ == meant else 0.02):
                events.append((f"s{i}", query, product, "click", place))
    write_log(tmp_path, events, {"a1": "lamps", "w1": "welders", "x1": "pens", "x2": "pens"})
    mined = probabilities(mine(tmp_path))
    assert mined["torch", "lamps"] == pytest.approx(0.7, abs=0.05)
    assert mined["torch", "welders"] == pytest.approx(0.3, abs=0.05)
    assert mined["tv", "lamps"] == pytest.approx(1.0, abs=0.02)
    assert ("tv", "welders") not in mined
    assert ("torch", "welders") not in probabilities(mine(tmp_path, "raw"))


def test_a_purchase_of_what_was_not_shown_counts_raw_only(tmp_path: Path) -> None:
    events: list[Event] = []
    for i in range(40):
        events += [(f"s{i}", "boots", "s1", "impression", 1), (f"s{i}", "boots", "c1", "impression", 2)]
        events += [(f"s{i}", "boots", "s1", "click", 1)] * (i % 2)
        events += [(f"s{i}", "boots", "l1", "purchase", None)] * (i % 4 == 1)  # beside it
    write_log(tmp_path, events)
    assert probabilities(mine(tmp_path, "raw")) == {
        ("boots", "laces"): round(100 / 120, 6),
    }
    assert set(probabilities(mine(tmp_path))) == {("boots", "shoes")}


def test_a_purchase_without_a_place_belongs_to_the_click_before_it(tmp_path: Path) -> None:
    events: list[Event] = []
    for i in range(40):
        events += [(f"s{i}", "boots", "s1", "impression", 2), (f"s{i}", "boots", "c1", "impression", 1)]
        events += [(f"s{i}", "boots", "s1", "click", 2), (f"s{i}", "boots", "s1", "purchase", None)] * (i % 2)
        events += [(f"s{i}", "boots", "c1", "purchase", None)] * (i % 8 == 1)  # shown, yet found elsewhere
    mined = mine(write_log(tmp_path, events))
    assert [(r["product_type_id"], r["clicks"], r["purchases"]) for r in mined.labels.to_pylist()] == [
        ("shoes", 20, 20)
    ]


def test_a_click_by_chance_is_no_label(tmp_path: Path) -> None:
    events: list[Event] = []
    for i in range(400):
        events += [(f"s{i}", "boots", "s1", "impression", 1), (f"s{i}", "boots", "c1", "impression", 2)]
        events += [(f"s{i}", "boots", "s1", "click", 1)] * (i % 3 == 0)
        events += [(f"s{i}", "boots", "c1", "click", 2)] * (i % 20 == 0)
    events += [("x", "rare", "c1", "impression", 1), ("x", "rare", "c1", "click", 1)]
    write_log(tmp_path, events)
    assert probabilities(mine(tmp_path, min_sessions=1)) == {("boots", "shoes"): 1.0}


BAD = [
    (None, "tv", "s1", "click", 1),
    ("a", None, "s1", "click", 1),
    ("a", " \t", "s1", "click", 1),
    ("a", "tv", "s1", "gaze", 1),
    ("a", "tv", "s1", None, 1),
    ("a", "tv", "s1", "impression", 0),
    ("a", "tv", "s1", "impression", None),
    ("a", "tv", None, "click", 1),
    ("a", "tv", "gone", "click", 1),
]


def test_bad_events_are_dropped_and_counted(tmp_path: Path) -> None:
    mined = mine(write_log(tmp_path, [*BAD, *TEN_ROWS, ("a", "red shoes", None, "search", None)]), "raw")
    assert mined.events == {
        "impression without a position": 1,
        "no product": 1,
        "no query": 2,
        "no session": 1,
        "position below 1": 1,
        "product not in the catalogue": 1,
        "sound": 11,
        "unknown action": 2,
    }
    assert probabilities(mined)["red shoes", "shoes"] == round(16 / 29, 6)


def test_a_log_without_a_sound_event_is_refused_with_its_faults(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"no event can be used .*unknown action: 2"):
        mine(write_log(tmp_path, BAD))
    with pytest.raises(InputRefused, match="it has no rows"):
        mine(write_log(tmp_path, []))


def test_correction_without_impressions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="no impression has a position; mine with --exposure raw"):
        mine(write_log(tmp_path, TEN_ROWS))


def test_a_missing_or_wrong_column_is_refused_by_name(tmp_path: Path) -> None:
    write_log(tmp_path, TEN_ROWS)
    whole = pq.read_table(tmp_path / "events.parquet")
    pq.write_table(whole.drop_columns(["session_id"]), tmp_path / "events.parquet")
    with pytest.raises(InputRefused, match=r"events.parquet: there is no column 'session_id'"):
        mine(tmp_path)
    wrong = whole.set_column(6, "position", pa.array(["first"] * 10))
    pq.write_table(wrong, tmp_path / "events.parquet")
    with pytest.raises(InputRefused, match="column 'position' is string, not whole number"):
        mine(tmp_path)
    (tmp_path / "events.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputRefused, match="cannot be read as Parquet"):
        mine(tmp_path)


def test_a_product_listed_under_two_types_counts_once(tmp_path: Path) -> None:
    write_log(tmp_path, [(s, "tv", "p", "click", 1) for s in "abc"], {"p": "shoes"})
    catalog = pq.read_table(tmp_path / "catalog.parquet")
    other = catalog.set_column(2, "product_type_id", pa.array(["laces"]))
    pq.write_table(pa.concat_tables([catalog, other]), tmp_path / "catalog.parquet")
    mined = mine(tmp_path, "raw")
    assert [(r["product_type_id"], r["clicks"]) for r in mined.labels.to_pylist()] == [("laces", 3)]
    assert mined.facts["catalogue_products_with_several_types"] == 1


@pytest.mark.parametrize("setting", [{"clip": 0.0}, {"min_probability": 1.5}, {"min_sessions": 0}, {"smoothing": -1.0}])
def test_settings_without_meaning_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(InputRefused, match=next(iter(setting))):
        LabelSettings(**setting)


def test_stages_are_told_as_many_as_promised_and_the_report_names_them(tmp_path: Path) -> None:
    write_log(tmp_path, overexposed_log()[:4000], TYPES | {"l2": "laces"})
    for exposure, count in STAGES.items():
        told: list[str] = []
        with duckdb_engine(memory_limit="500MB", threads=1) as engine:
            files = tmp_path / "events.parquet", tmp_path / "catalog.parquet"
            mined = mine_labels(engine, *files, LabelSettings(), exposure=exposure, on_stage=told.append)
        assert len(told) == count == len(mined.seconds)
        report = write_labels(mined, tmp_path / f"{exposure}.parquet")
        assert f'"exposure": "{exposure}"' in report.read_text(encoding="utf-8")
        assert pq.read_table(tmp_path / f"{exposure}.parquet").num_rows == mined.labels.num_rows


def test_steps_are_read_by_name_and_kind() -> None:
    steps = read_steps("-- About.\n-- view: a\nSELECT 1 AS x;\n\n-- table: b\n-- Why.\nSELECT x FROM a\n")
    assert [(s.name, s.kept, s.select) for s in steps.values()] == [
        ("a", False, "SELECT 1 AS x"),
        ("b", True, "-- Why.\nSELECT x FROM a"),
    ]
    with pytest.raises(ValueError, match="'a' is empty or there twice"):
        read_steps("-- view: a\nSELECT 1\n-- view: a\nSELECT 2\n")
