"""What a batch is made of: fixed shares of the sources, rare types before common ones."""

from __future__ import annotations

import numpy as np
import pytest

from shelfsense_training.sampling import RowSampler, SamplingSettings
from shelfsense_training.training_rows import TrainingRow


def row(source: str, kind: str = "sh", *, weight: float = 1.0) -> TrainingRow:
    return TrainingRow("x", "en", [kind], source, weight=weight)


NO_OTHERS = {"judged_share": 0.0, "asked_share": 0.0, "own_share": 0.0, "nothing_share": 0.0}
ONLY_NAMES = SamplingSettings(**NO_OTHERS)


def share_of(rows: list[TrainingRow], settings: SamplingSettings, chosen: range) -> float:
    """Return the share of 20,000 draws that fall on some rows."""
    sampler = RowSampler(rows, settings)
    drawn = np.concatenate([sampler.draw(step, 1000) for step in range(20)])
    return float(np.isin(drawn, chosen).mean())


def test_a_batch_holds_the_shares_asked_for() -> None:
    sources = ["judged", "asked", "nothing", "head", "tail", "lexicon", "name", "composed", "google"]
    rows = [row(source) for source in sources for _ in range(10)]
    settings = SamplingSettings(judged_share=0.2, asked_share=0.25, own_share=0.15, nothing_share=0.05)
    drawn = RowSampler(rows, settings).draw(3, 100)
    assert len(drawn) == 100
    found = {"judged": 0, "asked": 0, "nothing": 0, "own": 0, "names": 0}
    for i in drawn:
        found[("judged", "asked", "nothing")[i // 10] if i < 30 else "own" if i < 60 else "names"] += 1
    assert found == {"judged": 20, "asked": 25, "nothing": 5, "own": 15, "names": 35}


def test_a_source_without_rows_leaves_its_share_to_the_names() -> None:
    drawn = RowSampler([row("name"), row("judged")], SamplingSettings(judged_share=0.5)).draw(0, 10)
    assert sorted(drawn.tolist()) == [0] * 5 + [1] * 5


def test_a_batch_is_full_whatever_the_rounding() -> None:
    sampler = RowSampler([row("judged"), row("head"), row("name")], SamplingSettings())
    for size in range(1, 30):
        assert len(sampler.draw(1, size)) == size


def test_every_row_comes_once_in_a_pass() -> None:
    sampler = RowSampler([row("name") for _ in range(50)], ONLY_NAMES)
    for start in (0, 5):  # steps 5 to 9 are the second pass
        drawn = np.concatenate([sampler.draw(step, 10) for step in range(start, start + 5)])
        assert sorted(drawn.tolist()) == list(range(50))


def test_a_weight_multiplies_a_rows_draws() -> None:
    rows = [row("name", weight=3.0), *(row("name") for _ in range(5))]  # 8 shares, 8 draws in 8 of 6 draws a pass
    drawn = np.concatenate([RowSampler(rows, ONLY_NAMES).draw(step, 6) for step in range(400)])
    assert np.bincount(drawn)[0] / len(drawn) == pytest.approx(3 / 8, abs=0.01)


@pytest.mark.parametrize(
    ("power", "share"),
    # 900 rows of one type, 100 of another: 0.9 as they are; sqrt: 30 to 10; every type alike: a half.
    [(1.0, 0.9), (0.5, 0.75), (0.0, 0.5)],
)
def test_common_types_are_held_back_by_the_power(power: float, share: float) -> None:
    rows = [row("name", "sh")] * 900 + [row("name", "el")] * 100
    settings = SamplingSettings(**NO_OTHERS, type_power=power)
    assert share_of(rows, settings, range(900)) == pytest.approx(share, abs=0.01)


def test_rows_of_our_own_and_judged_rows_are_taken_as_they_are() -> None:
    rows = [row("head", "sh")] * 9 + [row("head", "el"), row("name")]
    settings = SamplingSettings(**{**NO_OTHERS, "own_share": 1.0}, type_power=0.0)
    assert share_of(rows, settings, range(9)) == pytest.approx(0.9, abs=0.01)


def test_names_of_the_shoppers_locales_come_more_often() -> None:
    rows = [row("name"), TrainingRow("x", "de", ["sh"], "name"), row("judged")]
    settings = SamplingSettings(**NO_OTHERS, shopper_locale_weight=3.0)
    assert share_of(rows, settings, range(1)) == pytest.approx(0.75, abs=0.01)


def test_rows_without_a_type_are_drawn_too() -> None:
    rows = [TrainingRow("x", "en", [], "judged", ["sh"], complete=False), row("name")]
    assert share_of(rows, SamplingSettings(**{**NO_OTHERS, "judged_share": 0.5}), range(1)) == 0.5


def test_seed_and_step_decide_the_draw() -> None:
    rows = [row("name") for _ in range(50)]
    first, again, other = (RowSampler(rows, ONLY_NAMES, seed=seed) for seed in (1, 1, 2))
    first.draw(7, 20)  # what was drawn before makes no difference
    assert first.draw(3, 20).tolist() == again.draw(3, 20).tolist() != other.draw(3, 20).tolist()
