"""Three variants on a toy store pair: told the locale, a network keeps apart what one word means in two stores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from shelfsense.locales import Locales
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.evaluation.metrics import recall_at_precision
from shelfsense_training.variants.flipped_labels import with_flipped
from shelfsense_training.variants.locale_learning import learn_locale
from shelfsense_training.variants.query_set import Example, QuerySet, StudyData, query_set
from shelfsense_training.variants.recipe import OURS, Recipe, Variant
from shelfsense_training.variants.top_answers import Judged, TopAnswers
from shelfsense_training.variants.variant_training import VariantTraining, Vocabulary, ask, dense_targets, inputs
from tiny import tiny_model, tiny_tokenizer_json

LOCALES = ("en", "de")
TOKENIZER_JSON = tiny_tokenizer_json()
TOKENIZER = QueryTokenizer.from_json(TOKENIZER_JSON, Locales(LOCALES))
VOCABULARY = Vocabulary(TOKENIZER.bos, TOKENIZER.eos, TOKENIZER.vocabulary_size, len(LOCALES))
RECIPE = replace(OURS, encoder_rate=3e-3, head_rate=1e-2, batch=32, passes=40, dropout=0.0, patience=99)
NOTHING = np.zeros(0, dtype=np.intp)


def examples() -> list[Example]:
    plain = [
        Example(text, locale, {label: 1.0})
        for locale in (0, 1)
        for text, label in (("coffee machine", 1), ("usb cable", 2), ("running red", 0))
    ]
    # "shoes" is label 0 in one store and label 3 in the other
    odd = [Example(text, locale, {3 * locale: 1.0}) for locale in (0, 1) for text in ("shoes", "red shoes")]
    return [*plain, *odd]


def queries(chosen: list[Example]) -> QuerySet:
    return query_set(chosen, [TOKENIZER.encode(e.text) for e in chosen])


def data() -> StudyData:
    whole = queries(examples() * 6)
    asked = queries(examples())
    return StudyData(
        "toy",
        LOCALES,
        ("a", "b", "c", "d"),
        np.ones(4, dtype=np.int32),
        ("a", "b", "c", "d"),
        whole,
        asked,
        asked,
        asked.take(np.flatnonzero([("shoes" in text) for text in asked.texts])),
    )


def network(seed: int = 0) -> UnderstanderModel:
    torch.manual_seed(seed)
    model = tiny_model(TOKENIZER_JSON, labels=4)
    model.backbone.add_locale_tokens(len(LOCALES))
    model.classification.membership = torch.ones(1, 4)
    return model


def trained(variant: Variant, recipe: Recipe = RECIPE) -> tuple[UnderstanderModel, StudyData]:
    model, study = network(), data()
    VariantTraining(model, VOCABULARY, study, variant, recipe, seed=1).run()
    return model, study


def conflict_top1(model: UnderstanderModel, study: StudyData, variant: Variant) -> float:
    answers = ask(model, VOCABULARY, study.conflicts, variant, study.members)[0]
    return float(Judged(answers, study.conflicts, study.members[0]).top1().mean())


def test_only_the_aware_variant_keeps_apart_what_a_word_means_in_two_stores() -> None:
    aware, study = trained(Variant.AWARE)
    agnostic, _ = trained(Variant.AGNOSTIC)
    assert conflict_top1(aware, study, Variant.AWARE) == 1.0
    assert conflict_top1(agnostic, study, Variant.AGNOSTIC) == 0.5


def test_training_is_the_same_again_for_the_same_seed_and_leaves_the_words_alone() -> None:
    one, study = trained(Variant.AWARE, replace(RECIPE, passes=5))
    two, _ = trained(Variant.AWARE, replace(RECIPE, passes=5))
    for (name, a), (_, b) in zip(one.named_parameters(), two.named_parameters(), strict=True):
        assert torch.equal(a, b), name
    words = "backbone.encoder.embeddings.word_embeddings.weight"
    assert torch.equal(one.state_dict()[words], network().state_dict()[words])
    del study


def test_the_weights_kept_are_those_of_the_best_validation() -> None:
    model, study = network(), data()
    training = VariantTraining(model, VOCABULARY, study, Variant.AWARE, RECIPE, seed=1)
    course = training.run()
    assert training.figure() == pytest.approx(max(course.validation), abs=1e-4)
    assert 0 < course.seconds_to_best <= course.seconds


def test_only_the_aware_variant_is_told_the_locale_and_hidden_ones_get_und() -> None:
    asked = data().test.take(np.array([0, 3]))
    und = VOCABULARY.text_tokens + 2
    assert [s[1] for s in inputs(asked, VOCABULARY, Variant.AWARE)] == [und - 2, und - 1]
    assert [s[1] for s in inputs(asked, VOCABULARY, Variant.AGNOSTIC)] == [und, und]
    hidden = np.array([True, False])
    assert [s[1] for s in inputs(asked, VOCABULARY, Variant.AWARE, hidden=hidden)] == [und, und - 1]


def without_german() -> tuple[UnderstanderModel, StudyData]:
    """Return a network that was trained on English alone, and the whole data."""
    study = data()
    english = study.train.take(np.flatnonzero(study.train.locale == 0))
    model = network()
    only = replace(study, train=english, validation=study.validation.of_locale(0))
    VariantTraining(model, VOCABULARY, only, Variant.AWARE, RECIPE, seed=1).run()
    return model, study


@pytest.mark.parametrize("recipe", [RECIPE, replace(RECIPE, held_out_passes=True)])
def test_a_new_locale_learns_from_its_labels_and_the_network_stays_as_it_was(recipe: Recipe) -> None:
    model, study = without_german()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    own = study.train.of_locale(1)
    more = own.take(np.tile(np.arange(len(own)), 12))
    found = learn_locale(model, VOCABULARY, study, 1, more, recipe, seed=0)[0]
    judged = Judged(found, study.test.of_locale(1), study.members[0])
    hidden = np.ones(len(study.test.of_locale(1)), dtype=np.bool_)
    unseen = ask(model, VOCABULARY, study.test.of_locale(1), Variant.AWARE, study.members, hidden=hidden)[0]
    assert judged.top1().mean() > Judged(unseen, study.test.of_locale(1), study.members[0]).top1().mean()
    assert model.adapters is None
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_labels_that_say_nothing_leave_a_new_locale_as_it_is_asked_without_any() -> None:
    model, study = without_german()
    own = study.train.of_locale(1)
    random = np.random.default_rng(3)
    chance = replace(own, types=random.integers(4, size=own.types.shape).astype(own.types.dtype))
    found = learn_locale(model, VOCABULARY, study, 1, chance, replace(RECIPE, held_out_passes=True), seed=0)[0]
    asked = study.test.of_locale(1)
    unseen = ask(model, VOCABULARY, asked, Variant.AWARE, study.members, hidden=np.ones(len(asked), dtype=np.bool_))[0]
    assert found.labels.tolist() == unseen.labels.tolist()
    assert np.array_equal(found.scores, unseen.scores)


def test_answers_of_the_best_types_give_the_recall_of_the_whole_table() -> None:
    random = np.random.default_rng(0)
    scores = random.normal(size=(300, 40)).astype(np.float32)
    chosen = [Example("shoes", 0, {int(random.integers(40)): 1.0}) for _ in range(300)]
    for row, example in enumerate(chosen):
        scores[row, next(iter(example.types))] += random.choice([0.0, 4.0])
    asked = queries(chosen)
    labels = dense_targets(asked, 40, soft=True).numpy() > 0
    whole = recall_at_precision(scores, labels).recall
    judged = Judged(TopAnswers.of(scores, np.arange(40)), asked, np.arange(40))
    assert 0 < whole < 1
    assert judged.recall_at_precision() == pytest.approx(whole)


def test_answers_of_models_of_their_own_are_put_together_and_kept(tmp_path: Path) -> None:
    one = TopAnswers(np.array([[1, 0]], dtype=np.int32), np.array([[2.0, 1.0]], dtype=np.float32))
    two = TopAnswers(np.array([[2]], dtype=np.int32), np.array([[3.0]], dtype=np.float32))
    joined = TopAnswers.join([(np.array([2]), one), (np.array([0]), two)], 3)
    joined.save(tmp_path / "answers.npz")
    found = TopAnswers.load(tmp_path / "answers.npz")
    assert found.labels.tolist() == [[2, -1], [-1, -1], [1, 0]]
    assert np.isneginf(found.scores[1]).all()


def test_flipped_queries_have_whole_labels_of_other_queries() -> None:
    whole = queries([Example("shoes", 0, {i % 7: 1.0}) for i in range(1000)])
    flipped = with_flipped(whole, 0.4, seed=0)
    changed = (flipped.types != whole.types).any(1).mean()
    assert changed == pytest.approx(0.4 * 6 / 7, abs=0.05)
    assert flipped.texts == whole.texts
    assert with_flipped(whole, 0.0, seed=0).types.tolist() == whole.types.tolist()
