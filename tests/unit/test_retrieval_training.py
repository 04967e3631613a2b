"""The retriever and the re-ranker learn, on a tiny network and a hundred made-up queries."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shelfsense.locales import Locales
from shelfsense.models.cross_encoder import CrossEncoder, pair_input
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.retrieval.cross_encoder_training import (
    CrossEncoderSettings,
    CrossEncoderTraining,
    RankedExample,
)
from shelfsense_training.retrieval.graded_queries import EXACT, GradedQueries
from shelfsense_training.retrieval.retriever_training import RetrieverSettings, RetrieverTraining
from shelfsense_training.retrieval.tagged_queries import UNTOLD, TaggedQuery, tagged_tokens
from tiny import LOCALES, tiny_model, tiny_tokenizer_json

WORDS = ("running", "shoes", "coffee", "machine", "usb", "cable", "red")
TOKENIZER = QueryTokenizer.from_json(tiny_tokenizer_json(), Locales(LOCALES))


@pytest.fixture(scope="module")
def queries() -> GradedQueries:
    """120 texts of two words and a number; each pair of rows 2 i and 2 i + 1 shares two products."""
    texts = [f"{WORDS[i % 7]} {WORDS[(i * 3 + 1) % 7]} {i // 2} {'a' if i % 2 else 'b'}" for i in range(120)]
    grades = {i: {10 * (i // 2): EXACT, 10 * (i // 2) + 1: EXACT} for i in range(120)}
    return GradedQueries(texts, grades)


def test_a_run_reads_nothing_of_the_tested_fold_and_keeps_its_best_state(queries: GradedQueries) -> None:
    torch.manual_seed(0)
    model = tiny_model(tiny_tokenizer_json(), labels=3, embedding=32)
    teacher = np.random.default_rng(0).standard_normal((120, 32)).astype(np.float32)
    teacher /= np.linalg.norm(teacher, axis=1, keepdims=True)
    settings = RetrieverSettings(warm_up=6, rounds=1, round_steps=3, pairs=8, hard=1, pool=5, teacher=4, rate=1e-3)
    training = RetrieverTraining(model, TOKENIZER, queries, teacher, fold=0, settings=settings)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    course = training.run()
    assert all(queries.fold[pair.first] not in {0, 1} for pair in training.pairs)
    assert set(queries.fold[training.tested].tolist()) == {0}
    assert len(course.validation) == len(course.tested) == 3  # start, warm-up, one round
    assert course.kept in {1, 2}
    assert any(not torch.equal(value, before[name]) for name, value in model.state_dict().items())
    words = "backbone.encoder.embeddings.word_embeddings.weight"
    assert torch.equal(model.state_dict()[words], before[words])


def test_the_re_ranker_learns_to_tell_partners_from_others() -> None:
    torch.manual_seed(0)
    model = CrossEncoder(tiny_model(tiny_tokenizer_json(), labels=3, embedding=32).backbone, dropout=0.0)
    texts = [f"{word} {i}" for word in WORDS for i in range(4)]
    tokens = [list(TOKENIZER.network_input(text, "en").ids) for text in texts]
    examples = [
        RankedExample(4 * w, (4 * w + 1, 4 * w + 2), tuple(4 * ((w + k) % 7) + 3 for k in range(1, 4)))
        for w in range(7)
    ]
    settings = CrossEncoderSettings(cosine_steps=2, steps=60, queries=7, negatives=3, rate=3e-3)
    training = CrossEncoderTraining(model, tokens, settings)
    vectors = np.eye(len(texts), dtype=np.float32)
    training.run(examples, np.array([[0, 1], [2, 3], [4, 9]] * 4), vectors)
    right = training.scores([(e.query, p) for e in examples for p in e.partners])
    wrong = training.scores([(e.query, n) for e in examples for n in e.negatives])
    assert right.mean() > 0 > wrong.mean()


def test_a_pair_is_laid_out_side_by_side_and_cut_at_either_side() -> None:
    assert pair_input([0, 9, 5, 2], [0, 9, 6, 7, 2]) == [0, 9, 5, 2, 2, 6, 7, 2]
    long = [0, 9, *range(100, 160), 2]
    found = pair_input(long, long)
    assert len(found) == 2 + 30 + 2 + 30 + 1
    assert found[-1] == 2


def test_tokens_of_a_tagged_query_have_the_kind_of_their_piece() -> None:
    query = TaggedQuery(("red", "running", "shoes"), (2, 0, 0), "en")
    ids, kinds = tagged_tokens(query, TOKENIZER, most=28)
    assert len(ids) == len(kinds)
    assert kinds == [UNTOLD, UNTOLD, 2, 0, 0, UNTOLD]
