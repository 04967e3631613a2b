"""Figures of reformulation: distances of rankings, ratios, thresholds and marked spans, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shelfsense.reformulation.word_gates import words_refusal
from shelfsense_training.reformulation_evaluation.acceptance import Trial, threshold_curve, trial_figures
from shelfsense_training.reformulation_evaluation.consistency import group_figures
from shelfsense_training.reformulation_evaluation.human_spans import MarkedQuery, differing_kinds
from shelfsense_training.reformulation_evaluation.measured import is_figure, mean_figure, ratio_figure
from shelfsense_training.reformulation_evaluation.near_pairs import chosen_rule, near_pairs
from shelfsense_training.reformulation_evaluation.pool_texts import pool_texts
from shelfsense_training.reformulation_evaluation.ranking_distance import (
    rank_biased_overlap,
    rank_distance,
    top_overlap,
)
from shelfsense_training.reformulation_evaluation.refusal_kinds import refusal_kind
from shelfsense_training.retrieval.tagged_queries import TaggedQuery

OTHER, UNIT, COLOR, BRAND = 0, 1, 2, 3


def test_the_distance_of_a_ranking_to_itself_is_nothing_and_to_a_stranger_one() -> None:
    assert rank_distance([4, 2, 7], [4, 2, 7]) == 0
    assert rank_distance([4, 2, 7], [1, 3, 5]) == pytest.approx(1)


def test_swapping_the_first_two_is_the_difference_of_their_discounts() -> None:
    # d(1) = 1, d(2) = 0.63093, absent d(3) = 0.5: 2 x 0.36907 of 2 x (0.5 + 0.13093).
    assert rank_distance([1, 2], [2, 1]) == pytest.approx(0.36907 / 0.63093, abs=1e-4)


def test_a_change_at_the_top_is_further_than_one_at_the_end() -> None:
    assert rank_distance([1, 2, 3, 4], [2, 1, 3, 4]) > rank_distance([1, 2, 3, 4], [1, 2, 4, 3])


def test_rank_biased_overlap_by_hand() -> None:
    # Overlap at depths 1, 2, 3: 1, 1/2, 2/3. p = 1/2: 1/2 + 1/8 + 1/12, and 2/3 of 1/8 for what lies deeper.
    assert rank_biased_overlap([1, 2, 3], [1, 3, 4], 0.5) == pytest.approx(1 / 2 + 1 / 8 + 1 / 12 + 1 / 12)
    assert rank_biased_overlap([1, 2, 3], [1, 2, 3]) == pytest.approx(1)
    assert rank_biased_overlap([1, 2, 3], [4, 5, 6]) == 0


def test_top_overlap_counts_items_not_places() -> None:
    assert top_overlap([1, 2, 3, 4], [4, 3, 9, 8]) == 0.5


def test_a_group_is_the_mean_over_its_pairs_and_its_gain_that_of_the_other_members() -> None:
    same, late = [5, 6, 7], [6, 5, 7]
    figures = group_figures([same, same, late], head=5)
    assert figures["top-10 overlap"] == 1
    assert figures["rank distance"] == pytest.approx(rank_distance(same, late) * 2 / 3)
    assert figures["NDCG@3"] == pytest.approx((1 + 1 / math.log2(3)) / 2)


def test_a_ratio_is_of_sums_and_knows_when_there_is_none() -> None:
    figure = ratio_figure([1, 0, 1, 1], [1, 1, 2, 0])
    assert figure["value"] == pytest.approx(3 / 4)
    assert figure["n"] == 4
    assert is_figure(figure)
    assert ratio_figure([0, 0], [0, 0])["value"] is None


def test_an_interval_holds_its_mean_and_nothing_has_none() -> None:
    figure = mean_figure([True, False, True, True])
    assert figure["value"] == 0.75
    assert figure["low"] is not None
    assert figure["high"] is not None
    assert figure["low"] < 0.75 < figure["high"]
    assert mean_figure([])["value"] is None


def trial(served: str, offered: str, score: float, without: str, false_score: float) -> Trial:
    """A trial of what is "head", "other" or "" with the head there, and of what is accepted without it."""
    return Trial(
        accepted=bool(served),
        right=served == "head",
        false=bool(without),
        score=score,
        offered_right=offered == "head",
        false_score=false_score,
    )


TRIALS = [
    trial("head", "head", 0.9, "", 0.5),
    trial("other", "other", 0.8, "other", 0.8),
    trial("", "head", 0.6, "", 0.4),
    trial("", "", -1.0, "", -1.0),
]


def test_what_is_accepted_without_the_head_is_wrong() -> None:
    figures = trial_figures(TRIALS)
    assert figures["precision"]["value"] == pytest.approx(1 / 3)
    assert figures["precision with the head there"]["value"] == pytest.approx(1 / 2)
    assert figures["coverage"]["value"] == pytest.approx(1 / 4)
    assert figures["accepted without the head"]["value"] == pytest.approx(1 / 4)


def test_the_best_threshold_keeps_precision() -> None:
    best, curve = threshold_curve(TRIALS)
    assert best == {"threshold": 0.9, "precision": 1.0, "coverage": 0.25}
    # From 0.6 on: two right ones of 0.9, 0.8, 0.8, 0.6.
    assert {"threshold": 0.6, "precision": 0.5, "coverage": 0.5} in curve


def test_there_may_be_no_threshold_that_keeps_precision() -> None:
    best, _ = threshold_curve([trial("", "other", 0.5, "", 0.7)])
    assert best["threshold"] is None
    assert best["coverage"] == 0


def marked(*pieces: tuple[str, int]) -> MarkedQuery:
    return MarkedQuery.of(TaggedQuery(tuple(p for p, _ in pieces), tuple(k for _, k in pieces), "en"))


def test_spans_differ_by_kind_and_words_and_not_by_plural_or_order() -> None:
    red = marked(("red", COLOR), ("adidas", BRAND), ("shoe", OTHER))
    assert differing_kinds(red, marked(("adidas", BRAND), ("shoes", OTHER), ("reds", COLOR))) == frozenset()
    assert differing_kinds(red, marked(("blue", COLOR), ("adidas", BRAND))) == {"color"}
    assert differing_kinds(red, marked(("shoe", OTHER))) == {"color", "brand"}


def test_the_words_of_one_span_are_one_set() -> None:
    assert marked(("light", COLOR), ("blue", COLOR)).spans == {("color", frozenset({"light", "blue"}))}


@pytest.mark.parametrize(
    ("query", "head", "kind"),
    [
        ("phone case 13", "phone case 15", "number"),
        ("t shirt xl", "t shirt xxl", "size"),
        ("gum without sugar", "gum with sugar", "negation"),
        ("shoes for men", "shoes for women", "audience"),
        ("shoes", "shoes for women", "audience"),
        ("shoes for women", "shoes", "audience"),
        ("wired mouse", "wireless mouse", "opposite"),
        ("shoe", "shoe", ""),
    ],
)
def test_every_gate_has_its_kind(query: str, head: str, kind: str) -> None:
    assert refusal_kind(words_refusal(query, "en", head, "en")) == kind


def test_the_first_rule_with_enough_pairs_is_taken() -> None:
    rules: dict[str, list[tuple[int, int]]] = {"threshold": [], "cosine": [], "nearest": []}
    assert chosen_rule(rules, [250, 900, 2000]) == "threshold"
    assert chosen_rule(rules, [3, 900, 2000]) == "cosine"
    assert chosen_rule(rules, [3, 9, 20]) == "nearest"


def test_a_near_pair_is_counted_once_and_nobody_is_near_itself() -> None:
    angles = np.array([0.0, 0.1, 0.2, 3.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    pairs = near_pairs(vectors, [(0, 0), (0, 1), (1, 0)])
    assert pairs["at the threshold"] == [(0, 1)]
    assert pairs["nearest 3, cosine 0.85"] == [(0, 1), (0, 2), (1, 2)]
    assert len(pairs["nearest 3"]) == 6


def test_an_index_holds_what_is_wanted_and_composed_heads_up_to_its_number() -> None:
    texts = pool_texts("de", ["laufschuhe herren rot"], heads=600)
    assert texts[0] == "laufschuhe herren rot"
    assert len(texts) == 600
    assert texts == pool_texts("de", ["laufschuhe herren rot"], heads=600)
    assert texts != pool_texts("de", ["laufschuhe herren rot"], heads=600, seed=1)


def test_no_other_head_says_what_a_query_or_its_head_says() -> None:
    plain = pool_texts("en", [], heads=500)
    texts = pool_texts("en", ["men running shoes"], ["wireless-earbuds"], heads=500)
    assert {"running shoes men", "wireless earbuds", "dresses"} <= set(plain)
    assert "running shoes men" not in texts
    assert "wireless earbuds" not in texts
    assert "dresses" in texts
