"""The forward pass without padding against the padded one of the model class."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.batches import pad_batch
from shelfsense_training.packed_forward import pack, packed_forward, packed_pooled
from tiny import tiny_model, tiny_tokenizer_json


@pytest.fixture(scope="module")
def model() -> UnderstanderModel:
    torch.manual_seed(5)
    return tiny_model(tiny_tokenizer_json(), labels=6)


def sequences(model: UnderstanderModel, lengths: list[int]) -> list[list[int]]:
    random = np.random.default_rng(3)
    first = model.backbone.text_vocabulary
    return [[0, first + n % 4, *random.integers(4, first, n).tolist(), 2] for n in lengths]


@pytest.mark.parametrize("lengths", [[3], [4, 4, 4], [9, 1, 5, 1, 20, 5, 2, 9, 9]])
@torch.no_grad()
def test_answers_are_those_of_the_padded_pass_in_the_order_asked(model: UnderstanderModel, lengths: list[int]) -> None:
    asked = sequences(model, lengths)
    padded, packed = model(pad_batch(asked, 1)), packed_forward(model, pack(asked))
    torch.testing.assert_close(packed.logits, padded.logits)
    torch.testing.assert_close(packed.embeddings, padded.embeddings)
    torch.testing.assert_close(model.classification(packed_pooled(model, pack(asked))), padded.logits)


def test_gradients_are_those_of_the_padded_pass(model: UnderstanderModel) -> None:
    asked = sequences(model, [7, 2, 2, 12])
    found = []
    for logits in (model(pad_batch(asked, 1)).logits, packed_forward(model, pack(asked)).logits):
        model.zero_grad()
        logits.logsumexp(-1).sum().backward()
        found.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, msg=name)


def test_a_model_without_locale_tokens_is_packed_too() -> None:
    plain = tiny_model(tiny_tokenizer_json(), labels=6)
    plain.backbone.locale_embeddings = None
    asked = [[0, 5, 6, 2], [0, 9, 2]]
    with torch.no_grad():
        torch.testing.assert_close(packed_forward(plain, pack(asked)).logits, plain(pad_batch(asked, 1)).logits)
