"""Calibration: a known map is found again, and the error that it lowers by hand."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
import torch

from shelfsense.product_types import ProductTypes
from shelfsense_training.calibration.platt import (
    LevelCalibration,
    apply_calibration,
    expected_calibration_error,
    fit_level,
)
from tiny import TINY_TREE, tiny_model, tiny_tokenizer_json


def test_the_fit_passes_through_the_frequencies_of_two_logits() -> None:
    # Logit 0 is right 1 time in 4 (log-odds -ln 3), logit 1 3 times in 4 (ln 3): scale 2 ln 3, shift -ln 3.
    logits = np.repeat(np.array([[0.0], [1.0]], dtype=np.float32), 400, axis=0)
    labels = np.concatenate([np.arange(400) < 100, np.arange(400) < 300])[:, None]
    found = fit_level(logits, labels)
    assert found.scale == pytest.approx(2 * log(3), rel=1e-3)
    assert found.shift == pytest.approx(-log(3), rel=1e-3)


def test_the_fit_recovers_a_known_map_from_samples() -> None:
    random = np.random.default_rng(8)
    logits = random.normal(0, 2, (4000, 10)).astype(np.float32)
    labels = random.random(logits.shape) < 1 / (1 + np.exp(-(1.7 * logits - 0.8)))
    found = fit_level(logits, labels)
    assert found.scale == pytest.approx(1.7, abs=0.05)
    assert found.shift == pytest.approx(-0.8, abs=0.05)


def test_a_map_is_set_on_the_types_of_its_level_only() -> None:
    types = ProductTypes.from_table("tiny", TINY_TREE)
    model = tiny_model(tiny_tokenizer_json(), labels=len(types))
    apply_calibration(model, types, {2: LevelCalibration(2.0, -1.0)})
    second = torch.from_numpy(types.level == 2)
    assert model.classification.scale.tolist() == torch.where(second, 2.0, 1.0).tolist()
    assert model.classification.shift.tolist() == torch.where(second, -1.0, 0.0).tolist()


def test_the_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.6, 0.1, 0.0], [0.2, 0.9, 0.3], [0.3, 0.2, 0.4]], dtype=np.float32)
    labels = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1]], dtype=bool)
    # Best types: 0.6 right, 0.9 wrong, 0.4 right. Upper half: mean 0.75 against 1/2, two queries of three;
    # lower half: 0.4 against 1, one of three.
    assert expected_calibration_error(probabilities, labels, bins=2) == pytest.approx(0.25 * 2 / 3 + 0.6 / 3)


def test_certainty_that_is_right_has_no_calibration_error() -> None:
    assert expected_calibration_error(np.ones((5, 1), dtype=np.float32), np.ones((5, 1), dtype=bool)) == 0.0
