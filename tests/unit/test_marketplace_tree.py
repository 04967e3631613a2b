"""The marketplace's own categories as a tree: which nodes are labels, and which rows a query makes."""

from __future__ import annotations

import pytest

from shelfsense_training.marketplace_tree import (
    category_names,
    marketplace_judgements,
    marketplace_rows,
    marketplace_tree,
)
from shelfsense_training.sources.judged_queries import JudgedQuery
from shelfsense_training.sources.splits import Split


def judged(text: str, *category: str, split: Split = Split.TRAIN, relevant: bool = True) -> JudgedQuery:
    return JudgedQuery(text, "en", category, relevant, (), split)


TRAINING = [
    *(judged(f"lamp {i}", "home", "lights", "table lamps") for i in range(5)),
    *(judged(f"towel {i}", "home", "textile") for i in range(4)),
    *(judged("tire", "tires") for _ in range(9)),  # one query, judged nine times
    *(judged(f"not a shoe {i}", "shoes", relevant=False) for i in range(9)),
    *(judged(f"later {i}", "toys", split=Split.TEST) for i in range(9)),
]


@pytest.fixture(scope="module")
def ids() -> list[str]:
    return [node.id for node in marketplace_tree(TRAINING).nodes]


def test_nodes_of_two_levels_with_five_training_queries_are_labels(ids: list[str]) -> None:
    assert ids == ["home", "home > lights"]


def test_a_row_means_the_deepest_label_of_its_path_and_knows_what_is_wrong() -> None:
    tree = marketplace_tree(TRAINING)
    queries = [
        judged("Lamp", "home", "lights", "floor lamps"),
        judged("towel", "home", "textile"),
        judged("towel", "home", "lights", relevant=False),
        judged("ball", "toys"),
        judged("lamp x", "home", "lights", split=Split.VALIDATION),
    ]
    rows = marketplace_rows(queries, tree)
    assert [(row.text, row.types, row.negatives) for row in rows] == [
        ("lamp", ["home > lights"], []),
        ("towel", ["home"], ["home > lights"]),
    ]
    assert not any(row.complete for row in rows)


def test_judgements_outside_the_tree_are_left_out() -> None:
    tree = marketplace_tree(TRAINING)
    queries = [
        judged("a", "home", "lights", split=Split.TEST),
        judged("a", "toys", split=Split.TEST),
        judged("b", "home", split=Split.TEST, relevant=False),
        judged("c", "home"),
    ]
    found = marketplace_judgements(queries, tree, Split.TEST)
    assert [(row.query, row.product_type_id, row.relevant) for row in found] == [
        ("a", "home > lights", True),
        ("b", "home", False),
    ]


def test_categories_are_taught_by_their_own_names_and_only_those_of_training_queries() -> None:
    tree = marketplace_tree(TRAINING)
    known = [
        judged("a", "home", "lights", "table lamps"),
        judged("b", "home", "lights", "table lamps"),
        judged("c", "home", "lights", "floor lamps", split=Split.TEST),
        judged("d", "boats", "sails"),
    ]
    rows = category_names(known, tree)
    assert [(row.text, row.types) for row in rows] == [
        ("lights", ["home > lights"]),
        ("table lamps", ["home > lights"]),
    ]
