"""How long a worker that died waits for the next."""

from __future__ import annotations

from shelfsense.serving.worker_slot import delay_before_start


def test_the_first_death_costs_no_time_and_repeated_ones_ever_more_up_to_half_a_minute() -> None:
    assert [delay_before_start(failures) for failures in range(7)] == [0, 0, 0.5, 1, 2, 4, 8]
    assert delay_before_start(1000) == 30
