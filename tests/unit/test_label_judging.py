"""Judging mined labels: precision and recall worked out by hand, by traffic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfsense.errors import InputRefused
from shelfsense_training.mining.judging import judge_labels


def write(path: Path, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Path:
    pq.write_table(pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows]), path)
    return path


TRUTH = [
    *[("tv", "en", "televisions", 1.0, 60.0, False)],
    *[("torch", "en", "lamps", 0.7, 30.0, True), ("torch", "en", "welders", 0.3, 30.0, True)],
    *[(f"tail {i}", "en", "pens", 1.0, 1.0, False) for i in range(8)],
    *[("Hose", "de", "trousers", 0.9, 2.0, False), ("Hose", "de", "hoses", 0.1, 2.0, False)],
]
MINED = [
    ("tv", "en", "televisions", 0.9),
    ("tv", "en", "stands", 0.2),
    ("torch", "en", "lamps", 0.5),
    ("hose", "de", "trousers", 0.8),
    ("hose", "de", "hoses", 0.2),
    ("tail 0", "en", "pens", 1.0),
    ("never asked", "en", "pens", 1.0),
]


@pytest.fixture
def figures(tmp_path: Path) -> dict[str, Any]:
    truth = ("query", "locale", "product_type_id", "probability", "volume", "conflict")
    return judge_labels(
        write(tmp_path / "labels.parquet", truth[:4], MINED), write(tmp_path / "truth.parquet", truth, TRUTH)
    )


def test_precision_and_recall_over_all(figures: dict[str, Any]) -> None:
    every = figures["all"]
    assert (every["queries"], every["queries_with_labels"], every["labels"], every["true_pairs"]) == (11, 4, 6, 12)
    assert (every["precision"], every["recall"]) == (4 / 6, 4 / 12)
    assert every["probability_error"] == pytest.approx((0.1 + 0.2 + 0.1 + 0.0) / 4)
    assert figures["labels_of_unknown_queries"] == 1


def test_top_half_is_the_fewest_queries_with_half_of_the_volume(figures: dict[str, Any]) -> None:
    top = figures["top_half_of_traffic"]
    assert (top["queries"], top["precision"], top["recall"]) == (1, 0.5, 1.0)


def test_deciles_are_equal_shares_of_queries_most_popular_first(figures: dict[str, Any]) -> None:
    sizes = [decile["queries"] for decile in figures["deciles"]]
    assert len(sizes) == 10
    assert sum(sizes) == 11
    assert (figures["deciles"][0]["precision"], figures["deciles"][1]["recall"]) == (0.5, 0.5)
    assert figures["deciles"][-1] | {"queries": 1} == {
        "queries": 1,
        "queries_with_labels": 0,
        "labels": 0,
        "true_pairs": 1,
        "precision": None,
        "recall": 0.0,
        "f1": 0.0,
        "probability_error": None,
    }


def test_conflicts_and_locales_have_their_own_figures(figures: dict[str, Any]) -> None:
    assert (figures["conflict"]["queries"], figures["conflict"]["recall"]) == (1, 0.5)
    assert (figures["by_locale"]["de"]["precision"], figures["by_locale"]["de"]["recall"]) == (0.5, 1.0)


def test_a_file_without_its_columns_is_refused(tmp_path: Path) -> None:
    table = write(tmp_path / "t.parquet", ("query", "locale"), [("tv", "en")])
    with pytest.raises(InputRefused, match="there is no column 'product_type_id'"):
        judge_labels(table, table)
    with pytest.raises(InputRefused, match="there is no such file"):
        judge_labels(table, tmp_path / "none.parquet")
