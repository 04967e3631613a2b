"""The score of a reformulation: a logistic model of its signs, and the cosine that could still reach a threshold."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfsense.reformulation.agreement import LeastCosines, agreement, least_cosine, letter_signs
from shelfsense.thresholds import AgreementWeights, LocaleThresholds, Thresholds

WEIGHTS = AgreementWeights(cosine=20.0, overlap=3.0, both=1.0, surplus=-1.5, type_odds=0.5, shift=-19.0)
SHARE = st.floats(0, 1)


def test_the_score_is_the_logistic_of_the_weighted_signs() -> None:
    assert agreement(WEIGHTS, 0.9, 0.5, 0.2, 2.0) == pytest.approx(
        1 / (1 + math.exp(-(18 + 1.5 + 0.45 - 0.3 + 1 - 19)))
    )


@given(SHARE, SHARE, st.floats(-4, 4), st.floats(0.01, 0.99))
def test_no_head_below_the_least_cosine_reaches_the_threshold(
    cosine: float, overlap: float, odds: float, threshold: float
) -> None:
    if cosine < least_cosine(WEIGHTS, threshold) - 1e-9:
        assert agreement(WEIGHTS, cosine, overlap, 2 * (1 - overlap) / (2 - overlap), odds) < threshold


@settings(max_examples=30)  # a table of them is made for each
@given(st.lists(st.tuples(SHARE, SHARE, st.floats(-4, 4)), min_size=20), st.floats(0.01, 0.99))
def test_no_head_below_the_least_cosine_of_its_type_reaches_the_threshold(
    signs: list[tuple[float, float, float]], threshold: float
) -> None:
    least = LeastCosines(WEIGHTS, threshold)
    for cosine, overlap, odds in signs:
        assert least.of(odds) >= least_cosine(WEIGHTS, threshold) - 1e-3
        if cosine < least.of(odds) - 1e-9:
            assert agreement(WEIGHTS, cosine, overlap, 2 * (1 - overlap) / (2 - overlap), odds) < threshold


def test_a_head_of_an_unlikely_type_needs_a_greater_cosine() -> None:
    least = LeastCosines(WEIGHTS, 0.5)
    assert least.of(-4.0) > least.of(0.0) > least.of(4.0)


def test_without_weights_the_score_is_the_cosine() -> None:
    assert LeastCosines(None, 0.93).of(-4.0) == 0.93
    assert least_cosine(None, 0.93) == 0.93
    assert least_cosine(WEIGHTS, 2.0) == 2.0


def test_a_misspelling_keeps_most_of_its_letters() -> None:
    assert letter_signs("wireles hedphones", "en", "wireless headphones", "en")[0] > 0.6
    assert letter_signs("kettle", "en", "sofa", "en") == (0.0, 0.0)


def test_weights_come_back_from_the_file_and_files_without_have_none() -> None:
    entry = LocaleThresholds((0.5,), "real", 0.9, "composed")
    assert Thresholds.from_json(Thresholds({"en": entry}, agreement=WEIGHTS).to_json()).agreement == WEIGHTS
    assert Thresholds.from_json(Thresholds({"en": entry}).to_json()).agreement is None


def test_the_same_words_in_another_order_count_apart() -> None:
    weights = replace(WEIGHTS, whole=3.0)
    assert agreement(weights, 0.9, 0.99, 0.0, 0.0) == agreement(WEIGHTS, 0.9, 0.99, 0.0, 0.0)
    assert agreement(weights, 0.9, 1.0, 0.0, 0.0) > agreement(WEIGHTS, 0.9, 1.0, 0.0, 0.0)
    assert least_cosine(weights, 0.9) < least_cosine(WEIGHTS, 0.9)
    assert letter_signs("cover for couch", "en", "sofa cover grey", "en")[0] < 1
    assert letter_signs("sofa cover", "en", "cover couch", "en")[0] == 1
