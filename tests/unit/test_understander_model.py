"""The one network: pooling, both heads, and what may and may not change its answer."""

from __future__ import annotations

import pytest
import torch

from shelfsense.models.heads import ClassificationHead, EmbeddingHead, mean_pool
from shelfsense.models.understander_model import UnderstanderModel
from tiny import tiny_model, tiny_tokenizer_json


@pytest.fixture(scope="module")
def model() -> UnderstanderModel:
    torch.manual_seed(11)
    return tiny_model(tiny_tokenizer_json(), labels=5)


def test_pooling_averages_the_tokens_that_the_mask_keeps() -> None:
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [100.0, 100.0]], [[5.0, 7.0], [9.0, 9.0], [9.0, 9.0]]])
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    assert mean_pool(hidden, mask).tolist() == [[2.0, 4.0], [5.0, 7.0]]


def test_calibration_is_the_identity_until_it_is_set() -> None:
    head = ClassificationHead(4, 2)
    logits = torch.tensor([[0.0, 0.6931472]])  # odds 1 and 2, beside 1 for no product
    torch.testing.assert_close(head.probabilities(logits), torch.tensor([[0.25, 0.5]]))
    head.scale[0], head.shift[1] = 2.0, 1.0986123  # squared: 1 to 9; times 3: 3 to 1
    torch.testing.assert_close(head.probabilities(logits), torch.tensor([[0.1, 0.75]]))


def test_labels_compete_within_their_level_and_with_no_product() -> None:
    head = ClassificationHead(4, 3, [1, 1, 2])
    odds = torch.tensor([[1.0, 2.0, 3.0]])
    torch.testing.assert_close(head.probabilities(odds.log()), torch.tensor([[0.25, 0.5, 0.75]]))
    # Nothing speaks for any label: no product.
    assert head.probabilities(torch.full((1, 3), -20.0)).max() < 1e-6


@pytest.mark.parametrize("logit", [80.0, 3e4, -3e4])
def test_extreme_logits_give_finite_answers_and_gradients(logit: float) -> None:
    head = ClassificationHead(4, 3, [1, 1, 2])
    logits = torch.tensor([[logit, 0.0, -5.0]], requires_grad=True)
    found = head.log_odds(logits)
    found.sum().backward()
    assert found.isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_levels_come_from_the_tree_and_are_no_weights() -> None:
    assert "membership" not in ClassificationHead(4, 3, [1, 1, 2]).state_dict()


def test_calibration_is_saved_with_the_weights() -> None:
    assert {"scale", "shift"} <= set(ClassificationHead(4, 2).state_dict())


def test_the_embedding_head_starts_as_the_identity_where_widths_agree() -> None:
    pooled = torch.tensor([[3.0, 4.0]])
    torch.testing.assert_close(EmbeddingHead(2, 2)(pooled), torch.tensor([[0.6, 0.8]]))


@torch.no_grad()
def test_embeddings_have_unit_length_and_logits_one_column_per_type(model: UnderstanderModel) -> None:
    output = model(torch.tensor([[0, 5, 6, 2], [0, 9, 2, 1]]))
    assert output.logits.shape == (2, 5)
    assert output.embeddings.shape == (2, 16)
    torch.testing.assert_close(output.embeddings.norm(dim=-1), torch.ones(2))


@torch.no_grad()
def test_the_locale_token_changes_the_answer(model: UnderstanderModel) -> None:
    first = model.backbone.text_vocabulary
    english, german = model(torch.tensor([[0, first, 5, 6, 2], [0, first + 1, 5, 6, 2]])).logits
    assert (english - german).abs().max() > 1e-3


@torch.no_grad()
def test_padding_and_neighbours_never_change_the_answer(model: UnderstanderModel) -> None:
    first = model.backbone.text_vocabulary
    query = [0, first + 3, 5, 6, 2]
    alone = model(torch.tensor([query]))
    batch = model(torch.tensor([[*query, *[1] * 9], [0, first, *range(5, 16), 2]]))
    torch.testing.assert_close(batch.logits[:1], alone.logits)
    torch.testing.assert_close(batch.embeddings[:1], alone.embeddings)
