"""Fine-tuning a tiny network: it learns, keeps its words, and a run that was stopped ends where it would have."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from shelfsense.locales import Locales
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training import pairs, training_loop
from shelfsense_training.batches import pad_batch
from shelfsense_training.checkpoints import save_checkpoint
from shelfsense_training.fine_tuning import FineTuning, FineTuningSettings, TeacherVectors
from shelfsense_training.objectives import TargetTable, level_cross_entropy
from shelfsense_training.sampling import SamplingSettings
from shelfsense_training.sources.lexicon import LexiconEntry
from shelfsense_training.training_rows import TrainingRow
from tiny import LOCALES, TINY_TREE, tiny_model, tiny_tokenizer_json

TYPES = ProductTypes.from_table("tiny", TINY_TREE)
TOKENIZER = QueryTokenizer.from_json(tiny_tokenizer_json(), Locales(LOCALES))
ROWS = [
    TrainingRow("running shoes", "en", ["sh-1"], "name"),
    TrainingRow("laufschuhe", "de", ["sh-1"], "composed"),
    TrainingRow("coffee machine", "en", ["ho-1"], "google"),
    TrainingRow("kaffee maschine", "de", ["ho-1"], "head"),
    TrainingRow("usb cable", "en", ["el-1"], "lexicon"),
    TrainingRow("red shoes", "en", ["sh"], "judged", ["el"], complete=False),
]
HEADS = [
    LexiconEntry("running shoes", "en", "sh-1", "shoes", 0),
    LexiconEntry("laufschuhe", "de", "sh-1", "shoes", 0),
    LexiconEntry("coffee machine", "en", "ho-1", "coffee", 1),
    LexiconEntry("kaffee maschine", "de", "ho-1", "coffee", 1),
]
TAILS = [LexiconEntry(f"shoes{extra} running", "en", "sh-1", "shoes", 0) for extra in ("", " red", " usb", " cable")]
SETTINGS = FineTuningSettings(
    steps=202,
    batch=6,
    pairs=2,
    encoder_rate=2e-3,
    head_rate=1e-2,
    und_share=0.3,
    encoder_dropout=0.0,
    sampling=SamplingSettings(judged_share=0.2, asked_share=0.0, own_share=0.3),
)
WORD_TABLE = "backbone.encoder.embeddings.word_embeddings.weight"


def new_model(seed: int) -> UnderstanderModel:
    """Return a tiny network without dropout, whose draws a checkpoint does not hold."""
    torch.manual_seed(seed)
    model = tiny_model(tiny_tokenizer_json(), labels=len(TYPES), levels=TYPES.level.tolist())
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


def tuning(model: UnderstanderModel, settings: FineTuningSettings = SETTINGS) -> FineTuning:
    vector = np.full((1, 16), 0.25, dtype=np.float16)
    teacher = TeacherVectors({("usb cable", "en"): 0, ("red shoes", "en"): 0}, vector)
    return FineTuning(model, TOKENIZER, TYPES, ROWS, teacher, settings)


@torch.no_grad()
def loss(model: UnderstanderModel) -> float:
    tokens = [TOKENIZER.network_input(row.text, row.locale).ids for row in ROWS]
    levels = [torch.from_numpy(TYPES.by_level[k]) for k in (1, 2)]
    targets = TargetTable(TYPES).targets(ROWS)
    return level_cross_entropy(model.eval()(pad_batch(tokens, 1)).logits, targets, levels).item()


class Runs:
    """One run of 202 steps, and one that goes on from its checkpoint of step 200."""

    def __init__(self, folder: Path) -> None:
        early = folder / "early.pt"
        self.validated: list[bool] = []

        def keep_the_first(path: Path, state: dict[str, Any]) -> None:
            save_checkpoint(path, state)
            if state["step"] == 200:
                shutil.copy(path, early)

        def validate(model: UnderstanderModel) -> str:
            self.validated.append(model.training)
            return "fine"

        self.before, self.uninterrupted, self.resumed = new_model(1), new_model(1), new_model(2)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training_loop, "save_checkpoint", keep_the_first)
            patch.setattr(pairs, "read_heads", lambda: HEADS)
            patch.setattr(pairs, "read_tails", lambda: TAILS)
            tuning(self.uninterrupted).run(folder / "whole.pt", validate, every=100)
            tuning(self.resumed).run(early, lambda _: "")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("fine_tuning"))


def test_the_loss_falls(runs: Runs) -> None:
    assert loss(runs.before) > 0.9
    assert loss(runs.uninterrupted) < 0.1


def test_the_words_stay_as_they_are_and_all_else_moves(runs: Runs) -> None:
    before, after = runs.before.state_dict(), runs.uninterrupted.state_dict()
    unmoved = {name for name in before if torch.equal(before[name], after[name])}
    assert unmoved == {WORD_TABLE, "classification.scale", "classification.shift"}


def test_a_resumed_run_reaches_the_weights_of_an_uninterrupted_one(runs: Runs) -> None:
    for name, weight in runs.uninterrupted.state_dict().items():
        assert torch.equal(runs.resumed.state_dict()[name], weight), name


def test_validation_sees_a_model_at_rest(runs: Runs) -> None:
    assert runs.validated == [False, False, False]  # steps 100, 200 and the last
    assert not runs.uninterrupted.training
