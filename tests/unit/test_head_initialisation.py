"""The head's first weights, from names: right before any training, and no surer than the names allow."""

from __future__ import annotations

import pytest
import torch

from shelfsense.locales import Locales
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.batches import pad_batch
from shelfsense_training.head_initialisation import initialise_head
from shelfsense_training.training_rows import TrainingRow
from tiny import LOCALES, TINY_TREE, tiny_model, tiny_tokenizer_json

TYPES = ProductTypes.from_table("tiny", TINY_TREE)
TOKENIZER = QueryTokenizer.from_json(tiny_tokenizer_json(), Locales(LOCALES))
WORDS = {"sh-1": "running shoes", "ho-1": "coffee machine", "el-1": "usb cable"}
ROWS = [
    TrainingRow(f"{words}{extra}", locale, [kind], "name")
    for kind, words in WORDS.items()
    for locale in ("en", "de", "es")
    for extra in ("", " a", " red", " b")
]


@pytest.fixture(scope="module")
def model() -> UnderstanderModel:
    torch.manual_seed(2)
    model = tiny_model(tiny_tokenizer_json(), labels=len(TYPES), levels=TYPES.level.tolist())
    initialise_head(model, TOKENIZER, TYPES, ROWS)
    return model


@torch.no_grad()
def probabilities(model: UnderstanderModel, text: str) -> dict[str, float]:
    tokens = TOKENIZER.network_input(text, "en").ids
    found = model.classification.probabilities(model(pad_batch([tokens], 1)).logits)[0]
    return {node.id: float(p) for node, p in zip(TYPES.nodes, found, strict=True)}


@pytest.mark.parametrize("kind", WORDS)
def test_a_name_finds_its_type_and_the_types_above_it(model: UnderstanderModel, kind: str) -> None:
    found = probabilities(model, WORDS[kind])
    for level in (1, 2):
        ids = [TYPES.nodes[i].id for i in TYPES.by_level[level]]
        assert max(ids, key=found.__getitem__) == kind.split("-", maxsplit=1)[0] + ("-1" if level == 2 else "")


def test_a_type_without_names_is_the_least_likely(model: UnderstanderModel) -> None:
    assert model.classification.linear.weight[TYPES.index["sh-2"]].abs().max() == 0
    bias = model.classification.linear.bias
    assert bias[TYPES.index["sh-2"]] == bias.min()
