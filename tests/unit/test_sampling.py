"""What a batch is made of: fixed shares of the sources, rare types before common ones."""

from __future__ import annotations

import numpy as np
import pytest

from shelfsense_training.sampling import RowSampler, SamplingSettings
from shelfsense_training.training_rows import TrainingRow


def row(source: str, kind: str = "sh", *, weight: float = 1.0) -> TrainingRow:
    return TrainingRow("x", "en", [kind], source, weight=weight)


OTHERS = [row("judged"), row("head")]
ONLY_NAMES = SamplingSettings(judged_share=0.0, own_share=0.0)


def share_of(rows: list[TrainingRow], settings: SamplingSettings, chosen: range) -> float:
    """Return the share of 20,000 draws that fall on some rows."""
    drawn = RowSampler(rows, settings).draw(np.random.default_rng(0), 20_000)
    return float(np.isin(drawn, chosen).mean())


def test_a_batch_holds_the_shares_asked_for() -> None:
    sources = ["judged", "head", "tail", "lexicon", "name", "composed", "google"]
    rows = [row(source) for source in sources for _ in range(10)]
    drawn = RowSampler(rows, SamplingSettings(judged_share=0.2, own_share=0.3)).draw(np.random.default_rng(1), 100)
    assert len(drawn) == 100
    groups = {"judged": 0, "own": 0, "names": 0}
    for i in drawn:
        groups["judged" if i < 10 else "own" if i < 40 else "names"] += 1
    assert groups == {"judged": 20, "own": 30, "names": 50}


def test_a_batch_is_full_whatever_the_rounding() -> None:
    sampler = RowSampler([*OTHERS, row("name")], SamplingSettings())
    for size in range(1, 30):
        assert len(sampler.draw(np.random.default_rng(1), size)) == size


@pytest.mark.parametrize(
    ("power", "share"),
    # 900 rows of one type, 100 of another: 0.9 as they are; sqrt: 30 to 10; every type alike: a half.
    [(1.0, 0.9), (0.5, 0.75), (0.0, 0.5)],
)
def test_common_types_are_held_back_by_the_power(power: float, share: float) -> None:
    rows = [row("name", "sh")] * 900 + [row("name", "el")] * 100 + OTHERS
    settings = SamplingSettings(judged_share=0.0, own_share=0.0, type_power=power)
    assert share_of(rows, settings, range(900)) == pytest.approx(share, abs=0.01)


def test_rows_of_our_own_and_judged_rows_are_taken_as_they_are() -> None:
    rows = [row("head", "sh")] * 9 + [row("head", "el"), row("judged"), row("name")]
    settings = SamplingSettings(judged_share=0.0, own_share=1.0, type_power=0.0)
    assert share_of(rows, settings, range(9)) == pytest.approx(0.9, abs=0.01)


def test_a_weight_multiplies_a_rows_chance() -> None:
    rows = [row("name", weight=3.0), row("name"), *OTHERS]
    assert share_of(rows, ONLY_NAMES, range(1)) == pytest.approx(0.75, abs=0.01)


def test_judged_rows_without_a_type_are_drawn_too() -> None:
    rows = [TrainingRow("x", "en", [], "judged", ["sh"], complete=False), row("head"), row("name")]
    assert share_of(rows, SamplingSettings(judged_share=0.5), range(1)) == pytest.approx(0.5, abs=0.01)


def test_the_seed_decides_the_draw() -> None:
    sampler = RowSampler([row("name") for _ in range(50)] + OTHERS, SamplingSettings())
    draws = [sampler.draw(np.random.default_rng(s), 40).tolist() for s in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_real_queries_gain_weight_late_in_a_run() -> None:
    rows = [row("judged") for _ in range(20)] + [row("name") for _ in range(20)] + OTHERS
    sampler = RowSampler(rows, SamplingSettings(judged_share=0.1, late_judged_share=0.4, late_from=0.5))
    shares = []
    for through in (0.49, 0.5):
        drawn = sampler.draw(np.random.default_rng(3), 100, through=through)
        shares.append(sum(rows[i].source == "judged" for i in drawn))
    assert shares == [10, 40]
