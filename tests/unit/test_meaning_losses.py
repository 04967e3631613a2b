"""The losses on pairs against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from shelfsense_training.retrieval.cross_encoder_training import log_sum_loss
from shelfsense_training.retrieval.meaning_loss import meaning_loss
from shelfsense_training.retrieval.meaning_pairs import MeaningPair, importance


def pair(meaning: str, *, weight: float = 1.0, near: int = 0) -> MeaningPair:
    return MeaningPair(("q", "en"), ("p", "en"), (("n", "en"),) * near, meaning, weight)


def test_two_pairs_at_right_angles() -> None:
    vectors = torch.eye(2).repeat(2, 1)  # queries, then partners
    loss = meaning_loss(vectors, [pair("a"), pair("b")], 1.0)
    assert float(loss) == pytest.approx(math.log(1 + math.exp(-1)))


def test_pairs_of_one_meaning_are_no_negatives_of_each_other() -> None:
    vectors = torch.eye(2).repeat(2, 1)
    assert float(meaning_loss(vectors, [pair("a"), pair("a")], 1.0)) == pytest.approx(0.0)


def test_a_near_text_pushes_both_sides() -> None:
    alone = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    near = torch.cat([alone, torch.tensor([[1.0, 0.0]])])
    assert float(meaning_loss(alone, [pair("a")], 1.0)) == pytest.approx(0.0)
    assert float(meaning_loss(near, [pair("a", near=1)], 1.0)) == pytest.approx(math.log(2))


def test_a_weight_of_nothing_takes_a_pair_out() -> None:
    torch.manual_seed(0)
    vectors = torch.nn.functional.normalize(torch.randn(4, 8), dim=-1)
    both = meaning_loss(vectors, [pair("a", weight=1.0), pair("b", weight=0.0)], 0.5)
    queries, partners = vectors.split(2)
    forth, back = (queries @ partners.T / 0.5)[0], (partners @ queries.T / 0.5)[0]
    wanted = 0.5 * (forth.logsumexp(0) - forth[0] + back.logsumexp(0) - back[0])
    assert float(both) == pytest.approx(float(wanted), abs=1e-6)


def test_the_log_sum_loss_is_centred_at_zero() -> None:
    nothing = torch.zeros(1)
    assert float(log_sum_loss(nothing, nothing)) == pytest.approx(2 * math.log(2))
    assert float(log_sum_loss(torch.tensor([9.0]), torch.tensor([-9.0, -9.0]))) < 0.001
    assert float(log_sum_loss(torch.tensor([0.0, 0.0]), torch.zeros(0))) == pytest.approx(math.log(3))


def test_more_shared_products_weigh_more() -> None:
    assert importance(1, 20) < importance(2, 20) < importance(3, 20)
    assert importance(2, 20) < importance(2, 2)
