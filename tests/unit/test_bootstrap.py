"""Intervals by query: what is drawn, what is paired, and that weights mean repetition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from shelfsense_training.evaluation.bootstrap import Sampled, mean_of, resampled
from shelfsense_training.evaluation.figures import FIGURES, MacroRecall, MicroRecall, Ratio, system_figures
from shelfsense_training.evaluation.metrics import (
    deployed,
    macro_recall_at_precision,
    recall_at_precision,
    top_k_accuracy,
)


def sample(queries: int = 60, types: int = 8, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores that say something of the labels, rounded so that many tie; every query has a positive."""
    generator = np.random.default_rng(seed)
    labels = generator.random((queries, types)) < 0.1
    labels[np.arange(queries), generator.integers(0, types, queries)] = True
    scores: NDArray[np.float64] = np.floor(100 * (generator.random((queries, types)) + 0.8 * labels)) / 100
    return scores, labels


def once(queries: int) -> NDArray[np.int32]:
    return np.ones((1, queries), dtype=np.int32)


def test_at_weights_of_one_every_figure_is_its_definition() -> None:
    scores, labels = sample(200)
    accepted = scores > 0.9
    figures = {name: float(f.under(once(200))[0]) for name, f in system_figures(scores, accepted, labels).items()}
    assert tuple(figures) == FIGURES
    precision, recall, coverage = deployed(accepted, labels)
    assert figures == pytest.approx(
        {
            "top_1": top_k_accuracy(scores, labels, 1),
            "top_3": top_k_accuracy(scores, labels, 3),
            "recall_at_precision": recall_at_precision(scores, labels).recall,
            "macro_recall_at_precision": macro_recall_at_precision(scores, labels).recall,
            "precision": precision,
            "recall": recall,
            "coverage": coverage,
        }
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_weight_is_that_many_copies_of_the_query(seed: int) -> None:
    scores, labels = sample(seed=seed)
    weights = np.random.default_rng(seed).multinomial(60, np.full(60, 1 / 60), size=20).astype(np.int32)
    found = MicroRecall(scores, labels).under(weights)
    copies = [np.repeat(np.arange(60), row) for row in weights]
    assert found.tolist() == [recall_at_precision(scores[rows], labels[rows]).recall for rows in copies]


def test_queries_heavier_than_the_front_of_the_ranking_are_followed_beyond_it() -> None:
    # The first 300 queries have their right type on top, the last is right far below, and weighs most.
    scores = np.linspace(1, 0, 4000).reshape(1000, 4)
    labels = np.zeros((1000, 4), dtype=np.bool_)
    labels[:5] = True
    labels[999, 3] = True
    weights = np.ones((2, 1000), dtype=np.int32)
    weights[1, 999] = 1_000_000
    found = MicroRecall(scores, labels).under(weights)
    # Only queries with a positive take part: 20 right pairs on top, then three wrong ones and the last right one.
    assert found[0] == 1.0  # 21 of 24 pairs
    assert found[1] == pytest.approx(20 / 1_000_020)  # 1,000,020 of 4,000,020 pairs is too few


def test_queries_without_a_positive_are_misses_of_top_k_alone() -> None:
    scores, labels = sample(100)
    unmapped = np.vstack([labels, np.zeros((50, 8), dtype=np.bool_)])
    more = np.vstack([scores, np.full((50, 8), 5.0)])
    plain = system_figures(scores, scores > 0.9, labels)
    mixed = system_figures(more, more > 0.9, unmapped)
    for name in FIGURES:
        before, after = plain[name].under(once(100))[0], mixed[name].under(once(150))[0]
        assert after == pytest.approx(before * (100 / 150 if name.startswith("top") else 1))


def test_macro_averages_the_types_a_resample_still_has() -> None:
    labels = np.zeros((20, 2), dtype=np.bool_)
    labels[:10, 0] = labels[10:, 1] = True
    scores = np.where(labels, 0.9, 0.1)
    scores[:, 1] = 0.5  # type 1 reaches the precision only where no other query is left
    weights = np.zeros((3, 20), dtype=np.int32)
    weights[0], weights[1, :10], weights[2, 10:] = 1, 2, 2
    assert MacroRecall(scores, labels).under(weights).tolist() == [0.5, 1.0, 1.0]


def test_the_interval_of_a_share_is_the_binomial_one() -> None:
    hits = np.arange(400) < 100
    figure = resampled({"share": Ratio(hits, np.ones(400))}, 400, resamples=2000, seed=3)["share"]
    half = 1.96 * math.sqrt(0.25 * 0.75 / 400)
    assert figure.value == 0.25
    assert figure.interval() == pytest.approx((0.25 - half, 0.25 + half), abs=0.005)


def test_equal_seeds_give_equal_draws_and_equal_systems_a_difference_of_0() -> None:
    scores, labels = sample(300)
    figures = {"a": MicroRecall(scores, labels), "b": MicroRecall(scores, labels), "c": MicroRecall(-scores, labels)}
    found = resampled(figures, 300, resamples=100, seed=(1, 2))
    again = resampled({"a": figures["a"]}, 300, resamples=100, seed=(1, 2))
    assert found["a"].draws.tolist() == again["a"].draws.tolist()
    assert found["a"].minus(found["b"]).interval() == (0.0, 0.0)
    better = found["a"].minus(found["c"])
    assert better.value > 0
    assert better.interval()[0] > 0


def test_pairing_narrows_the_interval_of_a_difference() -> None:
    hits = np.random.default_rng(0).random(500) < 0.5
    almost = hits.copy()
    almost[:5] = True
    found = resampled({"a": Ratio(almost, np.ones(500)), "b": Ratio(hits, np.ones(500))}, 500, seed=1)
    low, high = found["a"].minus(found["b"]).interval()
    assert 0 <= low <= high < 0.02


def test_no_resamples_give_the_value_alone() -> None:
    figure = resampled({"f": Ratio(np.ones(3), np.ones(3))}, 3, resamples=0)["f"]
    assert figure.value == 1.0
    assert all(math.isnan(end) for end in figure.interval())


def test_a_mean_over_locales_leaves_out_where_it_is_undefined() -> None:
    nan = math.nan
    first, second = Sampled(0.2, np.array([0.1, 0.3])), Sampled(0.8, np.array([0.7, nan]))
    nowhere = Sampled(nan, np.array([nan, 0.5]))
    mean = mean_of([first, second, nowhere], [1.0, 3.0, 100.0])
    assert mean.value == pytest.approx((0.2 + 3 * 0.8) / 4)
    assert mean.draws.tolist() == pytest.approx([(0.1 + 3 * 0.7) / 4, 0.3])
    assert math.isnan(mean_of([nowhere], [1.0]).value)
