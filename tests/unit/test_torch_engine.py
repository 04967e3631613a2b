"""Static shapes, which a GPU wants, change no answer; tried here on the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from shelfsense.bundle import Bundle
from shelfsense.engines.torch import TorchEngine
from shelfsense.models.onnx_weights import load_int8


@pytest.mark.parametrize("lengths", [(2,), (5, 3, 9), (17, 2, 2, 2, 2), (64,), (8, 8, 8, 8)])
def test_answers_of_static_shapes_are_those_of_the_batch_as_it_is(tiny_bundle: Path, lengths: tuple[int, ...]) -> None:
    model = load_int8(Bundle.open(tiny_bundle).read("model.onnx"))
    chance = np.random.default_rng(0)
    words = model.backbone.text_vocabulary
    batch = [[0, *chance.integers(3, words, length - 2).tolist(), 2] for length in lengths]
    plain, static = (
        TorchEngine(model, torch.device("cpu"), static_shapes=shapes).run(batch) for shapes in (False, True)
    )
    np.testing.assert_allclose(static.probabilities, plain.probabilities, atol=1e-5)
    np.testing.assert_allclose(static.embeddings, plain.embeddings, atol=1e-5)
    assert static.probabilities.shape[0] == len(lengths)


def test_static_shapes_are_few(tiny_bundle: Path) -> None:
    engine = TorchEngine(
        load_int8(Bundle.open(tiny_bundle).read("model.onnx")), torch.device("cpu"), static_shapes=True
    )
    shapes = {
        engine._padded([[0] * length] * queries).shape for queries in range(1, 65) for length in (2, 5, 9, 20, 40, 64)
    }
    assert shapes == {(b, t) for b in (1, 2, 4, 8, 16, 32, 64) for t in (8, 16, 32, 64)}
