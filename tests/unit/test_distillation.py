"""Distillation: the loss by hand, the teacher's vectors taken up where they stopped, a run that resumes."""

from __future__ import annotations

import shutil
from math import e, log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from shelfsense.locales import Locales
from shelfsense.models.backbone import Backbone
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training import distillation
from shelfsense_training.checkpoints import save_checkpoint
from shelfsense_training.distillation import DistillationSettings, distil, distillation_loss, teacher_vectors
from tiny import LOCALES, tiny_model, tiny_tokenizer_json

WORDS = ("running", "shoes", "coffee", "machine", "usb", "cable", "red", "kaffeemaschine")
TEXTS = [(f"{first} {second}", LOCALES[i % 3]) for i, first in enumerate(WORDS) for second in WORDS[:2]]
TOKENIZER = QueryTokenizer.from_json(tiny_tokenizer_json(), Locales(LOCALES))
WORD_TABLE = "backbone.encoder.embeddings.word_embeddings.weight"


def unit(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows)


FIRST, SECOND = [1.0, 0.0], [0.0, 1.0]


def test_equal_vectors_cost_nothing() -> None:
    vectors = nn.functional.normalize(torch.randn(6, 4, generator=torch.Generator().manual_seed(1)), dim=-1)
    assert distillation_loss(vectors, vectors, 0.05).item() == pytest.approx(0.0, abs=1e-6)


def test_a_lone_text_costs_its_cosine() -> None:
    assert distillation_loss(unit(FIRST), unit(SECOND), 0.05).item() == pytest.approx(1.0)


def test_the_loss_of_three_texts_by_hand() -> None:
    # The student sees three equal texts, the teacher two and a third: cosines 1, 1, 0. Similarities of texts 1
    # and 2 are (1, 0), so p = e/(e+1), against the student's halves; text 3 is undecided in both.
    p = e / (e + 1)
    divergence = 2 * (p * log(2 * p) + (1 - p) * log(2 * (1 - p)))
    loss = distillation_loss(unit(FIRST, FIRST, FIRST), unit(FIRST, FIRST, SECOND), 1.0)
    assert loss.item() == pytest.approx(1 / 3 + divergence / 3)


def without_dropout(model: UnderstanderModel) -> UnderstanderModel:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


def new_student(seed: int) -> UnderstanderModel:
    torch.manual_seed(seed)
    return without_dropout(tiny_model(tiny_tokenizer_json(), labels=3))


def wanted() -> NDArray[np.float16]:
    """Return the vectors to learn: one random direction per first word."""
    vectors = np.random.default_rng(4).normal(size=(len(WORDS), 16)).repeat(2, axis=0)
    found: NDArray[np.float16] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    return found


def cosine(model: UnderstanderModel) -> float:
    """Return the mean cosine between the student's vectors and those wanted."""
    found = []
    with torch.no_grad():
        for text, locale in TEXTS:
            found.append(model(torch.tensor([TOKENIZER.network_input(text, locale).ids])).embeddings[0].numpy())
    return float((np.stack(found) * wanted()).sum(1).mean())


class Runs:
    """One run of 202 steps, and one that goes on from its checkpoint of step 200."""

    def __init__(self, folder: Path, *, und_share: float) -> None:
        # 16 texts in batches of 4: 4 steps an epoch.
        settings = DistillationSettings(batch=4, peak_rate=1e-2, epochs=50.5, und_share=und_share)
        whole, early = folder / "whole.pt", folder / "early.pt"
        self.saved_steps: list[int] = []

        def keep_the_first(path: Path, state: dict[str, Any]) -> None:
            save_checkpoint(path, state)
            self.saved_steps.append(state["step"])
            if state["step"] == 200:
                shutil.copy(path, early)

        self.before = new_student(1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(distillation, "save_checkpoint", keep_the_first)
            self.uninterrupted = distil(new_student(1), TOKENIZER, TEXTS, wanted(), whole, settings)
            self.resumed = distil(new_student(2), TOKENIZER, TEXTS, wanted(), early, settings)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("distillation"), und_share=0.0)


def test_the_student_draws_near_the_teacher(runs: Runs) -> None:
    assert cosine(runs.before) < 0.3
    assert cosine(runs.uninterrupted) > 0.5


def test_the_words_stay_as_they_are(runs: Runs) -> None:
    assert torch.equal(runs.before.state_dict()[WORD_TABLE], runs.uninterrupted.state_dict()[WORD_TABLE])


def test_a_run_saves_every_200_steps_and_its_last(runs: Runs) -> None:
    assert runs.saved_steps == [200, 202, 202]  # the resumed run begins at 200


def test_a_resumed_run_reaches_the_weights_of_an_uninterrupted_one(runs: Runs) -> None:
    for name, weight in runs.uninterrupted.state_dict().items():
        assert torch.equal(runs.resumed.state_dict()[name], weight), name


def test_a_resumed_run_also_drops_the_locales_of_the_same_texts(tmp_path: Path) -> None:
    runs = Runs(tmp_path, und_share=0.5)
    for name, weight in runs.uninterrupted.state_dict().items():
        assert torch.equal(runs.resumed.state_dict()[name], weight), name


def teacher() -> Backbone:
    torch.manual_seed(9)
    return tiny_model(tiny_tokenizer_json(), labels=2).backbone


def test_the_teachers_vectors_are_of_unit_length_and_in_the_order_of_the_texts(tmp_path: Path) -> None:
    texts = ["red shoes", "usb", "coffee machine running shoes", "red shoes"]
    vectors = teacher_vectors(teacher(), TOKENIZER, texts, tmp_path / "v.npy", batch=2).astype(np.float32)
    assert vectors.shape == (4, 32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=2e-3)
    np.testing.assert_allclose(vectors[0], vectors[3], atol=1e-2)
    assert (vectors[0] @ vectors[1]) < 0.999


def test_the_teacher_is_not_asked_again_for_what_it_has_answered(tmp_path: Path) -> None:
    out, texts = tmp_path / "v.npy", ["red shoes", "usb", "coffee machine"]
    first = teacher_vectors(teacher(), TOKENIZER, texts, out).copy()

    class Silent(Backbone):
        def forward(self, token_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            raise AssertionError(f"asked again about {token_ids.tolist()}")

    assert np.array_equal(teacher_vectors(Silent(teacher().encoder), TOKENIZER, texts, out), first)
