"""What the network says of each token, and vectors read off all layers: in torch, in the graph, and on the way back."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from shelfsense.attribute_kinds import ATTRIBUTES
from shelfsense.bundle import Bundle
from shelfsense.engines.engine import EngineOutput
from shelfsense.engines.onnx import OnnxEngine
from shelfsense.engines.torch import TorchEngine
from shelfsense.models.heads import AttributeHead, EmbeddingHead
from shelfsense.models.locale_adapters import LocaleAdapters
from shelfsense.models.onnx_weights import load_int8
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.query import Options, Query
from shelfsense.reformulation.attribute_spans import AttributeSpan, spans_from_text
from shelfsense.reformulation.head_index import Head, HeadIndex
from shelfsense.thresholds import LocaleThresholds, Thresholds
from shelfsense.understander import Understander
from shelfsense_training.batches import pad_batch
from shelfsense_training.bundle_building import BundleParts, answer_queries, build_bundle, index_heads
from shelfsense_training.evaluation.scoring import by_length, served_answers
from shelfsense_training.export.locale_graft import LocaleWeights, graft_locales
from shelfsense_training.export.onnx_export import export_int8
from tiny import LOCALES, TINY_TREE, tiny_model, tiny_tokenizer_json

TREE = ProductTypes.from_table("tiny", TINY_TREE)


def new_model(*, all_layers: bool = True, attributes: bool = True) -> UnderstanderModel:
    """A seeded network of two layers; its attribute head has opinions."""
    torch.manual_seed(29)
    model = tiny_model(tiny_tokenizer_json(), labels=len(TREE), levels=TREE.level.tolist())
    if all_layers:
        model.embedding = EmbeddingHead(model.backbone.width, 16, model.backbone.layers)
    if attributes:
        model.attributes = AttributeHead(model.backbone.width)
        model.attributes.linear.weight.data *= 8
    return model.eval()


def queries(model: UnderstanderModel) -> list[list[int]]:
    random = np.random.default_rng(31)
    first = model.backbone.text_vocabulary
    return [[0, first + i % 3, *random.integers(4, first, 1 + i % 7).tolist(), 2] for i in range(12)]


def bundle_of(model: UnderstanderModel, out: Path) -> Bundle:
    entry = LocaleThresholds((0.5, 0.5), "composed", 0.9, "composed")
    thresholds = Thresholds(dict.fromkeys((*LOCALES, "und"), entry))
    facts: dict[str, object] = {"metrics": {}, "training_data": [], "licences": []}
    return build_bundle(BundleParts("t-1", model, tiny_tokenizer_json(), TREE, LOCALES, thresholds, facts), out)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle_of(new_model(), tmp_path_factory.mktemp("attributes") / "bundle")


@torch.no_grad()
def test_the_graph_answers_vectors_of_all_layers_and_attributes_as_the_class_does(bundle: Bundle) -> None:
    model = new_model()
    asked = queries(model)
    expected = model(pad_batch(asked, 1))
    found = OnnxEngine.load(bundle).run(asked)
    assert (found.embeddings * expected.embeddings.numpy()).sum(1).min() > 0.999
    probabilities = model.classification.probabilities(expected.logits).numpy()
    np.testing.assert_allclose(found.probabilities, probabilities, atol=0.02)
    assert found.attributes is not None
    wanted = expected.attributes.softmax(-1).numpy()
    assert wanted.std() > 0.1  # the comparison would be idle on opinions that are all alike
    for i, ids in enumerate(asked):
        assert found.attributes[i].shape == (len(ids) - 3, len(ATTRIBUTES))
        np.testing.assert_allclose(found.attributes[i], wanted[i, 2 : len(ids) - 1], atol=0.1)


def test_the_torch_engine_answers_attributes_too(bundle: Bundle) -> None:
    asked = queries(new_model())
    torch_rows, onnx_rows = TorchEngine.load(bundle).run(asked).rows(), OnnxEngine.load(bundle).run(asked).rows()
    for one, other in zip(torch_rows, onnx_rows, strict=True):
        assert one.attributes is not None
        assert other.attributes is not None
        np.testing.assert_allclose(one.attributes, other.attributes, atol=0.1)
        np.testing.assert_allclose(one.attributes.sum(1), 1.0, atol=1e-5)


@pytest.mark.parametrize("all_layers", [True, False])
@pytest.mark.parametrize("attributes", [True, False])
def test_both_come_back_from_the_graph(*, all_layers: bool, attributes: bool) -> None:
    model = new_model(all_layers=all_layers, attributes=attributes)
    back = load_int8(export_int8(model))
    assert back.embedding.states == (2 if all_layers else 1)
    assert (back.attributes is not None) == attributes
    before, after = model.state_dict(), back.state_dict()
    assert before.keys() == after.keys()
    step = before["embedding.linear.weight"].abs().amax(1, keepdim=True) / 127
    assert ((after["embedding.linear.weight"] - before["embedding.linear.weight"]).abs() <= step / 2 * 1.001).all()
    for name in [name for name in before if name.startswith("attributes")]:
        assert torch.equal(after[name], before[name]), name


def test_a_model_without_either_has_the_graph_it_always_had() -> None:
    graph = onnx.load_from_string(export_int8(new_model(all_layers=False, attributes=False))).graph
    lent = ["word.weight.int8", "word.weight.scale"]  # the word table itself, which a re-ranker borrows
    assert [output.name for output in graph.output] == ["probabilities", "embeddings", *lent]
    described = "\n".join(f"{node.op_type} {list(node.input)} {list(node.output)}" for node in graph.node)
    # Since graphs pack their tokens. Bundles made now and later are alike; where nodes change, `re-export` the starter.
    assert (
        hashlib.sha256(described.encode()).hexdigest()
        == "c8e86d6f92c8240e1dc7ef94346816a512094f59d0919f3fd95513456b036fd2"
    )


def test_an_engine_without_the_head_answers_rows_without_attributes(tmp_path: Path) -> None:
    output = OnnxEngine.load(bundle_of(new_model(attributes=False), tmp_path / "plain")).run([[0, 60, 5, 2]])
    assert output.attributes is None
    assert [row.attributes for row in output.rows()] == [None]


def test_padding_does_not_change_what_a_token_is(bundle: Bundle) -> None:
    engine = OnnxEngine.load(bundle)
    asked = queries(new_model())
    together = engine.run(asked).rows()
    for ids, row in zip(asked, together, strict=True):
        alone = engine.run([ids]).rows()[0]
        assert row.attributes is not None
        assert alone.attributes is not None
        np.testing.assert_allclose(row.attributes, alone.attributes, atol=1e-4)
        np.testing.assert_allclose(row.embedding, alone.embedding, atol=1e-4)


def test_a_bundle_with_an_attribute_head_is_of_format_2_and_names_the_kinds(bundle: Bundle, tmp_path: Path) -> None:
    assert bundle.manifest["format_version"] == 2
    assert bundle.manifest["attributes"] == list(ATTRIBUTES)
    plain = bundle_of(new_model(attributes=False), tmp_path / "plain")
    assert plain.manifest["format_version"] == 1
    assert "attributes" not in plain.manifest


def test_batches_of_other_lengths_keep_each_querys_own_attributes(bundle: Bundle) -> None:
    understander = Understander.load(bundle)
    asked = [Query(text, "en") for text in ("red usb cable machine", "red", "running shoes red " * 4, "kaffee")]
    alone = [understander.infer([understander.prepare(query)]).rows()[0].attributes for query in asked]
    prepared = [understander.prepare(query) for query in asked]
    by_one = [[i] for i in reversed(range(len(asked)))]
    outputs = [
        answer_queries(understander, asked),
        served_answers(understander, understander.infer, prepared, by_length(prepared, 2), "test"),
        served_answers(understander, understander.infer, prepared, by_one, "test"),
    ]
    for output in outputs:
        for row, expected in zip(output.rows(), alone, strict=True):
            assert row.attributes is not None
            assert expected is not None
            np.testing.assert_allclose(row.attributes, expected, atol=1e-4)


def test_rows_of_unequal_outputs_are_refused() -> None:
    table: np.ndarray[tuple[int, int], np.dtype[np.float32]] = np.zeros((2, 3), dtype=np.float32)
    with pytest.raises(ValueError, match="zip"):
        EngineOutput(table, table, (table,)).rows()


def test_a_graft_of_a_locale_leaves_all_layers_and_attributes_as_they_were() -> None:
    model = new_model()
    plain = export_int8(model)
    assert model.backbone.locale_embeddings is not None
    tokens = model.backbone.locale_embeddings.weight.detach().numpy()
    rows = np.zeros(len(LOCALES) + 1, dtype=np.int64)
    rows[1] = 1
    random = np.random.default_rng(7)
    down, up = (random.normal(size=(2, *shape)).astype(np.float32) for shape in ((32, 4), (4, 32)))
    down[0], up[0] = 0.0, 0.0
    back = load_int8(graft_locales(plain, LocaleWeights(tokens, rows, down, up)))
    exported = new_model()
    exported.adapters = LocaleAdapters(32, rows.tolist(), rank=4)
    exported.adapters.down.data, exported.adapters.up.data = torch.from_numpy(down), torch.from_numpy(up)
    asked = pad_batch(queries(model), 1)
    with torch.no_grad():
        grafted, whole, before = back(asked), exported(asked), load_int8(plain)(asked)
    torch.testing.assert_close(grafted.embeddings, before.embeddings)
    torch.testing.assert_close(grafted.attributes, before.attributes)
    torch.testing.assert_close(grafted.logits, whole.logits, atol=0.1, rtol=0.05)
    assert (grafted.logits - before.logits).abs().max() > 0.1


def one_colour() -> UnderstanderModel:
    """A network to which every token is a colour."""
    model = new_model()
    assert model.attributes is not None
    model.attributes.linear.weight.data.zero_()
    model.attributes.linear.bias.data = torch.tensor([20.0 * (kind == "color") for kind in ATTRIBUTES])
    return model


def test_heads_are_indexed_with_the_attributes_that_the_network_finds(tmp_path: Path) -> None:
    heads = [Head("red shoes", "en", 2.0), Head("kaffee", "de", 1.0)]
    bundle = index_heads(bundle_of(one_colour(), tmp_path / "bare"), heads, tmp_path / "whole")
    assert bundle.manifest["format_version"] == 2
    match = HeadIndex.load(bundle).exact("en", ["red shoes"])[0]
    assert spans_from_text(match.attributes) == (AttributeSpan("color", "red shoes"),)
    plain = index_heads(bundle_of(new_model(attributes=False), tmp_path / "plain"), heads, tmp_path / "plain_heads")
    assert HeadIndex.load(plain).exact("en", ["red shoes"])[0].attributes == ""


def test_the_understander_refuses_a_head_that_lacks_what_the_query_names(tmp_path: Path) -> None:
    heads = [Head("red shoes", "en", 2.0), Head("red shoes machine", "en", 1.0)]
    understander = Understander.load(index_heads(bundle_of(one_colour(), tmp_path / "b"), heads, tmp_path / "whole"))
    prepared = understander.prepare(Query("shoes red", "en"))
    row = understander.infer([prepared]).rows()[0]
    assert row.attributes is not None
    assert understander.attribute_spans(prepared, row.attributes) == (("color", "shoes red"),)
    near = understander.infer([understander.prepare(Query("red shoes machine", "en"))]).embeddings[0]
    found = understander.answer(prepared, row._replace(embedding=near), Options(include_refused=True)).reformulations
    refusals = {each.query: each.refusal for each in found}
    assert refusals["red shoes machine"] == "color shoes machine is missing from the query"
