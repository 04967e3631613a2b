"""First tiers hear the network on texts that no evaluation asks, and answer alone only where quality holds."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from shelfsense.bundle import Bundle
from shelfsense.locales import Locales
from shelfsense.models.heads import ClassificationHead
from shelfsense.product_types import ProductTypes
from shelfsense.query import Query
from shelfsense.tokenizer import QueryTokenizer
from shelfsense.understander import Understander
from shelfsense_training.evaluation.labelled_queries import group_rows
from shelfsense_training.evaluation.labelled_rows import LabelledRow
from shelfsense_training.export.onnx_export import export_int8
from shelfsense_training.first_tier.distillation_texts import distillation_texts
from shelfsense_training.first_tier.exit_heads import exit_heads
from shelfsense_training.first_tier.hashed_grams import HashedGrams
from shelfsense_training.first_tier.known_heads import known_shares
from shelfsense_training.first_tier.lessons import Lessons
from shelfsense_training.first_tier.shallow_student import StudentSettings, distil_student, first_layers
from shelfsense_training.first_tier.soft_labels import LevelDivergence
from shelfsense_training.first_tier.static_distillation import StaticSettings, distil_static
from shelfsense_training.first_tier.static_tier import StaticTier
from shelfsense_training.first_tier.sureness import Sureness
from shelfsense_training.first_tier.teacher import Teacher
from shelfsense_training.first_tier.tier_calibration import TierCalibration
from shelfsense_training.first_tier.tier_quality import Questions, mixed, token_share
from shelfsense_training.first_tier.token_pairs import TokenPairs
from shelfsense_training.packed_forward import pack, packed_forward
from tiny import LOCALES, TINY_TREE, tiny_tokenizer_json
from tiny import tiny_model as plain_model

TREE = ProductTypes.from_table("tiny", TINY_TREE)
LEVELS = TREE.level.tolist()
TOKENIZER = QueryTokenizer.from_json(tiny_tokenizer_json(), Locales(LOCALES))
WORDS = ("running", "shoes", "laufschuhe", "coffee", "kaffee", "usb", "cable", "red")


def texts(count: int) -> list[tuple[str, str]]:
    draw = np.random.default_rng(0)
    return [(" ".join(draw.choice(WORDS, draw.integers(1, 5))), str(draw.choice(LOCALES))) for _ in range(count)]


def token_ids(count: int) -> list[tuple[int, ...]]:
    return [TOKENIZER.network_input(text, locale).ids for text, locale in texts(count)]


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    """A network of two layers whose embedding head reads both."""
    torch.manual_seed(3)
    small = plain_model(tiny_tokenizer_json(), labels=len(TREE), embedding=32, levels=LEVELS)
    model = type(small)(small.backbone, len(TREE), 32, LEVELS, all_layers=True).eval()
    torch.nn.init.normal_(model.classification.linear.weight, std=2.0)
    for part in model.backbone.encoder.transformer.layer[1].ffn.children():
        if isinstance(part, torch.nn.Linear):
            part.weight.data *= 12  # so that the second layer says something else than the first
    return Teacher(model, export_int8(model))


@pytest.fixture(scope="module")
def lessons(teacher: Teacher, tmp_path_factory: pytest.TempPathFactory) -> Lessons:
    states = teacher.states(token_ids(200), tmp_path_factory.mktemp("lessons") / "states.npy")
    return Lessons(teacher, states, LevelDivergence(TREE))


def test_the_divergence_of_a_level_is_the_one_worked_out_by_hand() -> None:
    flat = ProductTypes.from_table("flat", [{"id": "a", "parent_id": "", "name": "A"}])
    # Shares of A and "no product": one half each, against three quarters and a quarter.
    ours, theirs = torch.tensor([[0.0]]), torch.tensor([[math.log(3.0)]])
    wanted = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert float(LevelDivergence(flat)(ours, theirs)) == pytest.approx(wanted, abs=1e-6)
    assert float(LevelDivergence(flat)(theirs, theirs)) == pytest.approx(0.0, abs=1e-6)


def test_pooled_states_give_what_the_whole_network_answers(teacher: Teacher) -> None:
    ids = token_ids(12)
    pooled = torch.from_numpy(teacher.pooled(ids))
    with torch.no_grad():
        whole = packed_forward(teacher.model, pack(ids))
        cosines = (teacher.vectors(pooled) * whole.embeddings).sum(-1)
        same = teacher.logits(pooled).argmax(-1) == whole.logits.argmax(-1)
    # The graph is int8, the torch model has its own weights in float.
    assert float(cosines.min()) > 0.995
    assert float(same.float().mean()) > 0.9


def test_states_are_taken_up_where_they_were_left(teacher: Teacher, tmp_path: Path) -> None:
    ids = token_ids(100)
    whole = np.array(teacher.states(ids, tmp_path / "whole.npy"))
    path = tmp_path / "begun.npy"
    teacher.states(ids, path)
    held = np.lib.format.open_memmap(path, mode="r+")
    last = np.argsort([len(each) for each in ids], kind="stable")[64:]
    held[last] = 0
    held.flush()
    path.with_suffix(".done").write_text("64")
    np.testing.assert_array_equal(teacher.states(ids, path), whole)


def test_texts_leave_every_question_out_in_every_locale_and_writing(tmp_path: Path) -> None:
    rows = {"text": ["red shoes", "coffee", "coffee", "usb cable"], "locale": ["en", "de", "en", "en"]}
    pq.write_table(pa.table({**rows, "source": ["asked"] * 4}), tmp_path / "rows.parquet")
    pq.write_table(pa.table({"text": ["red boots"], "locale": ["en"]}), tmp_path / "texts.parquet")
    found = distillation_texts(tmp_path / "rows.parquet", tmp_path / "texts.parquet", ["  COFFEE "], 100)
    assert sorted(found) == [("red boots", "en"), ("red shoes", "en"), ("usb cable", "en")]


def test_grams_of_a_text_share_rows_with_what_is_written_alike_and_tell_locales() -> None:
    grams = HashedGrams(buckets=1 << 16)
    shoes, shoe = set(grams.features(("shoes", "en"))), set(grams.features(("shoe", "en")))
    assert shoes & shoe > set(grams.features(("", "en")))
    assert set(grams.features(("", "en"))) != set(grams.features(("", "de")))
    assert max(grams.features(("red running shoes", "en"))) < 1 << 16
    # Five letters with their marks: 5 + 4 + 3 n-grams, the word, the locale.
    assert len(grams.features(("shoes", "en"))) == 14


def test_token_pairs_tell_the_order_of_the_same_tokens_in_every_locale() -> None:
    pairs = TokenPairs(tokens=1000)
    one, other = pairs.features((0, 990, 5, 6, 7, 2)), pairs.features((0, 990, 7, 6, 5, 2))
    assert sorted(one[:4]) == sorted(other[:4])
    assert not set(one[4:]) & set(other[4:])
    assert len(one) == 4 + 2
    assert all(1000 <= row < pairs.rows for row in one[4:])
    assert pairs.features((0, 991, 5, 6, 7, 2))[4:] == one[4:]


def test_a_head_after_the_last_layer_stays_what_it_was_and_an_earlier_one_comes_nearer(
    lessons: Lessons, tmp_path: Path
) -> None:
    every = np.arange(200)
    wanted, pooled = lessons.logits(every), lessons.pooled(every)
    with torch.no_grad():
        before = float(lessons.divergence(lessons.teacher.model.classification(pooled[:, 0]), wanted))
    heads = exit_heads(lessons, tmp_path / "exits.pt", exits=(1, 2), passes=150)
    with torch.no_grad():
        early, late = (float(lessons.divergence(heads[n](pooled[:, n - 1]), wanted)) for n in (1, 2))
    assert early < 0.8 * before
    assert late < 0.01
    again = exit_heads(lessons, tmp_path / "exits.pt", exits=(1, 2))
    torch.testing.assert_close(again[1].linear.weight, heads[1].linear.weight)


def test_a_student_of_all_layers_is_the_network(lessons: Lessons) -> None:
    whole = lessons.teacher.model
    student = first_layers(lessons, 2, whole.classification).eval()
    with torch.no_grad():
        ours, theirs = packed_forward(student, pack(token_ids(30))), packed_forward(whole, pack(token_ids(30)))
    torch.testing.assert_close(ours.logits, theirs.logits)
    assert float((ours.embeddings * theirs.embeddings).sum(-1).mean()) > 0.97


def test_a_student_comes_nearer_to_the_network_and_is_not_trained_twice(lessons: Lessons, tmp_path: Path) -> None:
    student = first_layers(lessons, 1, lessons.teacher.model.classification)
    every, ids = np.arange(200), token_ids(200)

    def distance() -> float:
        with torch.no_grad():
            return float(lessons.divergence(packed_forward(student.eval(), pack(ids)).logits, lessons.logits(every)))

    before = distance()
    settings = StudentSettings(steps=60, batch=64, rate=3e-3)
    distil_student(student, ids, lessons, tmp_path / "student.pt", settings)
    after = distance()
    assert after < 0.7 * before
    distil_student(student, ids, lessons, tmp_path / "student.pt", settings)
    assert distance() == pytest.approx(after)


def test_a_static_tier_learns_the_networks_types_and_goes_on_after_a_pass(lessons: Lessons, tmp_path: Path) -> None:
    def fresh() -> StaticTier:
        torch.manual_seed(0)
        return StaticTier(TOKENIZER.embedding_rows, 32, ClassificationHead(32, len(TREE), LEVELS), hidden=16)

    features = [ids[1:-1] for ids in token_ids(200)]
    every, tier = np.arange(200), fresh()
    with torch.no_grad():
        before = float(lessons.divergence(tier.eval()(features), lessons.logits(every)))
    settings = StaticSettings(passes=12, batch=32, table_rate=0.03, rate=0.03)
    distil_static(tier, features, lessons, tmp_path / "static.pt", settings)
    with torch.no_grad():
        after = float(lessons.divergence(tier(features), lessons.logits(every)))
    assert after < 0.6 * before
    again = distil_static(fresh(), features, lessons, tmp_path / "static.pt", settings)
    torch.testing.assert_close(again.table.weight, tier.table.weight)


def test_a_calibrated_tier_that_was_too_shy_says_what_the_network_says_but_for_the_deepest_level() -> None:
    draw = np.random.default_rng(2)
    odds = draw.normal(-1.0, 2.0, size=(300, len(TREE)))
    network = (1 / (1 + np.exp(-odds))).astype(np.float32)
    shy = (1 / (1 + np.exp(-(odds - 0.5) / 1.6))).astype(np.float32)
    found = TierCalibration.fit(TREE, shy, network).apply(shy)
    roots, leaves = TREE.by_level[1], TREE.by_level[2]
    np.testing.assert_allclose(found[:, roots], network[:, roots], atol=2e-3)
    np.testing.assert_allclose(found[:, leaves], shy[:, leaves], atol=1e-5)


@pytest.fixture(scope="module")
def questions(tiny_bundle: Path) -> Questions:
    """Eighty queries, each with the one type that the "network" is sure of."""
    draw = np.random.default_rng(1)
    deepest = TREE.by_level[2]
    meant = draw.choice(deepest, 80)
    rows = [
        LabelledRow(f"{text} {i}", "en", TREE.nodes[kind].id, relevant=True)
        for i, ((text, _), kind) in enumerate(zip(texts(80), meant, strict=True))
    ]
    probabilities = np.full((80, len(TREE)), 0.01, dtype=np.float32)
    for i, kind in enumerate(meant):
        probabilities[i, TREE.ancestors(kind)] = 0.9
    return Questions(Understander.load(Bundle.open(tiny_bundle)), group_rows(rows, TREE), probabilities)


def test_a_tier_that_says_the_same_answers_everything_alone(questions: Questions) -> None:
    sureness = Sureness.fit(questions, questions.whole)
    assert sureness.answers_alone(questions.sureness_features(questions.whole)).all()
    assert questions.quality(questions.whole, resamples=20).least == 1.0


def test_a_tier_answers_alone_just_where_its_sureness_tells_right_from_wrong(questions: Questions) -> None:
    served = questions.whole.copy()
    wrong = np.arange(0, 80, 2)
    served[wrong] = np.roll(served[wrong], 1, axis=1) * np.float32(0.7)  # other types, and less sure of them
    sureness = Sureness.fit(questions, served)
    answered = sureness.answers_alone(questions.sureness_features(served))
    assert answered[1::2].all()
    assert not answered[wrong].any()
    assert questions.quality(mixed(served, questions.whole, answered), resamples=0).least >= 0.995
    assert questions.quality(served, resamples=0).least < 0.8


def test_what_is_passed_on_is_counted_in_tokens(questions: Questions) -> None:
    lengths = np.array([len(each.token_ids) for each in questions.prepared])
    passed = lengths > np.median(lengths)
    assert token_share(questions.prepared, passed) == pytest.approx(lengths[passed].sum() / lengths.sum())
    assert token_share(questions.prepared, passed) > passed.mean()


def test_known_heads_are_counted_by_row_and_by_query_in_their_own_locale(tiny_bundle: Path) -> None:
    understander = Understander.load(Bundle.open(tiny_bundle))
    asked = [
        Query("Running  Shoes", "en"),
        Query("running shoes", "en"),
        Query("running shoes", "de"),
        Query("x", "en"),
    ]
    found = known_shares(understander, [*asked, Query("", "en")])
    assert found == {"queries": 4, "different": 3, "share": 0.5, "share_of_different": pytest.approx(1 / 3)}
