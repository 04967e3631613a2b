"""Judging mined pairs: precision and recall worked out by hand, by traffic and by importance."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from shelfsense.errors import InputRefused
from shelfsense_training.mining.pair_figures import figures_table
from shelfsense_training.mining.pair_judging import judge_pairs

NEEDS = [
    *[("shoes", "en", "s/", 50.0), ("trainers", "en", "s/", 20.0), ("shos", "en", "s/", 1.0)],
    *[("red shoes", "en", "s/red", 10.0), ("red trainers", "en", "s/red", 5.0)],
    *[("caps", "en", "c/", 9.0), ("lids", "en", "c+l/", 8.0)],
    *[("schuhe", "de", "s/", 7.0), ("treter", "de", "s/", 3.0), ("hut", "de", "c/", 2.0)],
]
"""True pairs: 3 of shoes, 1 of red shoes, 1 of schuhe; ten queries, so every decile holds one."""

MINED = [
    ("trainers", "shoes", "en", 4.0),
    ("Red  Trainers", "red shoes", "en", 3.0),
    ("red shoes", "shoes", "en", 2.0),
    ("lids", "caps", "en", 1.0),
    ("shos", "never searched", "en", 1.0),
]


def write(path: Path, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Path:
    pq.write_table(pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows]), path)
    return path


def judged(folder: Path, mined: list[tuple[Any, ...]]) -> dict[str, Any]:
    columns = ("query_a", "query_b", "locale", "importance")
    pairs = write(folder / "pairs.parquet", columns, mined)
    return judge_pairs(pairs, write(folder / "needs.parquet", ("query", "locale", "need", "popularity"), NEEDS))


def test_precision_recall_and_what_is_wrong(tmp_path: Path) -> None:
    figures = judged(tmp_path, MINED)
    assert figures["pairs_of_unknown_queries"] == 1
    assert figures["all"] == {
        "pairs": 4,
        "precision": 2 / 4,
        "weighted_precision": 7 / 10,
        "other_variant": 1,
        "other_types": 1,
        "true_pairs": 5,
        "recall": 2 / 5,
        "queries_with_a_partner": 7,
        "reached": 4 / 7,
    }


def test_quartiles_go_from_the_least_important_up(tmp_path: Path) -> None:
    parts = judged(tmp_path, MINED)["importance_quartiles"]
    assert [part["precision"] for part in parts] == [0.0, 0.0, 1.0, 1.0]


def test_a_pair_belongs_to_the_decile_of_its_rarer_query(tmp_path: Path) -> None:
    deciles = judged(tmp_path, MINED)["deciles"]
    # By popularity: shoes, trainers, red shoes, caps, lids, schuhe, red trainers, treter, hut, shos.
    assert [decile["pairs"] for decile in deciles] == [0, 1, 1, 0, 1, 0, 1, 0, 0, 0]
    assert [decile["true_pairs"] for decile in deciles] == [0, 1, 0, 0, 0, 0, 1, 1, 0, 2]
    assert (deciles[6]["recall"], deciles[9]["recall"], deciles[8]["recall"]) == (1.0, 0.0, None)
    assert (deciles[0]["reached"], deciles[0]["precision"]) == (1.0, None)
    assert [part["pairs"] for part in deciles[6]["importance_quartiles"]] == [0, 0, 1, 0]


def test_locales_have_their_own_figures(tmp_path: Path) -> None:
    by_locale = judged(tmp_path, MINED)["by_locale"]
    assert (by_locale["de"]["true_pairs"], by_locale["de"]["recall"]) == (1, 0.0)
    assert (by_locale["en"]["true_pairs"], by_locale["en"]["recall"]) == (4, 0.5)


def test_a_pair_given_both_ways_counts_once_and_a_query_is_no_pair_of_itself(tmp_path: Path) -> None:
    turned = [("shoes", "trainers", "en", 1.0), ("trainers", "shoes", "en", 2.0), ("shoes", "SHOES", "en", 1.0)]
    assert judged(tmp_path, turned)["all"]["pairs"] == 1


def test_the_table_has_a_row_for_every_part(tmp_path: Path) -> None:
    figures = judged(tmp_path, MINED)
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(figures_table(figures))
    lines = console.export_text().splitlines()
    assert len(lines) == 1 + 1 + 4 + 10 + 2
    assert lines[1].split() == ["all", "4", "0.5000", "0.7000", "1", "1", "0.4000", "0.5714"]


def test_a_file_without_its_columns_is_refused(tmp_path: Path) -> None:
    table = write(tmp_path / "t.parquet", ("query", "locale"), [("cup", "en")])
    with pytest.raises(InputRefused, match="there is no column 'need'"):
        judge_pairs(table, table)
    with pytest.raises(InputRefused, match="there is no such file"):
        judge_pairs(table, tmp_path / "none.parquet")
