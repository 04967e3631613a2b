"""The learning rate: climbs over the first twentieth, may stay, then falls on a cosine."""

from __future__ import annotations

import pytest

from shelfsense_training.schedule import learning_rate


@pytest.mark.parametrize(
    ("step", "rate"),
    # 105 steps: 5 climb; the cosine is at half its height 50 steps later: 0.1 + 0.9 / 2.
    [(0, 0.2), (3, 0.8), (4, 1.0), (5, 1.0), (55, 0.55), (30, 0.1 + 0.45 * (1 + 0.5**0.5))],
)
def test_the_rate_by_hand(step: int, rate: float) -> None:
    assert learning_rate(step, 105, 2e-4) == pytest.approx(rate * 2e-4)


def test_the_rate_falls_after_warm_up_and_never_below_a_tenth() -> None:
    rates = [learning_rate(step, 1000, 1.0) for step in range(1000)]
    assert rates.index(max(rates)) == 49
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert 0.1 <= rates[-1] < 0.1001


@pytest.mark.parametrize("steps", [1, 2, 19])
def test_a_run_too_short_to_climb_starts_at_the_peak(steps: int) -> None:
    assert learning_rate(0, steps, 1.0) == 1.0


@pytest.mark.parametrize(
    ("step", "rate"),
    # Kept for half of the 100 steps after warm-up; then 50 steps down to a fifth, half way at 25.
    [(5, 1.0), (55, 1.0), (80, 0.6), (105, 0.2)],
)
def test_a_plateau_by_hand(step: int, rate: float) -> None:
    assert learning_rate(step, 105, 1.0, decay_from=0.5, lowest=0.2) == pytest.approx(rate)


def test_a_plateau_to_the_end() -> None:
    assert learning_rate(104, 105, 1.0, decay_from=1.0) == 1.0
