"""Smaller backbones: the tokens and layers that stay compute what they did."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import DistilBertConfig

from shelfsense.models.backbone import Backbone
from shelfsense_training.backbones import keep_layers, trim_backbone


@pytest.fixture(scope="module")
def teacher() -> Backbone:
    torch.manual_seed(2)
    config = DistilBertConfig(
        vocab_size=20, max_position_embeddings=12, n_layers=4, n_heads=2, dim=8, hidden_dim=16, pad_token_id=1
    )
    return Backbone.from_config(config).eval()


SOURCE = np.array([0, 1, 2, 3, 7, 11, 19])


@torch.no_grad()
def test_a_trimmed_backbone_answers_as_before_under_the_new_ids(teacher: Backbone) -> None:
    trimmed = trim_backbone(teacher, SOURCE, positions=6)
    new = torch.tensor([[0, 4, 6, 5, 2], [0, 6, 2, 1, 1]])
    torch.testing.assert_close(trimmed(new), teacher(torch.from_numpy(SOURCE)[new]))


def test_a_trimmed_backbone_says_its_new_sizes(teacher: Backbone) -> None:
    trimmed = trim_backbone(teacher, SOURCE, positions=6)
    config = trimmed.encoder.config
    assert (trimmed.text_vocabulary, config.max_position_embeddings) == (7, 6)
    assert trimmed.encoder.embeddings.word_embeddings.weight.shape == (7, 8)
    assert trimmed.encoder.embeddings.position_embeddings.weight.shape == (6, 8)


def test_trimming_and_cutting_leave_the_original_whole(teacher: Backbone) -> None:
    trimmed = trim_backbone(teacher, SOURCE, positions=6)
    trimmed.encoder.embeddings.word_embeddings.weight.data.zero_()
    keep_layers(teacher, [0])
    assert teacher.text_vocabulary == 20
    assert teacher.encoder.embeddings.word_embeddings.weight.data.abs().sum() > 0
    assert len(teacher.encoder.transformer.layer) == teacher.encoder.config.n_layers == 4


@torch.no_grad()
def test_keeping_all_layers_changes_nothing_and_their_order_counts(teacher: Backbone) -> None:
    ids = torch.tensor([[0, 5, 6, 2]])
    torch.testing.assert_close(keep_layers(teacher, [0, 1, 2, 3])(ids), teacher(ids))
    assert not torch.allclose(keep_layers(teacher, [1, 0])(ids)[0], keep_layers(teacher, [0, 1])(ids)[0])


def test_the_layers_kept_are_the_ones_named(teacher: Backbone) -> None:
    cut = keep_layers(teacher, [0, 3])
    assert len(cut.encoder.transformer.layer) == cut.encoder.config.n_layers == 2
    ours, theirs = cut.encoder.transformer.layer[1], teacher.encoder.transformer.layer[3]
    assert torch.equal(ours.ffn.lin1.weight, theirs.ffn.lin1.weight)
