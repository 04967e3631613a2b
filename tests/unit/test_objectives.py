"""The losses, against numbers worked out by hand; the targets, label by label."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
import torch
from torch import Tensor

from shelfsense.product_types import ProductTypes
from shelfsense_training.objectives import (
    Targets,
    TargetTable,
    contrastive_loss,
    level_cross_entropy,
    masked_binary_cross_entropy,
)
from shelfsense_training.training_rows import TrainingRow
from tiny import TINY_TREE

TYPES = ProductTypes.from_table("tiny", TINY_TREE)
TABLE = TargetTable(TYPES)


def known(*types: str, negatives: tuple[str, ...] = (), complete: bool = True) -> tuple[set[str], set[str]]:
    """Return the ids that are acceptable and those that are negative for a row."""
    row = TrainingRow("x", "en", list(types), "name", list(negatives), complete=complete)
    targets = TABLE.targets([row])
    ids = np.array([node.id for node in TYPES.nodes])
    return set(ids[targets.acceptable[0].numpy()]), set(ids[targets.negative[0].numpy()])


def test_a_types_ancestors_are_acceptable_and_all_else_is_negative() -> None:
    assert known("sh-1") == ({"sh", "sh-1"}, {"sh-2", "ho", "ho-1", "el", "el-1"})


def test_which_child_of_the_named_type_is_meant_is_unknown() -> None:
    assert known("sh") == ({"sh"}, {"ho", "ho-1", "el", "el-1"})  # sh-1 and sh-2 are neither


def test_alternatives_are_all_acceptable() -> None:
    assert known("sh-1", "el-1") == ({"sh", "sh-1", "el", "el-1"}, {"sh-2", "ho", "ho-1"})


def test_a_judged_row_knows_only_what_was_judged() -> None:
    assert known("sh-1", complete=False) == ({"sh", "sh-1"}, set())
    assert known("sh-1", negatives=("el",), complete=False) == ({"sh", "sh-1"}, {"el", "el-1"})
    assert known(negatives=("ho-1",), complete=False) == (set(), {"ho-1"})


def test_an_acceptable_type_outweighs_a_negative_above_it() -> None:
    assert known("sh-1", negatives=("sh",), complete=False) == ({"sh", "sh-1"}, {"sh-2"})


LEVELS = [torch.tensor([0, 1]), torch.tensor([2, 3, 4])]


def acceptable(*rows: tuple[int, ...]) -> Tensor:
    found = torch.zeros(len(rows), 5, dtype=torch.bool)
    for row, labels in zip(found, rows, strict=True):
        row[list(labels)] = True
    return found


@pytest.mark.parametrize(
    ("rows", "loss"),
    # Equal logits: every label of a level of K has probability 1 / K.
    [
        ([(0, 2)], (log(2) + log(3)) / 2),
        ([(0, 2, 3)], (log(2) + log(3 / 2)) / 2),  # any of two acceptable types: 2 / 3
        ([(0,)], log(2) / 2),  # the second level adds nothing
        ([(0, 2), ()], (log(2) + log(3)) / 2 / 2),  # nor does a row without a type
        ([(0, 1, 2, 3, 4)], 0.0),
    ],
)
def test_cross_entropy_within_levels_by_hand(rows: list[tuple[int, ...]], loss: float) -> None:
    assert level_cross_entropy(torch.zeros(len(rows), 5), acceptable(*rows), LEVELS).item() == pytest.approx(loss)


def test_levels_do_not_compete_with_each_other() -> None:
    logits = torch.tensor([[0.0, 0.0, 9.0, 9.0, 9.0]])
    assert level_cross_entropy(logits, acceptable((0, 2)), LEVELS).item() == pytest.approx((log(2) + log(3)) / 2)


def test_cross_entropy_of_unequal_logits() -> None:
    logits = torch.tensor([[log(3.0), 0.0, 0.0, 0.0, 0.0]])  # 3 to 1
    assert level_cross_entropy(logits, acceptable((0,)), LEVELS).item() == pytest.approx(-log(0.75) / 2)


def test_cross_entropy_without_any_type_is_0_and_has_a_gradient_path() -> None:
    logits = torch.zeros(2, 5, requires_grad=True)
    assert level_cross_entropy(logits, acceptable((), ()), LEVELS).item() == 0.0


def test_binary_cross_entropy_counts_known_labels_only() -> None:
    logits = torch.tensor([[log(3.0), log(3.0), 50.0], [0.0, 0.0, 0.0]])  # 3 to 1 on the first two
    targets = Targets(
        torch.tensor([[True, False, False], [False, True, False]]),
        torch.tensor([[False, True, False], [True, False, False]]),
    )
    # Row 1: -ln 3/4 for the right one, -ln 1/4 for the wrong one, nothing for the unknown 50.
    by_hand = (-log(0.75) - log(0.25) + 2 * log(2)) / 2
    assert masked_binary_cross_entropy(logits, targets).item() == pytest.approx(by_hand)


def test_unknown_labels_get_no_gradient() -> None:
    logits = torch.zeros(1, 2, requires_grad=True)
    masked_binary_cross_entropy(
        logits, Targets(torch.tensor([[True, False]]), torch.tensor([[False, False]]))
    ).backward()
    assert logits.grad is not None
    assert logits.grad.tolist() == [[-0.5, 0.0]]


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
