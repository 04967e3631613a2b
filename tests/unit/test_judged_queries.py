"""Judged queries: category paths with commas in their names, and the rules of the frozen mapping table."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from shelfsense.errors import InputRefused
from shelfsense_training.sources.data_folder import data_folder
from shelfsense_training.sources.judged_queries import (
    MAPPING,
    JudgedQuery,
    acceptable_nodes,
    read_judged_queries,
    read_mapping,
    split_category,
)
from shelfsense_training.sources.taxonomy import Taxonomy


@pytest.mark.parametrize(
    ("path", "nodes"),
    [
        ("shoes,sneakers", ("shoes", "sneakers")),
        ("tires", ("tires",)),
        ("automobiles, parts & accessories,wheels, tires & tubes", ("automobiles, parts & accessories", "wheels, tires & tubes")),
        ("sports shoes,clothing&accessories,socks", ("sports shoes,clothing&accessories", "socks")),
        ("home,kitchen,dining & bar,cups", ("home", "kitchen,dining & bar", "cups")),
        ("jewelry findings & components(old, obsolete),beads", ("jewelry findings & components(old, obsolete)", "beads")),
    ],
)  # fmt: skip
def test_a_path_splits_at_the_commas_between_nodes_only(path: str, nodes: tuple[str, ...]) -> None:
    assert split_category(path) == nodes


def test_the_longest_prefix_decides() -> None:
    mapping: dict[tuple[str, ...], tuple[str, ...]] = {("shoes",): ("aa-8",), ("shoes", "inline skates"): ("sg-4",)}
    assert acceptable_nodes(("shoes",), mapping) == ("aa-8",)
    assert acceptable_nodes(("shoes", "boots", "snow boots"), mapping) == ("aa-8",)
    assert acceptable_nodes(("shoes", "inline skates", "kids"), mapping) == ("sg-4",)
    assert acceptable_nodes(("toys", "shoes"), mapping) == ()


def test_every_prefix_is_mapped_once() -> None:
    with MAPPING.open(encoding="utf-8", newline="") as file:
        prefixes = [row["prefix"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    assert len(prefixes) == len(set(prefixes)) == len(read_mapping())
    assert all(prefix == prefix.strip() for prefix in prefixes)


def test_a_prefix_has_at_most_three_level_2_nodes_in_at_most_two_verticals() -> None:
    for prefix, nodes in read_mapping().items():
        assert 1 <= len(nodes) <= 3, prefix
        assert len(set(nodes)) == len(nodes), prefix
        assert all(re.fullmatch(r"[a-z]{2}-\d+", node) for node in nodes), prefix
        assert len({node.partition("-")[0] for node in nodes}) <= 2, prefix


@pytest.fixture(scope="module")
def data() -> Path:
    try:
        return data_folder()
    except InputRefused as absent:
        pytest.skip(str(absent))


@pytest.fixture(scope="module")
def judged(data: Path) -> list[JudgedQuery]:
    return read_judged_queries(data)


@pytest.mark.data
def test_the_mapping_names_level_2_types_of_the_default_tree(data: Path) -> None:
    types = Taxonomy(data).product_types
    for prefix, nodes in read_mapping().items():
        assert {int(types.level[types.index[node]]) for node in nodes} == {2}, prefix


@pytest.mark.data
def test_the_mapping_covers_at_least_97_in_100_judgements(judged: list[JudgedQuery]) -> None:
    assert sum(bool(query.acceptable) for query in judged) / len(judged) >= 0.97
    relevant = [query for query in judged if query.relevant]
    assert sum(bool(query.acceptable) for query in relevant) / len(relevant) >= 0.97


@pytest.mark.data
def test_no_judged_node_is_left_with_a_comma_that_separates(judged: list[JudgedQuery]) -> None:
    allowed = {"sports shoes,clothing&accessories", "kitchen,dining & bar"}
    odd = {node for query in judged for node in query.category if re.search(r",(?! )", node)}
    assert odd <= allowed


@pytest.mark.data
def test_one_query_is_on_one_side(judged: list[JudgedQuery]) -> None:
    sides: dict[str, set[str]] = {}
    for query in judged:
        sides.setdefault(" ".join(query.text.lower().split()), set()).add(query.split)
    assert all(len(found) == 1 for found in sides.values())
