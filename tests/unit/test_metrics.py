"""The figures' definitions, against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shelfsense_training.evaluation.metrics import (
    deployed,
    macro_recall_at_precision,
    micro_f1,
    recall_at_precision,
    top_k_accuracy,
    top_k_hits,
)


def bools(*values: object) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.array(values, dtype=np.bool_)


FALLING = np.array([0.9, 0.8, 0.7, 0.6, 0.5])


@pytest.mark.parametrize(
    ("precision", "recall", "threshold"),
    # Precision after each pair: 1, 1, 2/3, 3/4, 4/5; four are right.
    [(0.8, 1.0, 0.5), (0.9, 0.5, 0.8), (0.75, 1.0, 0.5), (1.0, 0.5, 0.8)],
)
def test_recall_is_read_at_the_furthest_threshold_that_holds_the_precision(
    precision: float, recall: float, threshold: float
) -> None:
    assert recall_at_precision(FALLING, bools(1, 1, 0, 1, 1), precision, minimum=1) == (recall, threshold)


def test_a_table_is_ranked_over_all_its_pairs() -> None:
    scores = np.array([[0.9, 0.2], [0.1, 0.8]])
    # By falling score: right, right, wrong, right; precision 1, 1, 2/3, 3/4; three are right.
    found = recall_at_precision(scores, bools([1, 0], [1, 1]), minimum=1)
    assert found.recall == pytest.approx(2 / 3)
    assert found.threshold == 0.8


def test_a_threshold_accepts_all_equal_scores() -> None:
    # Stopping between the equal pairs would find 2 of 2; together they are 2 of 3.
    for labels in (bools(1, 1, 0), bools(1, 0, 1)):
        assert recall_at_precision(np.array([0.9, 0.5, 0.5]), labels, minimum=1) == (0.5, 0.9)
    assert recall_at_precision(np.array([0.5, 0.5]), bools(1, 0), minimum=1) == (0.0, math.inf)


def test_recall_is_0_where_no_threshold_holds_the_precision() -> None:
    assert recall_at_precision(FALLING, bools(0, 1, 1, 1, 0), minimum=1) == (0.0, math.inf)
    assert recall_at_precision(FALLING, bools(0, 0, 0, 0, 0), minimum=1) == (0.0, math.inf)


@pytest.mark.parametrize(("pairs", "recall"), [(19, 0.0), (20, 1.0)])
def test_fewer_than_twenty_accepted_pairs_are_no_evidence(pairs: int, recall: float) -> None:
    scores = np.linspace(0.9, 0.1, 100)
    labels = np.arange(100) < pairs
    assert recall_at_precision(scores, labels, precision=1.0).recall == recall


def test_28_of_35_is_a_precision_of_0_8() -> None:
    assert recall_at_precision(np.full(35, 0.5), np.arange(35) < 28).recall == 1.0


def test_macro_averages_types_and_counts_0_for_those_that_never_reach_the_precision() -> None:
    queries = np.arange(40)
    labels = np.stack([queries < 10, (queries >= 10) & (queries < 20), (queries >= 20) & (queries < 29)], axis=1)
    scores = np.stack(
        [
            np.where(queries < 10, 0.9, 0.1),  # 10 right ones on top: recall 1
            np.full(40, 0.5),  # no order: 10 of 40, never 0.8: counts 0
            np.where(queries >= 20, 0.9, 0.1),  # 9 right ones: too few to count
        ],
        axis=1,
    )
    assert macro_recall_at_precision(scores, labels) == (0.5, 2)


def test_macro_over_no_type_is_undefined() -> None:
    recall, types = macro_recall_at_precision(np.zeros((3, 2)), np.zeros((3, 2), dtype=np.bool_))
    assert math.isnan(recall)
    assert types == 0


def test_top_k_takes_any_acceptable_type_and_the_earlier_of_equal_ones() -> None:
    scores = np.array([[0.1, 0.9, 0.5], [0.5, 0.5, 0.1], [0.9, 0.2, 0.1], [0.3, 0.2, 0.1]])
    labels = bools([1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 0])
    assert top_k_hits(scores, labels, 1).tolist() == [False, False, True, False]
    assert top_k_hits(scores, labels, 2).tolist() == [True, True, True, False]
    assert top_k_accuracy(scores, labels, 3) == 0.75


def test_deployed_counts_pairs_and_queries() -> None:
    accepted = bools([1, 1, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1])
    labels = bools([1, 0, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1])
    assert deployed(accepted, labels) == (3 / 4, 3 / 5, 3 / 4)
    assert micro_f1(accepted, labels) == pytest.approx(2 * 3 / (4 + 5))


def test_nothing_accepted_has_no_precision() -> None:
    nothing = np.zeros((2, 2), dtype=np.bool_)
    precision, recall, coverage = deployed(nothing, bools([1, 0], [0, 1]))
    assert math.isnan(precision)
    assert (recall, coverage) == (0.0, 0.0)
    assert math.isnan(micro_f1(nothing, nothing))
