"""Judged queries: who is whose partner, and that no group is parted."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfsense.errors import InputRefused
from shelfsense_training.retrieval.graded_queries import EXACT, GradedQueries

TEXTS = ["red shoe", "crimson shoe", "shoe", "Red  Shoe", "kettle", "unjudged"]
GRADES = {0: {1: EXACT, 2: EXACT, 3: 2}, 1: {1: EXACT, 2: EXACT}, 2: {2: EXACT, 3: EXACT}, 4: {9: EXACT, 3: 2}}


@pytest.fixture
def queries() -> GradedQueries:
    return GradedQueries(TEXTS, GRADES)


def test_partners_share_exact_products_and_no_others(queries: GradedQueries) -> None:
    assert queries.partners() == {0: {1}, 1: {0}}
    assert queries.partners(1) == {0: {1, 2}, 1: {0, 2}, 2: {0, 1}}
    assert {(p.first, p.second): (p.common, p.fewer) for p in queries.shared} == {
        (0, 1): (2, 2),
        (0, 2): (1, 2),
        (1, 2): (1, 2),
    }


def test_connected_queries_and_equal_forms_are_one_group_in_one_fold(queries: GradedQueries) -> None:
    assert queries.group.tolist() == [0, 0, 0, 0, 4, 5]
    assert len(set(queries.fold[:4].tolist())) == 1


def test_a_query_without_judgements_is_a_candidate_all_the_same(queries: GradedQueries) -> None:
    assert len(queries) == 6
    assert queries.judged.tolist() == [True, True, True, False, True, False]


def test_a_judgement_of_an_unknown_query_is_named_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "queries.tsv").write_text("query_id\tquery\n1\tshoe\n", encoding="utf-8")
    (tmp_path / "judgements.tsv").write_text("query_id\tproduct_id\tgrade\n1\t5\t3\n8\t5\t3\n", encoding="utf-8")
    with pytest.raises(InputRefused, match="line 3: query_id 8"):
        GradedQueries.read(tmp_path)
