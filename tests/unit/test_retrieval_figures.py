"""Figures of retrieval against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shelfsense_training.retrieval.retrieval_figures import (
    discounted_gain,
    mean_interval,
    nearest,
    ranked_figures,
)


def test_the_reciprocal_is_of_the_first_partner_and_recall_is_of_all() -> None:
    figures = ranked_figures([[5, 7, 9], [1, 2, 3], [4, 4, 4]], [{7, 9}, {1, 8}, {6}])
    assert figures.reciprocal.tolist() == [0.5, 1.0, 0.0]
    assert figures.recall.tolist() == [1.0, 0.5, 0.0]


def test_a_partner_past_the_tenth_rank_has_no_reciprocal_but_is_recalled() -> None:
    figures = ranked_figures([list(range(100))], [{10}])
    assert figures.reciprocal.tolist() == [0.0]
    assert figures.recall.tolist() == [1.0]


def test_gain_is_a_share_of_the_best_order() -> None:
    assert discounted_gain([1, 2, 3], {1: 1.0}, 3) == 1.0
    assert discounted_gain([2, 1, 3], {1: 1.0}, 3) == pytest.approx(1 / np.log2(3))
    assert discounted_gain([9, 9, 9], {1: 1.0}, 3) == 0.0
    assert discounted_gain([1, 2], {1: 1.0, 2: 3.0}, 2) == pytest.approx((1 + 3 / np.log2(3)) / (3 + 1 / np.log2(3)))


def test_nearest_leaves_the_query_itself_out() -> None:
    vectors = np.eye(4, dtype=np.float32)
    vectors[1] = [0.9, 0.1, 0, 0]
    vectors[2] = [0.5, 0.5, 0, 0]
    assert nearest(vectors[[0]], vectors, 2, without=[0]).tolist() == [[1, 2]]
    assert nearest(vectors[[0]], vectors, 2).tolist() == [[0, 1]]


def test_an_interval_holds_its_mean_and_narrows_with_more_queries() -> None:
    few = mean_interval(np.array([0.0, 1.0] * 10))
    many = mean_interval(np.array([0.0, 1.0] * 1000))
    assert few.low < few.value == 0.5 < few.high
    assert many.high - many.low < 0.2 * (few.high - few.low)
