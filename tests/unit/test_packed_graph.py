"""The graph computes for no padding, and where a query stands in a batch changes no bit of its answer."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper

from shelfsense.models.heads import AttributeHead, EmbeddingHead
from shelfsense.models.stored_weights import Int8Rows
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.batches import pad_batch
from shelfsense_training.export.graph import FLOAT, GraphBuilder
from shelfsense_training.export.int8 import Parameters, linear, quantise_tokens, zero_points
from shelfsense_training.export.onnx_export import export_int8
from tiny import tiny_model, tiny_tokenizer_json

LENGTHS = (3, 67, 4, 9, 20, 3, 33)
OUTPUTS = ["probabilities", "embeddings", "attributes"]


def new_model() -> UnderstanderModel:
    torch.manual_seed(37)
    model = tiny_model(tiny_tokenizer_json(), labels=6, levels=(1, 1, 2, 2, 2, 2))
    model.classification.linear.weight.data *= 8
    model.embedding = EmbeddingHead(model.backbone.width, 16, model.backbone.layers)
    model.attributes = AttributeHead(model.backbone.width)
    return model.eval()


@pytest.fixture(scope="module")
def graph() -> bytes:
    return export_int8(new_model())


@pytest.fixture(scope="module")
def asked() -> list[list[int]]:
    random = np.random.default_rng(41)
    first = new_model().backbone.text_vocabulary
    return [[0, first + i, *random.integers(4, first, length - 3).tolist(), 2] for i, length in enumerate(LENGTHS)]


def session(data: bytes) -> ort.InferenceSession:
    return ort.InferenceSession(data, providers=["CPUExecutionProvider"])


def test_layers_run_over_the_real_tokens_of_a_batch_alone(graph: bytes, asked: list[list[int]]) -> None:
    model = onnx.load_from_string(graph)
    products = [node.output[0] for node in model.graph.node if node.op_type == "MatMulIntegerToFloat"]
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in products)
    found = session(model.SerializeToString()).run(products, {"token_ids": pad_batch(asked, 1).numpy()})
    of_tokens, of_queries = [sum(LENGTHS)] * 8, [len(LENGTHS)] * 2
    assert sorted(len(product) for product in found) == sorted([*of_tokens, *of_queries])


def test_neighbours_their_order_and_wider_padding_change_no_bit(graph: bytes, asked: list[list[int]]) -> None:
    running = session(graph)
    batch = pad_batch(asked, 1).numpy()
    probabilities, embeddings, attributes = running.run(OUTPUTS, {"token_ids": batch})
    assert probabilities.std() > 0.1  # the comparison would be idle on answers that are all alike
    backwards = running.run(OUTPUTS, {"token_ids": batch[::-1]})
    for found, wanted in zip(backwards, (probabilities, embeddings, attributes), strict=True):
        assert np.array_equal(found[::-1], wanted)
    short = [i for i, length in enumerate(LENGTHS) if length <= 4]
    fewer = running.run(OUTPUTS, {"token_ids": batch[short, :4]})
    assert np.array_equal(fewer[1], embeddings[short])
    np.testing.assert_allclose(fewer[0], probabilities[short], atol=1e-6)
    for row, i in enumerate(short):
        assert np.array_equal(fewer[2][row, : LENGTHS[i]], attributes[i, : LENGTHS[i]])


def test_each_query_alone_is_answered_as_in_the_batch(graph: bytes, asked: list[list[int]]) -> None:
    running = session(graph)
    together = running.run(OUTPUTS, {"token_ids": pad_batch(asked, 1).numpy()})
    for i, ids in enumerate(asked):
        alone = running.run(OUTPUTS, {"token_ids": np.array([ids])})
        np.testing.assert_allclose(alone[0][0], together[0][i], atol=1e-6)
        np.testing.assert_allclose(alone[1][0], together[1][i], atol=1e-6)
        np.testing.assert_allclose(alone[2][0], together[2][i, : len(ids)], atol=1e-6)


def product(values: NDArray[np.float32], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Multiply rows (N, D) by a matrix (R, D) as graphs do."""
    builder = GraphBuilder()
    quantised = quantise_tokens(builder, "rows", zero_points(builder, "rows"))
    builder.result("product", linear(builder, {"m": matrix}, "m", quantised))
    rows, outputs = {"rows": (FLOAT, ["N", matrix.shape[1]])}, {"product": (FLOAT, ["N", len(matrix)])}
    found: NDArray[np.float32] = session(builder.model(rows, outputs)).run(None, {"rows": values})[0]
    return found


def test_a_row_of_zeros_has_a_product_of_zeros_and_harms_no_other() -> None:
    random = np.random.default_rng(43)
    rows, matrix = random.normal(size=(3, 32)), random.normal(size=(8, 32)).astype(np.float32)
    rows[1] = 0.0
    found = product(rows.astype(np.float32), matrix)
    assert not found[1].any()
    np.testing.assert_allclose(found, rows @ matrix.T, atol=0.5)
    assert np.array_equal(found[[0]], product(rows[[0]].astype(np.float32), matrix))


def test_a_stored_int8_matrix_is_taken_as_it_is() -> None:
    random = np.random.default_rng(47)
    stored = Int8Rows(random.integers(-100, 101, (8, 32)).astype(np.int8), np.full(8, 0.3, np.float32))
    builder = GraphBuilder()
    weights: Parameters = {"m.int8": stored.values.T, "m.scale": stored.scale}
    linear(builder, weights, "m", quantise_tokens(builder, "rows", zero_points(builder, "rows")))
    held = {constant.name: onnx.numpy_helper.to_array(constant) for constant in builder.constants}
    for name, value in weights.items():
        assert np.array_equal(held[name], value)
