"""Adapters of single locales: what they change, what they never change, and that they survive the bundle."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray

from shelfsense.errors import BundleRefused
from shelfsense.models.locale_adapters import LocaleAdapters
from shelfsense.models.onnx_weights import load_int8
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.batches import pad_batch
from shelfsense_training.export.locale_graft import LocaleWeights, graft_locales
from shelfsense_training.export.onnx_export import export_int8
from shelfsense_training.packed_forward import pack, packed_forward
from tiny import LOCALES, tiny_model, tiny_tokenizer_json

LABELS, LEVELS = 6, (1, 1, 2, 2, 2, 2)
ADAPTED = LOCALES.index("de")
Answer = tuple[NDArray[np.float32], NDArray[np.float32]]


def new_model(*, adapted: bool = True) -> UnderstanderModel:
    """A tiny network whose logits spread; German has an adapter that does something."""
    torch.manual_seed(11)
    model = tiny_model(tiny_tokenizer_json(), labels=LABELS, levels=LEVELS)
    model.classification.linear.weight.data *= 8
    if adapted:
        rows = [0] * (len(LOCALES) + 1)
        rows[ADAPTED] = 1
        model.adapters = LocaleAdapters(model.backbone.width, rows, rank=4)
        model.adapters.up.data[1] = torch.randn(4, model.backbone.width) * 0.5
    return model.eval()


def queries(model: UnderstanderModel, places: list[int]) -> list[list[int]]:
    random = np.random.default_rng(3)
    first = model.backbone.text_vocabulary
    return [[0, first + place, *random.integers(4, first, 1 + i % 9).tolist(), 2] for i, place in enumerate(places)]


def run(data: bytes, asked: list[list[int]]) -> Answer:
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    found = session.run(["probabilities", "embeddings"], {"token_ids": pad_batch(asked, 1).numpy()})
    return found[0], found[1]


@torch.no_grad()
def test_an_adapter_changes_its_locales_logits_and_no_vector() -> None:
    model, plain = new_model(), new_model(adapted=False)
    asked = queries(model, [ADAPTED, 0, len(LOCALES), ADAPTED])
    with_adapter, without = model(pad_batch(asked, 1)), plain(pad_batch(asked, 1))
    assert torch.equal(with_adapter.embeddings, without.embeddings)
    assert torch.equal(with_adapter.logits[1:3], without.logits[1:3])
    assert (with_adapter.logits[[0, 3]] - without.logits[[0, 3]]).abs().amax(1).min() > 0.1


@torch.no_grad()
def test_a_fresh_adapter_changes_nothing() -> None:
    model, plain = new_model(), new_model(adapted=False)
    assert model.adapters is not None
    model.adapters.up.data.zero_()
    asked = pad_batch(queries(model, [ADAPTED, 1, 2]), 1)
    assert torch.equal(model(asked).logits, plain(asked).logits)


def test_the_row_of_all_other_locales_gets_no_gradient() -> None:
    model = new_model()
    assert model.adapters is not None
    model(pad_batch(queries(model, [ADAPTED, 0, 3, 5]), 1)).logits.square().sum().backward()
    for weights in (model.adapters.down, model.adapters.up):
        assert weights.grad is not None
        assert not weights.grad[0].any()
        assert weights.grad[1].any()


@torch.no_grad()
def test_a_sequence_without_a_locale_token_has_no_adapter() -> None:
    model, plain = new_model(), new_model(adapted=False)
    assert model.adapters is not None
    model.adapters.rows[0] = 1  # the first locale: what a negative place must not be taken for
    asked = pad_batch([[0, 2], [0, 7, 8, 2]], 1)
    assert torch.equal(model(asked).logits, plain(asked).logits)


@torch.no_grad()
def test_the_packed_pass_runs_adapters_too() -> None:
    model = new_model()
    asked = queries(model, [ADAPTED, 0, ADAPTED, 4, len(LOCALES), ADAPTED])
    padded, packed = model(pad_batch(asked, 1)), packed_forward(model, pack(asked))
    torch.testing.assert_close(packed.logits, padded.logits)
    torch.testing.assert_close(packed.embeddings, padded.embeddings)


def test_adapters_come_back_from_the_graph_and_the_graph_answers_as_the_class() -> None:
    model = new_model()
    data = export_int8(model)
    back = load_int8(data)
    assert model.adapters is not None
    assert back.adapters is not None
    for name, value in model.adapters.state_dict().items():
        assert torch.equal(back.adapters.state_dict()[name], value), name
    asked = queries(model, [ADAPTED, 0, ADAPTED, 7, len(LOCALES)])
    with torch.no_grad():
        expected = model.classification.probabilities(model(pad_batch(asked, 1)).logits).numpy()
    np.testing.assert_allclose(run(data, asked)[0], expected, atol=0.03)


def test_a_model_without_adapters_has_none_in_its_graph() -> None:
    graph = onnx.load_from_string(export_int8(new_model(adapted=False))).graph
    assert not [constant.name for constant in graph.initializer if constant.name.startswith("adapter")]
    assert "adapters" not in " ".join(new_model(adapted=False).state_dict())
    assert load_int8(export_int8(new_model(adapted=False))).adapters is None


def grafted(weights: LocaleWeights) -> tuple[bytes, bytes]:
    plain = export_int8(new_model(adapted=False))
    return plain, graft_locales(plain, weights)


def one_more_locale(*, adapter: bool) -> LocaleWeights:
    """All tiny locales' tokens and a new one before ``und``, near that of German."""
    tokens = load_int8(export_int8(new_model(adapted=False))).state_dict()["backbone.locale_embeddings.weight"].numpy()
    random = np.random.default_rng(5)
    more = np.insert(tokens, len(LOCALES), tokens[ADAPTED] + 0.1, axis=0).astype(np.float32)
    rows = np.zeros(len(LOCALES) + 2, dtype=np.int64)
    down, up = np.zeros((1, 32, 4), np.float32), np.zeros((1, 4, 32), np.float32)
    if adapter:
        rows[len(LOCALES)] = 1
        down = np.concatenate([down, random.normal(size=(1, 32, 4)).astype(np.float32)])
        up = np.concatenate([up, random.normal(size=(1, 4, 32)).astype(np.float32)])
    return LocaleWeights(more, rows, down, up)


@pytest.mark.parametrize("adapter", [True, False])
def test_a_grafted_locale_leaves_every_other_answer_as_it_was_bit_for_bit(*, adapter: bool) -> None:
    before, after = grafted(one_more_locale(adapter=adapter))
    new, und = len(LOCALES), len(LOCALES) + 1
    model = new_model(adapted=False)
    places = [*range(len(LOCALES)), *range(len(LOCALES))]
    old_asked = queries(model, [*places, len(LOCALES), len(LOCALES)])
    new_asked = queries(model, [*places, und, und])
    mixed = queries(model, [*places, und, und, new, new, new])
    expected = run(before, old_asked)
    # The mixed batch is padded alike: its longest query is an old one.
    assert max(map(len, mixed)) == max(map(len, old_asked))
    for asked in (new_asked, mixed):
        for found, wanted in zip(run(after, asked), expected, strict=True):
            assert np.array_equal(found[: len(old_asked)], wanted)
    alone = [run(after, [each]) for each in new_asked]
    for i, each in enumerate(old_asked):
        assert all(np.array_equal(found, wanted) for found, wanted in zip(alone[i], run(before, [each]), strict=True))


def test_a_graft_without_adapters_adds_no_node_and_one_with_them_touches_no_other_weight() -> None:
    before, plain = grafted(one_more_locale(adapter=False))
    _, adapted = grafted(one_more_locale(adapter=True))
    graphs = [onnx.load_from_string(data).graph for data in (before, plain, adapted)]
    assert len(graphs[0].node) == len(graphs[1].node) < len(graphs[2].node)
    stored = [{c.name: c.SerializeToString() for c in graph.initializer} for graph in graphs]
    assert {name for name in stored[0] if stored[2][name] != stored[0][name]} == {"locale.weight"}
    again = graft_locales(adapted, one_more_locale(adapter=True))
    assert again == adapted


def test_a_graph_without_locale_tokens_cannot_learn_a_locale() -> None:
    model = new_model(adapted=False)
    model.backbone.locale_embeddings = None
    with pytest.raises(BundleRefused, match="has no locale tokens"):
        graft_locales(export_int8(model), one_more_locale(adapter=True))
