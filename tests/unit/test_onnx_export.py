"""The int8 graph of a bundle against the class it came from, and the way back.

Tolerances are those of a 32-wide random network; figures of the starter bundle are `fidelity`'s.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray

from shelfsense.models.onnx_weights import load_int8
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.batches import pad_batch
from shelfsense_training.export.onnx_export import export_int8
from tiny import LOCALES, tiny_model, tiny_tokenizer_json

LABELS = 7
LEVELS = (1, 1, 2, 2, 1, 2, 3)
Answer = tuple[NDArray[np.float32], NDArray[np.float32]]


def new_model(*, four_bit: bool = False) -> UnderstanderModel:
    """Return a seeded model whose logits spread and whose calibration is not the identity."""
    torch.manual_seed(17)
    model = tiny_model(tiny_tokenizer_json(), labels=LABELS, levels=LEVELS)
    random = np.random.default_rng(17)
    model.classification.linear.weight.data *= 8
    model.classification.scale += torch.linspace(-0.5, 0.5, LABELS)
    model.classification.shift += torch.linspace(-1.0, 1.0, LABELS)
    if four_bit:
        words = model.backbone.encoder.embeddings.word_embeddings.weight.data
        nibbles = random.integers(0, 16, tuple(words.shape))
        nibbles[:, 3] = 0
        scale = random.normal(0.0, 0.005, (len(words), 1)).astype(np.float16).astype(np.float32)
        words.copy_(torch.from_numpy((nibbles.astype(np.float32) - 8) * scale))
    return model


def queries(model: UnderstanderModel) -> list[list[int]]:
    """Return forty queries of 1 to 20 text tokens, framed as the tokenizer does, in every locale and none."""
    random = np.random.default_rng(23)
    first = model.backbone.text_vocabulary
    return [[0, first + i % (len(LOCALES) + 1), *random.integers(4, first, 1 + i % 20).tolist(), 2] for i in range(40)]


class Exported:
    """A model, its graph, and both ways to ask."""

    def __init__(self, model: UnderstanderModel) -> None:
        self.model = model
        self.data = export_int8(model)
        self.session = ort.InferenceSession(self.data, providers=["CPUExecutionProvider"])
        graph = onnx.load_from_string(self.data).graph
        self.names = {constant.name for constant in graph.initializer}
        self.operations = {node.op_type for node in graph.node}

    def run(self, token_ids: list[list[int]]) -> Answer:
        found: Any = self.session.run(["probabilities", "embeddings"], {"token_ids": pad_batch(token_ids, 1).numpy()})
        return found[0], found[1]


@torch.no_grad()
def torch_answer(model: UnderstanderModel, token_ids: list[list[int]]) -> Answer:
    output = model(pad_batch(token_ids, 1))
    return model.classification.probabilities(output.logits).numpy(), output.embeddings.numpy()


@pytest.fixture(scope="module")
def exported() -> Exported:
    return Exported(new_model())


@pytest.fixture(scope="module")
def four_bit() -> Exported:
    return Exported(new_model(four_bit=True))


@pytest.mark.parametrize("form", ["exported", "four_bit"])
def test_the_graph_answers_as_the_torch_class_does(form: str, request: pytest.FixtureRequest) -> None:
    graph: Exported = request.getfixturevalue(form)
    asked = queries(graph.model)
    probabilities, embeddings = graph.run(asked)
    expected, expected_embeddings = torch_answer(graph.model, asked)
    assert expected.std() > 0.1  # the comparison would be idle on answers that are all alike
    np.testing.assert_allclose(probabilities, expected, atol=0.02)
    assert (embeddings * expected_embeddings).sum(1).min() >= 0.999


@pytest.mark.parametrize("form", ["exported", "four_bit"])
def test_what_is_left_beside_the_weights_is_the_rounding_of_activations(
    form: str, request: pytest.FixtureRequest
) -> None:
    graph: Exported = request.getfixturevalue(form)
    asked = queries(graph.model)
    reloaded = load_int8(graph.data)
    np.testing.assert_allclose(graph.run(asked)[0], torch_answer(reloaded, asked)[0], atol=0.02)


@pytest.mark.parametrize("form", ["exported", "four_bit"])
def test_a_query_gets_the_same_answer_alone_and_in_a_batch_of_mixed_lengths(
    form: str, request: pytest.FixtureRequest
) -> None:
    graph: Exported = request.getfixturevalue(form)
    asked = queries(graph.model)
    together = graph.run(asked)
    alone = [np.concatenate(parts) for parts in zip(*(graph.run([query]) for query in asked), strict=True)]
    assert np.abs(together[0] - alone[0]).max() <= 1e-3
    assert (together[1] * alone[1]).sum(1).min() >= 0.9999


def test_embeddings_have_unit_length(exported: Exported) -> None:
    np.testing.assert_allclose(np.linalg.norm(exported.run(queries(exported.model))[1], axis=1), 1.0, atol=1e-5)


def test_every_weight_comes_back_within_half_a_step_of_its_row(exported: Exported) -> None:
    before, after = exported.model.state_dict(), load_int8(exported.data).state_dict()
    assert before.keys() == after.keys()
    for name, weight in before.items():
        quantised = weight.dim() == 2 and "position" not in name and "locale" not in name
        allowed = weight.abs().amax(-1, keepdim=True) / 127 / 2 * 1.001 if quantised else 1e-6
        assert ((after[name] - weight).abs() <= allowed).all(), name


def test_levels_and_calibration_come_back(exported: Exported) -> None:
    ours, theirs = exported.model.classification, load_int8(exported.data).classification
    assert torch.equal(theirs.membership, ours.membership)
    assert torch.equal(theirs.scale, ours.scale)
    assert torch.equal(theirs.shift, ours.shift)


def test_levels_and_calibration_are_in_the_graph(exported: Exported) -> None:
    asked = queries(exported.model)
    answered = exported.run(asked)[0]
    plain, level = new_model(), new_model()
    plain.classification.scale.fill_(1.0)
    plain.classification.shift.fill_(0.0)
    level.classification.membership = torch.ones(1, LABELS)
    for other in (plain, level):
        assert np.abs(torch_answer(other, asked)[0] - answered).max() > 0.1


def test_the_reloaded_shape_is_that_of_the_original(exported: Exported) -> None:
    ours, theirs = exported.model.backbone, load_int8(exported.data).backbone
    for key in ("vocab_size", "max_position_embeddings", "n_layers", "n_heads", "dim", "hidden_dim", "pad_token_id"):
        assert getattr(theirs.encoder.config, key) == getattr(ours.encoder.config, key), key
    assert theirs.pad_id == ours.pad_id


def test_initialisers_carry_the_names_that_the_loader_reads(exported: Exported) -> None:
    matrices = ["classification.weight", "embedding.weight"]
    plain = ["position.weight", "embedding_norm.weight", "embedding_norm.bias", "locale.weight", "last_word", "pad"]
    for i in range(2):
        matrices += [f"layer.{i}.{part}.weight" for part in ("qkv", "attention_out", "ffn_in", "ffn_out")]
        plain += [f"layer.{i}.{part}.bias" for part in ("qkv", "attention_out", "ffn_in", "ffn_out")]
        plain += [f"layer.{i}.{part}_norm.{kind}" for part in ("attention", "ffn") for kind in ("weight", "bias")]
    stored = {f"{name}.{part}" for name in [*matrices, "word.weight"] for part in ("int8", "scale")}
    assert stored | set(plain) | {"classification.bias", "embedding.bias"} <= exported.names


def test_a_vocabulary_of_4_bit_blocks_stays_4_bits_wide(exported: Exported, four_bit: Exported) -> None:
    assert "GatherBlockQuantized" in four_bit.operations
    assert {"word.weight.packed", "word.weight.block_scale"} <= four_bit.names
    assert "word.weight.int8" not in four_bit.names
    assert "GatherBlockQuantized" not in exported.operations
    key = "backbone.encoder.embeddings.word_embeddings.weight"
    assert torch.equal(load_int8(four_bit.data).state_dict()[key], four_bit.model.state_dict()[key])


def test_a_model_without_locale_tokens_exports_and_comes_back() -> None:
    model = new_model()
    model.backbone.locale_embeddings = None
    graph = Exported(model)
    asked = [[0, 5, 6, 2], [0, 9, 2]]
    assert "locale.weight" not in graph.names
    assert load_int8(graph.data).backbone.locale_embeddings is None
    np.testing.assert_allclose(graph.run(asked)[0], torch_answer(model, asked)[0], atol=0.02)
