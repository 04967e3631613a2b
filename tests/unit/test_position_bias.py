"""Position bias: known propensities come back from clicks alone, and thin or missing experiments are not made up."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from shelfsense.errors import InputRefused
from shelfsense_training.mining.position_bias import PlacePair, estimate_position_bias


def pair(upper: int, lower: int, upper_clicks: float, lower_clicks: float, variation: float = 100.0) -> PlacePair:
    return PlacePair(upper, lower, upper_clicks, lower_clicks, variation)


def harvested(looks: list[float], seed: int, *, products: int = 3000, sessions: int = 60) -> list[PlacePair]:
    """Sum experiments over products of unequal appeal; better ones stand higher, so plain rates by place mislead."""
    random = np.random.default_rng(seed)
    sums: dict[tuple[int, int], Counter[str]] = {}
    for _ in range(products):
        appeal = random.beta(1, 4)
        home = np.clip(len(looks) * (1 - appeal) ** 3, 0, len(looks) - 1)
        place = np.clip(np.rint(home + random.normal(0, 1, sessions)), 0, len(looks) - 1).astype(int)
        clicked = random.random(sessions) < np.array(looks)[place] * appeal
        shown, clicks = np.bincount(place, minlength=len(looks)), np.bincount(place[clicked], minlength=len(looks))
        for k, m in combinations(np.flatnonzero(shown).tolist(), 2):
            both = shown[k] + shown[m]
            sums.setdefault((k + 1, m + 1), Counter()).update(
                upper=clicks[k] * shown[m] / both,
                lower=clicks[m] * shown[k] / both,
                variation=(clicks[k] + clicks[m]) * shown[k] * shown[m] / both**2,
            )
    return [pair(k, m, s["upper"], s["lower"], s["variation"]) for (k, m), s in sums.items()]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_known_propensities_are_recovered(seed: int) -> None:
    looks = [1.0, 0.7, 0.45, 0.3, 0.22, 0.15]
    bias = estimate_position_bias(range(1, 7), harvested(looks, seed), clip=0.01)
    assert list(bias.propensity.values()) == pytest.approx(looks, rel=0.1)
    assert bias.estimated == (1, 2, 3, 4, 5, 6)


def test_one_pair_is_its_ratio_and_two_paths_agree() -> None:
    assert estimate_position_bias([1, 2], [pair(1, 2, 80, 20)], clip=0.01).propensity == {
        1: 1.0,
        2: pytest.approx(0.25),
    }
    chain = [pair(1, 2, 60, 30), pair(2, 3, 60, 30), pair(1, 3, 80, 20)]
    assert estimate_position_bias([1, 2, 3], chain, clip=0.01).propensity[3] == pytest.approx(0.25)


def test_propensities_are_clipped() -> None:
    assert estimate_position_bias([1, 2], [pair(1, 2, 1000, 10)], clip=0.05).propensity[2] == 0.05


def test_a_place_without_experiments_takes_the_figure_above_it() -> None:
    bias = estimate_position_bias([1, 2, 3], [pair(1, 2, 40, 20), pair(2, 3, 9, 5)], clip=0.01)
    assert bias.propensity == {1: 1.0, 2: pytest.approx(0.5), 3: pytest.approx(0.5)}
    assert bias.estimated == (1, 2)


def test_pages_that_no_product_moves_between_are_joined_by_types() -> None:
    products = [pair(1, 2, 40, 20), pair(9, 10, 40, 20)]
    types = [pair(2, 9, 20, 40), pair(1, 2, 40, 39)]  # the second is left aside: products know better
    bias = estimate_position_bias([1, 2, 9, 10], products, types, clip=0.01)
    assert list(bias.propensity.values()) == pytest.approx([1.0, 0.5, 1.0, 0.5])


def test_no_place_at_all_is_refused() -> None:
    with pytest.raises(InputRefused, match="no impression has a position"):
        estimate_position_bias([], [], clip=0.1)
