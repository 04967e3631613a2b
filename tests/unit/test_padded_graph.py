"""Graphs of bundles written before graphs packed their tokens: read, adapted and written anew.

`padded_graph.onnx` is a tiny one of that time, with 4-bit words, vectors of all layers and an attribute head.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray
from typer.testing import CliRunner

from shelfsense.bundle import Bundle
from shelfsense.models.onnx_weights import load_int8, stored_weights
from shelfsense_training.bundle_building import MODEL, rewrite_bundle
from shelfsense_training.cli import app
from shelfsense_training.export.locale_graft import LocaleWeights, graft_locales
from shelfsense_training.export.onnx_export import export_again
from tiny import LOCALES

OUTPUTS = ["probabilities", "embeddings", "attributes"]
LENGTHS = (3, 20, 7, 8)


@pytest.fixture(scope="module")
def padded() -> bytes:
    return (Path(__file__).parents[1] / "golden" / "padded_graph.onnx").read_bytes()


@pytest.fixture(scope="module")
def again(padded: bytes) -> bytes:
    return export_again(padded)


def batch(data: bytes) -> NDArray[np.int64]:
    random = np.random.default_rng(53)
    first = load_int8(data).backbone.text_vocabulary
    rows = [[0, first + i, *random.integers(4, first, length - 3), 2] for i, length in enumerate(LENGTHS)]
    return np.array([row + [1] * (max(LENGTHS) - len(row)) for row in rows])


def run(data: bytes, token_ids: NDArray[np.int64]) -> list[NDArray[np.float32]]:
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    found: list[NDArray[np.float32]] = session.run(OUTPUTS, {"token_ids": token_ids})
    return found


def test_every_weight_of_the_graph_is_the_very_same_when_written_anew(padded: bytes, again: bytes) -> None:
    before, after = stored_weights(padded), stored_weights(again)
    weights = {name for name in before if not name.startswith(("integers:", "number:"))}
    assert len(weights) > 30
    for name in weights:
        assert np.array_equal(after[name], before[name]), name
        assert after[name].dtype == before[name].dtype, name
    assert export_again(again) == again


def test_both_graphs_are_read_back_to_the_same_network(padded: bytes, again: bytes) -> None:
    before, after = load_int8(padded), load_int8(again)
    assert before.backbone.encoder.config.n_heads == after.backbone.encoder.config.n_heads == 4
    assert before.state_dict().keys() == after.state_dict().keys()
    for name, value in before.state_dict().items():
        assert torch.equal(after.state_dict()[name], value), name


def test_both_graphs_answer_alike(padded: bytes, again: bytes) -> None:
    token_ids = batch(padded)
    before, after = run(padded, token_ids), run(again, token_ids)
    assert before[0].std() > 0.1
    np.testing.assert_allclose(after[0], before[0], atol=1e-4)
    np.testing.assert_allclose(after[1], before[1], atol=1e-4)
    real = token_ids != 1
    np.testing.assert_allclose(after[2][real], before[2][real], atol=1e-4)


@pytest.mark.parametrize("form", ["padded", "again"])
def test_a_locale_is_put_into_either_graph_and_no_other_answer_changes(
    form: str, request: pytest.FixtureRequest
) -> None:
    data: bytes = request.getfixturevalue(form)
    random = np.random.default_rng(59)
    tokens = stored_weights(data)["locale.weight"]
    rows = np.zeros(len(LOCALES) + 1, dtype=np.int64)
    rows[0] = 1
    down = np.stack([np.zeros((32, 4)), random.normal(size=(32, 4))]).astype(np.float32)
    up = np.stack([np.zeros((4, 32)), random.normal(size=(4, 32))]).astype(np.float32)
    token_ids = batch(data)
    before, after = run(data, token_ids), run(graft_locales(data, LocaleWeights(tokens, rows, down, up)), token_ids)
    assert np.array_equal(after[0][1:], before[0][1:])
    assert np.abs(after[0][0] - before[0][0]).max() > 0.01
    assert np.array_equal(after[1], before[1])
    assert np.array_equal(after[2], before[2])


def test_the_command_writes_the_graph_anew_and_copies_all_else(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle, out = Bundle.open(tiny_bundle), tmp_path / "packed"
    ran = CliRunner().invoke(app, ["re-export", "--bundle", str(bundle.path), "--out", str(out), "--version", "tiny-2"])
    assert ran.exit_code == 0, ran.output
    written = Bundle.open(out)
    assert written.version == "tiny-2"
    assert written.manifest["files"] == bundle.manifest["files"]  # it was written by this version already
    assert written.manifest["format_version"] == bundle.manifest["format_version"]


def test_the_command_keeps_the_weights_of_an_older_bundle(tiny_bundle: Path, padded: bytes, tmp_path: Path) -> None:
    old = rewrite_bundle(Bundle.open(tiny_bundle), tmp_path / "old", files={MODEL: padded})
    ran = CliRunner().invoke(
        app, ["re-export", "--bundle", str(old.path), "--out", str(tmp_path / "new"), "--version", "tiny-3"]
    )
    assert ran.exit_code == 0, ran.output
    assert Bundle.open(tmp_path / "new").read(MODEL) == export_again(padded)
