"""The losses, against numbers worked out by hand; the targets, label by label."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
import torch

from shelfsense.product_types import ProductTypes
from shelfsense_training.objectives import (
    Targets,
    TargetTable,
    contrastive_loss,
    judged_wrong_loss,
    level_agreement,
    level_cross_entropy,
)
from shelfsense_training.training_rows import TrainingRow
from tiny import TINY_TREE

TYPES = ProductTypes.from_table("tiny", TINY_TREE)
TABLE = TargetTable(TYPES)


def known(*types: str, negatives: tuple[str, ...] = (), complete: bool = True) -> tuple[set[str], set[str], bool]:
    """Return the ids that are acceptable, those judged wrong, and whether a row means no product."""
    row = TrainingRow("x", "en", list(types), "name", list(negatives), complete=complete)
    targets = TABLE.targets([row])
    ids = np.array([node.id for node in TYPES.nodes])
    return set(ids[targets.acceptable[0].numpy()]), set(ids[targets.negative[0].numpy()]), bool(targets.nothing[0])


def test_a_types_ancestors_are_acceptable() -> None:
    assert known("sh-1") == ({"sh", "sh-1"}, set(), False)
    assert known("sh-1", "el-1") == ({"sh", "sh-1", "el", "el-1"}, set(), False)


def test_below_a_wrong_type_everything_is_wrong() -> None:
    assert known("sh-1", negatives=("el",), complete=False) == ({"sh", "sh-1"}, {"el", "el-1"}, False)
    assert known(negatives=("ho-1",), complete=False) == (set(), {"ho-1"}, False)


def test_an_acceptable_type_outweighs_a_negative_above_it() -> None:
    assert known("sh-1", negatives=("sh",), complete=False) == ({"sh", "sh-1"}, {"sh-2"}, False)


def test_only_a_complete_row_without_types_means_no_product() -> None:
    assert known() == (set(), set(), True)
    assert known(complete=False) == (set(), set(), False)


LEVELS = [torch.tensor([0, 1]), torch.tensor([2, 3, 4])]
NOTHING = (-1,)


def targets(*rows: tuple[int, ...]) -> Targets:
    acceptable = torch.zeros(len(rows), 5, dtype=torch.bool)
    nothing = torch.zeros(len(rows), dtype=torch.bool)
    for i, labels in enumerate(rows):
        if labels == NOTHING:
            nothing[i] = True
        else:
            acceptable[i, list(labels)] = True
    return Targets(acceptable, torch.zeros_like(acceptable), nothing)


@pytest.mark.parametrize(
    ("rows", "loss"),
    # Equal logits: a level of K labels and "no product" gives each 1 / (K + 1).
    [
        ([(0, 2)], (log(3) + log(4)) / 2),
        ([(0, 2, 3)], (log(3) + log(4 / 2)) / 2),  # any of two acceptable types
        ([(0,)], log(3) / 2),  # the second level adds nothing
        ([(0, 2), ()], (log(3) + log(4)) / 2 / 2),  # nor does a row of which nothing is known
        ([NOTHING], (log(3) + log(4)) / 2),
        ([(0, 1, 2, 3, 4)], (log(3 / 2) + log(4 / 3)) / 2),
    ],
)
def test_cross_entropy_within_levels_by_hand(rows: list[tuple[int, ...]], loss: float) -> None:
    assert level_cross_entropy(torch.zeros(len(rows), 5), targets(*rows), LEVELS).item() == pytest.approx(loss)


def test_levels_do_not_compete_with_each_other() -> None:
    logits = torch.tensor([[0.0, 0.0, 9.0, 9.0, 9.0]])
    by_hand = (log(3) + log(3 + exp(-9))) / 2
    assert level_cross_entropy(logits, targets((0, 2)), LEVELS).item() == pytest.approx(by_hand)


def test_cross_entropy_of_unequal_logits_and_weights() -> None:
    logits = torch.tensor([[log(3.0), 0.0, 0.0, 0.0, 0.0]])  # 3 of 5
    assert level_cross_entropy(logits, targets((0,)), LEVELS, (0.25, 7.0)).item() == pytest.approx(-log(0.6) / 4)


def test_cross_entropy_without_anything_known_is_0() -> None:
    assert level_cross_entropy(torch.zeros(2, 5), targets((), ()), LEVELS).item() == 0.0


def test_types_judged_wrong_cost_their_probability() -> None:
    log_odds = torch.tensor([[log(3.0), 0.0, 50.0], [0.0, 0.0, 0.0]])  # 3 to 1 on the first
    negative = torch.tensor([[True, False, False], [True, True, False]])
    found = judged_wrong_loss(log_odds, Targets(torch.zeros_like(negative), negative, torch.zeros(2, dtype=torch.bool)))
    assert found.item() == pytest.approx((log(4) + 2 * log(2)) / 2)


FIRST, SECOND = [1.0, 0.0], [0.0, 1.0]


def contrast(queries: list[list[float]], partners: list[list[float]], *groups: int, temperature: float = 1.0) -> float:
    return contrastive_loss(torch.tensor(queries), torch.tensor(partners), np.array(groups), temperature).item()


def test_contrast_by_hand() -> None:
    # Cosine 1 with the partner, 0 with the other: e against e + 1, both ways.
    assert contrast([FIRST, SECOND], [FIRST, SECOND], 0, 1) == pytest.approx(log(1 + exp(-1)))
    assert contrast([FIRST, SECOND], [FIRST, SECOND], 0, 1, temperature=0.5) == pytest.approx(log(1 + exp(-2)))


def test_contrast_looks_both_ways() -> None:
    # Scores [[1, 0], [1, 0]]: rows ln(1 + 1/e) and ln(1 + e); both columns are undecided, ln 2.
    by_hand = ((log(1 + exp(-1)) + log(1 + exp(1))) / 2 + log(2)) / 2
    assert contrast([FIRST, FIRST], [FIRST, SECOND], 0, 1) == pytest.approx(by_hand)


def test_rows_of_one_group_are_no_negatives_of_each_other() -> None:
    assert contrast([FIRST, FIRST], [FIRST, FIRST], 4, 4) == pytest.approx(0.0, abs=1e-6)
    assert contrast([FIRST, FIRST], [FIRST, FIRST], 4, 5) == pytest.approx(log(2))


def test_a_text_learns_the_types_that_another_of_its_meaning_is_believed_to_have() -> None:
    logits = torch.zeros(1, 3, requires_grad=True)
    believed = torch.tensor([[log(2.0), 0.0, 0.0]], requires_grad=True)
    levels = [torch.tensor([0, 1]), torch.tensor([2])]
    loss = level_agreement(logits, believed, levels)
    # Three outcomes at level 1, "no product" among them, and two at level 2: all even in the learner.
    assert loss.item() == pytest.approx(0.5 * log(3) + 0.5 * log(2))
    loss.backward()
    assert believed.grad is None
    assert logits.grad is not None
    assert logits.grad[0].tolist() == pytest.approx([0.5 * (1 / 3 - 1 / 2), 0.5 * (1 / 3 - 1 / 4), 0.0], abs=1e-6)
