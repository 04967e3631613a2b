"""A head fitted anew on pooled queries: it learns what they say, and changes nothing else."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from shelfsense.locales import Locales
from shelfsense.product_types import ProductTypes
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.backbones import blend_backbones
from shelfsense_training.head_fitting import HeadFittingSettings, choose_rows, fit_head, pooled_queries
from shelfsense_training.sampling import SamplingSettings
from shelfsense_training.training_rows import TrainingRow
from tiny import TINY_TREE, tiny_model, tiny_tokenizer_json

TYPES = ProductTypes.from_table("tiny", TINY_TREE)
ROWS = [
    TrainingRow("a", "en", ["sh-1"], "name"),
    TrainingRow("b", "en", ["ho-1"], "name"),
    TrainingRow("c", "en", ["el-1"], "judged", complete=False),
    TrainingRow("d", "en", ["sh-2"], "head"),
]


def test_a_fitted_head_tells_separable_queries_apart_and_leaves_the_old_one_alone() -> None:
    torch.manual_seed(3)
    head = nn.Linear(4, len(TYPES))
    before = head.weight.detach().clone()
    pooled = np.eye(4, dtype=np.float16)
    sampling = SamplingSettings(judged_share=0.25, own_share=0.25)
    settings = HeadFittingSettings(steps=200, batch=16, rate=5e-2, decay=0.0, dropout=0.0, sampling=sampling)
    fitted = fit_head(head, pooled, ROWS, TYPES, settings)
    with torch.no_grad():
        best = fitted(torch.eye(4))[:, TYPES.by_level[2]].argmax(1)
    assert [TYPES.nodes[TYPES.by_level[2][i]].id for i in best] == ["sh-1", "ho-1", "el-1", "sh-2"]
    assert torch.equal(head.weight, before)


def test_every_row_but_names_is_kept() -> None:
    chosen = choose_rows([*ROWS, *(TrainingRow(str(i), "en", ["sh-1"], "name") for i in range(50))], settings(rows=10))
    assert len(chosen) == 10
    assert [row.source for row in chosen[:2]] == ["judged", "head"]


def settings(*, rows: int) -> HeadFittingSettings:
    return HeadFittingSettings(rows=rows)


def test_pooled_queries_do_not_depend_on_their_neighbours() -> None:
    torch.manual_seed(5)
    json_bytes = tiny_tokenizer_json()
    model = tiny_model(json_bytes, labels=len(TYPES))
    tokenizer = QueryTokenizer.from_json(
        json_bytes, Locales(("en", "de", "es", "pt-BR", "ja", "zh-CN", "zh-TW", "tr", "hi-IN", "ar-SA"))
    )
    texts = [("running shoes", "en"), ("usb", "de"), ("coffee machine red usb cable", "en")]
    together = pooled_queries(model, tokenizer, texts)
    alone = np.concatenate([pooled_queries(model, tokenizer, [text]) for text in texts])
    np.testing.assert_allclose(together.astype(float), alone.astype(float), atol=2e-2)


def test_a_blend_lies_between_its_ends() -> None:
    torch.manual_seed(1)
    before, after = (tiny_model(tiny_tokenizer_json(), labels=3).backbone for _ in range(2))
    name = "encoder.transformer.layer.0.ffn.lin1.weight"
    for share in (0.0, 0.25, 1.0):
        expected = (1 - share) * before.state_dict()[name] + share * after.state_dict()[name]
        blended = blend_backbones(before, after, share).state_dict()[name]
        torch.testing.assert_close(blended, expected)
