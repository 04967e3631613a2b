"""Bounded thresholds: the posterior by hand, whose word counts when, and that luck is no evidence."""

from __future__ import annotations

from math import exp, inf, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfsense.thresholds import NEVER
from shelfsense_training.calibration.bounded_threshold import bounded_threshold, denied, posterior
from shelfsense_training.calibration.level_thresholds import ThresholdSettings, level_thresholds
from shelfsense_training.calibration.prior_strength import prior_strength
from shelfsense_training.calibration.scored_pairs import ScoredPairs

NONE = ScoredPairs.together([])


def pairs(*runs: tuple[float, int, int]) -> ScoredPairs:
    """Return runs of (score, right pairs, wrong pairs)."""
    scores = np.concatenate([np.full(right + wrong, score, dtype=np.float32) for score, right, wrong in runs])
    return ScoredPairs(scores, np.concatenate([np.arange(right + wrong) < right for _, right, wrong in runs]))


def threshold(
    own: ScoredPairs, group: ScoredPairs, *, prior: float = 100, confidence: float = 0.9, checked: float = inf
) -> float:
    return bounded_threshold(
        own, group, 0.8, prior_pairs=prior, confidence=confidence, fewest=20, checked_pairs=checked
    )


def parameters(own: tuple[float, float], group: tuple[float, float], prior: float) -> tuple[float, float]:
    n, h, groups, hits = (np.array([float(value)]) for value in (*own, *group))
    found = posterior(n, h, groups, hits, prior)
    return float(found[0][0]), float(found[1][0])


def test_the_posterior_by_hand() -> None:
    # 8 of 10 own; the group's 30 of 40 count for 20 pairs: 15 right, 5 wrong; half a pair of either to start with.
    assert parameters((10, 8), (40, 30), 20) == (23.5, 7.5)


def test_the_group_counts_for_no_more_pairs_than_it_has() -> None:
    assert parameters((10, 8), (40, 30), 1000) == (38.5, 12.5)
    assert parameters((10, 8), (0, 0), 1000) == (8.5, 2.5)


@given(st.integers(1, 10_000), st.integers(0, 100), st.integers(1, 1000))
def test_the_posterior_goes_from_the_group_to_the_own_share(pairs_of_own: int, percent: int, prior: int) -> None:
    own = percent / 100
    alpha, beta = parameters((pairs_of_own, own * pairs_of_own), (1_000_000, 800_000), prior)
    mean = alpha / (alpha + beta)
    n = pairs_of_own
    expected = (n * own + prior * 0.8 + 0.5) / (n + prior + 1)
    assert mean == pytest.approx(expected)
    assert abs(mean - own) <= abs(0.8 - own) * prior / (n + prior) + 0.5 / (n + prior)
    assert abs(mean - 0.8) <= abs(0.8 - own) * n / (n + prior) + 0.5 / (n + prior)


def test_denial_without_pairs_is_the_arcsine_law() -> None:
    # Beta(1/2, 1/2) has 2/pi arcsin(sqrt(0.8)) = 0.7048 below 0.8.
    nothing = np.zeros(1)
    assert denied(nothing, nothing, 0.8, 0.70).tolist() == [True]
    assert denied(nothing, nothing, 0.8, 0.71).tolist() == [False]


GROUP = pairs((0.75, 300, 20), (0.5, 300, 40), (0.25, 100, 400))
"""Of the pairs from 0.5 on 600 of 660 are right."""


@pytest.mark.parametrize(("each", "expected"), [(0, 0.5), (1, 0.5), (2, 0.5), (40, 0.75), (400, 0.75)])
def test_a_locale_follows_the_group_until_its_own_pairs_are_many(each: int, expected: float) -> None:
    # Its own are all right from 0.75 on, and half of them wrong from 0.5 on.
    own = pairs((0.75, each, 0), (0.5, 0, each))
    assert threshold(own, GROUP) == expected


def test_with_many_pairs_the_group_has_no_say() -> None:
    own = pairs((0.5, 5000, 500), (0.25, 4000, 500))
    assert threshold(own, GROUP) == threshold(own, NONE) == 0.25


def test_a_thin_locale_accepts_something_even_if_its_few_pairs_are_wrong() -> None:
    assert threshold(pairs((0.6, 0, 3)), GROUP) <= 0.75


def test_where_no_bound_is_sure_enough_a_less_sure_one_counts() -> None:
    # 20 prior pairs can never be 99.9 % sure of 0.8: the group's 0.9 is asked for less.
    assert threshold(NONE, GROUP, prior=20, confidence=0.999) <= 0.75


def test_ample_pairs_that_never_hold_accept_nothing() -> None:
    assert threshold(pairs((0.75, 300, 300), (0.5, 300, 300)), GROUP) == NEVER


def test_a_lucky_run_beyond_a_bad_stretch_is_no_evidence() -> None:
    # From 0.75 on 50 of 80, and from 0.5 on 450 of 480: the way down ends at the bad stretch.
    own = pairs((1.0, 50, 0), (0.75, 0, 30), (0.5, 400, 0))
    assert threshold(own, NONE) == 1.0
    assert threshold(pairs((1.0, 50, 0), (0.75, 30, 0), (0.5, 400, 0)), NONE) == 0.5


def test_more_confidence_and_a_smaller_check_are_stricter() -> None:
    own = pairs(*[(score / 100, score // 10, 10 - score // 10) for score in range(40, 100)])
    found = [threshold(own, NONE, confidence=c) for c in (0.5, 0.8, 0.9)]
    assert found == sorted(found)
    assert len(set(found)) == 3
    checked = [threshold(own, NONE, checked=m) for m in (inf, 200, 50)]
    assert checked == sorted(checked)
    assert len(set(checked)) == 3


def test_too_few_pairs_of_all_together_are_no_evidence() -> None:
    assert threshold(pairs((0.5, 9, 0)), pairs((0.5, 10, 0))) == NEVER
    assert threshold(pairs((0.5, 10, 0)), pairs((0.5, 10, 0))) == 0.5
    assert threshold(NONE, NONE) == NEVER


def test_equal_scores_are_accepted_together() -> None:
    assert threshold(pairs((0.75, 50, 0), (0.5, 50, 50)), NONE) == 0.75


def test_the_reach_of_a_precision_by_hand() -> None:
    # 3 right pairs: a precision of 0.8 can hold at no more than 3.75 pairs, so the fourth from the top.
    found = ScoredPairs(np.array([0.9, 0.1, 0.7, 0.5, 0.3], dtype=np.float32), np.array([1, 0, 1, 1, 0], dtype=bool))
    assert found.reach(0.8) == pytest.approx(0.3)
    assert len(found.from_score(found.reach(0.8)).scores) == 4
    assert pairs((0.5, 0, 3)).reach(0.8) == inf


def test_locales_that_agree_share_more_than_locales_that_differ() -> None:
    many = np.full(20, 200.0)
    alike = prior_strength(many, np.full(20, 160.0))
    differing = prior_strength(many, np.where(np.arange(20) % 2, 200.0, 120.0))
    assert alike > 500
    assert differing < 20


def test_where_nothing_is_known_the_strength_is_the_middle_of_the_grid() -> None:
    middle = exp(sum(log(k) for k in (10, 20, 50, 100, 200, 500, 1000)) / 7)
    assert prior_strength(np.zeros(3), np.zeros(3)) == pytest.approx(middle)
    assert prior_strength(np.full(3, 10.0), np.full(3, 10.0)) == pytest.approx(middle)


def test_a_level_gives_every_locale_and_the_unseen_a_threshold() -> None:
    bad = pairs((0.75, 400, 0), (0.5, 0, 400))
    found = level_thresholds({"en": GROUP, "de": GROUP, "fr": bad}, ThresholdSettings())
    assert (found.by_locale["en"], found.by_locale["de"], found.by_locale["fr"]) == (0.5, 0.5, 0.75)
    assert 0.5 <= found.common <= 0.75
    assert level_thresholds({}, ThresholdSettings()).common == NEVER
