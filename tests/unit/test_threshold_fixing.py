"""Thresholds: the least that keeps a precision, and what a locale falls back to."""

from __future__ import annotations

import numpy as np
import pytest

from shelfsense.thresholds import NEVER, LocaleThresholds
from shelfsense_training.calibration.scored_pairs import ScoredPairs
from shelfsense_training.threshold_fixing import fix_thresholds, least_threshold


def pairs(*scored: tuple[float, int]) -> ScoredPairs:
    return ScoredPairs(
        np.array([score for score, _ in scored], dtype=np.float32), np.array([right == 1 for _, right in scored])
    )


# Precision after each run of equal scores: 1, 2/3, 3/4, 4/5.
TIED = pairs((0.875, 1), (0.75, 1), (0.75, 0), (0.5, 1), (0.25, 1))


@pytest.mark.parametrize(
    ("precision", "threshold"), [(1.0, 0.875), (0.9, 0.875), (0.8, 0.25), (0.75, 0.25), (0.6, 0.25)]
)
def test_the_least_threshold_by_hand(precision: float, threshold: float) -> None:
    assert least_threshold(TIED, precision, fewest=1) == threshold


def test_equal_scores_are_accepted_together() -> None:
    # Stopping between the two at 0.75 would keep 2 of 2.
    for first, second in ((1, 0), (0, 1)):
        assert least_threshold(pairs((0.875, 1), (0.75, first), (0.75, second)), 0.9, fewest=1) == 0.875


def test_the_order_of_the_pairs_does_not_matter() -> None:
    turned = ScoredPairs(TIED.scores[::-1].copy(), TIED.right[::-1].copy())
    assert least_threshold(turned, 0.8, fewest=1) == least_threshold(TIED, 0.8, fewest=1)


def test_too_few_accepted_pairs_are_no_evidence() -> None:
    assert least_threshold(TIED, 1.0, fewest=2) == NEVER
    assert least_threshold(pairs(*[(0.5, 1)] * 19), 0.8) == NEVER
    assert least_threshold(pairs(*[(0.5, 1)] * 20), 0.8) == 0.5


def test_where_no_threshold_keeps_the_precision_there_is_none() -> None:
    assert least_threshold(pairs(*[(0.5, 0)] * 40), 0.8) == NEVER
    assert least_threshold(pairs(), 0.8) == NEVER


def at(score: float, count: int = 20) -> ScoredPairs:
    """Return pairs whose least threshold is a score: right ones, twenty unless told."""
    return pairs(*[(score, 1)] * count)


SILENT = pairs((0.99, 0))
"""Pairs that fix nothing, too few to matter among others."""


@pytest.fixture(scope="module")
def fixed() -> dict[str, LocaleThresholds]:
    """Thresholds of six locales; all real pairs together give 0.5 and 0.25, all names 0.125 at level 3."""
    thresholds = fix_thresholds(
        ["en", "de", "fr", "it", "nl", "sv"],
        real={"en": [at(0.75), at(0.25)], "de": [at(0.5), at(0.5)], "fr": [SILENT, at(0.75)]},
        composed={
            "en": [at(0.0), at(0.0), at(0.875)],
            "it": [at(0.375), at(0.75), at(0.125)],
            "nl": [SILENT, at(0.125), SILENT],
        },
        reformulations={"en": at(0.9375, 60), "de": at(0.75, 60), "it": SILENT},
    )
    return dict(thresholds.by_locale)


def test_a_locale_whose_pairs_agree_with_the_others_shares_their_threshold(
    fixed: dict[str, LocaleThresholds],
) -> None:
    assert fixed["en"].product_types[:2] == fixed["de"].product_types[:2] == (0.5, 0.25)
    assert fixed["de"].evidence == fixed["en"].evidence == "real"


def test_a_real_locale_whose_own_pairs_fix_nothing_gets_the_common_threshold(
    fixed: dict[str, LocaleThresholds],
) -> None:
    assert fixed["fr"].product_types[:2] == (0.5, 0.25)


def test_a_real_locale_whose_pairs_are_worse_gets_a_stricter_threshold_of_its_own() -> None:
    good = pairs(*[(0.5, 1)] * 200, *[(0.75, 1)] * 200)
    bad = pairs(*[(0.5, 0)] * 200, *[(0.75, 1)] * 200)
    both = {"en": [good, good], "fr": [good, good], "de": [bad, good]}
    found = fix_thresholds(["en", "fr", "de", "sv"], both, {"en": [good] * 3}, {"en": good}).by_locale
    assert (found["en"].product_types[0], found["de"].product_types[0]) == (0.5, 0.75)
    assert found["de"].product_types[1] == 0.5


def test_names_are_easier_than_queries_so_the_larger_threshold_holds(fixed: dict[str, LocaleThresholds]) -> None:
    assert fixed["it"].product_types[:2] == (0.5, 0.75)
    assert fixed["nl"].product_types[:2] == (0.5, 0.25)
    assert fixed["it"].evidence == "composed"


@pytest.mark.parametrize("tag", ["sv", "und"])
def test_a_locale_without_any_evidence_falls_back_to_the_common_thresholds(
    fixed: dict[str, LocaleThresholds], tag: str
) -> None:
    assert fixed[tag] == LocaleThresholds((0.5, 0.25, 0.125), "fallback", 0.75, "fallback")


def test_the_deepest_level_rests_on_names_everywhere(fixed: dict[str, LocaleThresholds]) -> None:
    assert {entry.product_types[2] for entry in fixed.values()} == {0.125}


def test_a_locale_whose_phrasings_go_wrong_has_a_larger_threshold() -> None:
    wrong = ScoredPairs.together([at(0.9375, 300), pairs(*[(0.75, 0)] * 300)])
    fixed = fix_thresholds(["en", "de", "fr"], {}, {}, {"en": wrong, "de": at(0.75, 300)})
    found = {tag: (entry.reformulation, entry.reformulation_evidence) for tag, entry in fixed.by_locale.items()}
    assert found["en"] == (0.9375, "composed")
    assert found["de"][1] == "composed"
    assert found["fr"][1] == "fallback"


def test_where_real_queries_fix_nothing_no_locale_accepts() -> None:
    thresholds = fix_thresholds(
        ["en", "it"],
        real={"en": [SILENT, SILENT]},
        composed={"it": [at(0.5), at(0.5), at(0.5)]},
        reformulations={"en": SILENT},
    )
    for entry in thresholds.by_locale.values():
        assert min(*entry.product_types[:2], entry.reformulation) > 1
