"""A student grown to read all layers starts where its teacher's vectors are."""

from __future__ import annotations

import numpy as np
import torch

from shelfsense.locales import Locales
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.fine_tuning import TeacherVectors
from shelfsense_training.packed_forward import pack, packed_forward
from shelfsense_training.retrieval.grown_student import fit_embedding, grow
from tiny import LOCALES, tiny_model, tiny_tokenizer_json

TOKENIZER = QueryTokenizer.from_json(tiny_tokenizer_json(), Locales(LOCALES))


def test_the_head_over_all_layers_is_fitted_to_the_teacher_and_types_stay() -> None:
    torch.manual_seed(0)
    model = tiny_model(tiny_tokenizer_json(), labels=3, embedding=32)
    draw = np.random.default_rng(0)
    words = ("running", "shoes", "laufschuhe", "coffee", "kaffee", "usb", "cable", "red")
    texts = list({(" ".join(draw.choice(words, 3)), str(draw.choice(LOCALES))) for _ in range(900)})
    tokens = pack([list(TOKENIZER.network_input(text, locale).ids) for text, locale in texts])
    with torch.no_grad():
        before = packed_forward(model, tokens)
    teacher = TeacherVectors({text: i for i, text in enumerate(texts)}, before.embeddings.numpy().astype(np.float16))
    grown = grow(model, [1, 1, 1])
    assert grown.embedding.linear.in_features == 2 * 32
    torch.nn.init.zeros_(grown.embedding.linear.weight)
    fit_embedding(grown, TOKENIZER, teacher, texts=len(texts))
    with torch.no_grad():
        after = packed_forward(grown.eval(), tokens)
    assert float((after.embeddings * before.embeddings).sum(-1).mean()) > 0.97
    torch.testing.assert_close(after.logits, before.logits)
    assert after.attributes is not None
    assert after.attributes.shape[1] == 7
