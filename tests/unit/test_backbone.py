"""The encoder: locale tokens behind the vocabulary, padding that nobody sees, any DistilBERT folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import DistilBertConfig, DistilBertModel

from shelfsense.models.backbone import Backbone

VOCABULARY = 12


def backbone(*, locales: int = 0, pad_token_id: int = 1) -> Backbone:
    torch.manual_seed(3)
    config = DistilBertConfig(
        vocab_size=VOCABULARY,
        max_position_embeddings=10,
        n_layers=2,
        n_heads=2,
        dim=8,
        hidden_dim=16,
        pad_token_id=pad_token_id,
    )
    made = Backbone.from_config(config)
    if locales:
        made.add_locale_tokens(locales)
    return made.eval()


def test_it_says_its_width_and_its_text_vocabulary() -> None:
    assert (backbone().width, backbone().text_vocabulary) == (8, VOCABULARY)
    assert backbone(locales=3).text_vocabulary == VOCABULARY


def test_every_locale_and_und_has_a_vector_near_the_mean_of_the_words() -> None:
    torch.manual_seed(0)
    made = backbone()
    made.add_locale_tokens(3, spread=0.0)
    assert made.locale_embeddings is not None
    mean = made.encoder.embeddings.word_embeddings.weight.data.mean(0)
    torch.testing.assert_close(made.locale_embeddings.weight.data, mean.repeat(4, 1))


@torch.no_grad()
def test_ids_from_the_vocabulary_on_are_read_from_the_locale_table() -> None:
    made = backbone(locales=2)
    words = made.encoder.embeddings.word_embeddings.weight.data
    assert made.locale_embeddings is not None
    made.locale_embeddings.weight.data[1] = words[7]
    as_locale, _ = made(torch.tensor([[0, VOCABULARY + 1, 5, 2]]))
    as_word, _ = made(torch.tensor([[0, 7, 5, 2]]))
    torch.testing.assert_close(as_locale, as_word)


@torch.no_grad()
def test_the_mask_is_1_on_tokens_and_padding_changes_no_token() -> None:
    made = backbone(locales=2)
    alone, _ = made(torch.tensor([[0, VOCABULARY, 5, 2]]))
    padded, mask = made(torch.tensor([[0, VOCABULARY, 5, 2, 1, 1], [0, VOCABULARY + 2, 9, 8, 7, 2]]))
    assert mask.tolist() == [[1, 1, 1, 1, 0, 0], [1] * 6]
    torch.testing.assert_close(padded[:1, :4], alone)


@pytest.mark.parametrize("pad_token_id", [0, 1])
def test_a_saved_distilbert_folder_loads_with_its_own_pad_id(tmp_path: Path, pad_token_id: int) -> None:
    original = backbone(pad_token_id=pad_token_id)
    original.encoder.save_pretrained(tmp_path)
    loaded = Backbone.from_pretrained(tmp_path).eval()
    assert isinstance(loaded.encoder, DistilBertModel)
    assert loaded.pad_id == pad_token_id
    assert loaded.locale_embeddings is None
    ids = torch.tensor([[2, 4, 5, 3, pad_token_id]])
    with torch.no_grad():
        torch.testing.assert_close(loaded(ids), original(ids))
