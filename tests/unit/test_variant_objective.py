"""The losses of the variants, against numbers worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from shelfsense_training.variants.objective import Loss
from shelfsense_training.variants.recipe import OURS, Objective

LEVEL = torch.tensor([0, 1, 2])
EVEN = torch.full((3,), 1 / 3)


def loss(objective: Objective, logits: list[float], targets: list[float], **changes: float) -> torch.Tensor:
    made = Loss(replace(OURS, objective=objective, **changes), [LEVEL], EVEN)  # type: ignore[arg-type]
    found: torch.Tensor = made(torch.tensor([logits]).float(), torch.tensor([targets]).float())
    return found


def test_softmax_of_four_even_choices_costs_log_four() -> None:
    assert loss(Objective.SOFTMAX, [0, 0, 0], [1, 0, 0]).item() == pytest.approx(math.log(4))


def test_what_the_shares_leave_belongs_to_no_product() -> None:
    # p of label 0 is e^2 / (e^2 + 3), of "no product" 1 / (e^2 + 3)
    total = math.e**2 + 3
    expected = -(0.6 * math.log(math.e**2 / total) + 0.4 * math.log(1 / total))
    assert loss(Objective.SOFTMAX, [2, 0, 0], [0.6, 0, 0]).item() == pytest.approx(expected, rel=1e-5)


def test_hard_types_of_one_query_share_it() -> None:
    assert loss(Objective.SOFTMAX, [1, 1, -9], [1, 1, 0]).item() == pytest.approx(
        -math.log(math.e / (2 * math.e + 1 + math.exp(-9))), rel=1e-5
    )


def test_binary_sums_over_labels() -> None:
    assert loss(Objective.BINARY, [0, 0, 0], [1, 0, 0]).item() == pytest.approx(3 * math.log(2))


def test_a_likely_label_that_the_log_does_not_name_is_not_pushed_down_when_masked() -> None:
    for objective, pushed in ((Objective.BINARY, True), (Objective.MASKED, False)):
        logits = torch.tensor([[0.0, 2.0, -3.0]], requires_grad=True)
        Loss(replace(OURS, objective=objective), [LEVEL], EVEN)(logits, torch.tensor([[1.0, 0, 0]])).backward()
        assert logits.grad is not None
        assert (logits.grad[0, 1].item() > 0) is pushed
        assert logits.grad[0, 2].item() > 0


def test_asymmetric_loss_forgets_easy_negatives_altogether() -> None:
    logits = torch.tensor([[5.0, -4.0, 1.0]], requires_grad=True)  # sigmoid(-4) is 0.018, below the clip
    Loss(replace(OURS, objective=Objective.ASYMMETRIC), [LEVEL], EVEN)(logits, torch.tensor([[1.0, 0, 0]])).backward()
    assert logits.grad is not None
    assert logits.grad[0, 1].item() == 0
    assert logits.grad[0, 2].item() > 0


def test_the_multiplier_climbs_while_the_precision_is_not_held() -> None:
    for wrong, climbs in ((3.0, True), (-30.0, False)):
        made = Loss(replace(OURS, objective=Objective.LAGRANGIAN), [LEVEL], EVEN)
        made(torch.tensor([[20.0, wrong, -30.0]]), torch.tensor([[1.0, 0, 0]])).backward()
        assert made.multiplier.grad is not None
        assert (made.multiplier.grad.item() < 0) is climbs  # a descent along it climbs


def test_logit_adjustment_asks_more_of_rare_labels() -> None:
    prior = torch.tensor([0.98, 0.01, 0.01])
    costs = []
    for label in (0, 1):
        target = torch.zeros(1, 3)
        target[0, label] = 1
        costs.append(Loss(replace(OURS, adjust=1.0), [LEVEL], prior)(torch.zeros(1, 3), target).item())
    assert costs[1] > costs[0] + 3


def test_a_level_of_which_a_query_says_nothing_is_left_out() -> None:
    made = Loss(OURS, [torch.tensor([0]), torch.tensor([1, 2])], EVEN)
    one = made(torch.tensor([[1.0, 5.0, -5.0]]), torch.tensor([[1.0, 0, 0]])).item()
    other = made(torch.tensor([[1.0, -5.0, 5.0]]), torch.tensor([[1.0, 0, 0]])).item()
    assert one == pytest.approx(other)
    assert one == pytest.approx(-math.log(math.e / (math.e + 1)) / 2)


def test_a_label_that_chance_explains_pulls_less_than_one_that_is_taken_at_its_word() -> None:
    made = Loss(replace(OURS, learn_noise=True), [LEVEL], EVEN)
    pulls = []
    for trusting in (True, False):
        logits = torch.tensor([[-6.0, 6.0, 0.0]], requires_grad=True)
        made(logits, torch.tensor([[1.0, 0, 0]]), trusting=trusting).backward()
        assert logits.grad is not None
        pulls.append(-logits.grad[0, 0].item())
    assert pulls[0] == pytest.approx(1.0, abs=1e-3)
    assert 0 < pulls[1] < 0.01


@pytest.mark.parametrize("flipped", [0.0, 0.2, 0.4])
def test_the_share_of_wrong_labels_is_found_where_the_answers_are_known(flipped: float) -> None:
    random = torch.Generator().manual_seed(0)
    labels, rows = 8, 6000
    members, right = torch.arange(labels), torch.randint(labels, (rows,), generator=random)
    # Exchanged for another query's, which is the right one again in one of eight.
    wrong = torch.rand(rows, generator=random) < flipped
    found = torch.where(wrong, torch.randint(labels, (rows,), generator=random), right)
    made = Loss(replace(OURS, learn_noise=True), [members], torch.full((labels,), 1 / labels))
    logits = 12.0 * torch.nn.functional.one_hot(right, labels).float()
    targets = torch.nn.functional.one_hot(found, labels).float()
    optimizer = torch.optim.Adam([made.noise], lr=0.1)
    for _ in range(150):
        optimizer.zero_grad()
        made(logits, targets).backward()
        optimizer.step()
    assert made.wrong.item() == pytest.approx(wrong.float().mean().item(), abs=0.02)
