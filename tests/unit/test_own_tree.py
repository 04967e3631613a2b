"""What teaches another tree: neighbours that are not the query itself, meanings without its own label, shares."""

from __future__ import annotations

import numpy as np
import pytest

from shelfsense.product_types import ProductTypes
from shelfsense.text import normal_form
from shelfsense_training import own_tree_student
from shelfsense_training.own_tree_student import judged_labels, soft_examples, written_queries
from shelfsense_training.own_tree_teacher import NEIGHBOURS, LabelledNeighbours, StartAnswers
from shelfsense_training.sources.judged_queries import JudgedQuery
from shelfsense_training.sources.lexicon import AskedQuery
from shelfsense_training.sources.splits import Split, split_of_query
from shelfsense_training.training_rows import TrainingRow

TREE = ProductTypes.from_table(
    "toy",
    [
        {"id": "a", "parent_id": "", "name": "A"},
        {"id": "a > x", "parent_id": "a", "name": "X"},
        {"id": "b", "parent_id": "", "name": "B"},
    ],
)
A, X, B = (TREE.index[name] for name in ("a", "a > x", "b"))


def judged(text: str, category: tuple[str, ...], locale: str = "en") -> JudgedQuery:
    return JudgedQuery(text, locale, category, relevant=True, acceptable=(), split=split_of_query(text))


def answers(vectors: np.ndarray, shares: np.ndarray) -> StartAnswers:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return StartAnswers(unit.astype(np.float32), (shares.astype(np.float32),) * 2)


def two_groups(count: int) -> tuple[StartAnswers, np.ndarray]:
    """Return so many queries in each of two directions, those of one labelled a, those of the other b."""
    random = np.random.default_rng(0)
    centres = np.repeat(np.eye(4)[:2], count, axis=0)
    vectors = centres + 0.05 * random.normal(size=(2 * count, 4))
    shares = np.repeat(np.eye(2), count, axis=0)
    labels = np.zeros((2 * count, len(TREE)), dtype=np.float32)
    labels[:count, A] = labels[count:, B] = 1
    return answers(vectors, shares), labels


def test_a_query_is_judged_as_its_neighbours_are() -> None:
    known, labels = two_groups(NEIGHBOURS + 5)
    scores = LabelledNeighbours(known, labels).scores(answers(np.eye(4)[:1], np.eye(2)[:1]))
    assert scores[0, A] > 1.8  # the sum of two judges' probabilities
    assert scores[0, B] < 0.2


def test_a_labelled_query_is_judged_without_its_own_label() -> None:
    known, labels = two_groups(NEIGHBOURS + 5)
    odd = labels.copy()
    odd[0] = 0
    odd[0, X] = 1  # the only one of its kind
    judges = LabelledNeighbours(known, odd)
    assert judges.scores(known)[0, X] > 0.03
    assert judges.scores(known, themselves=True)[0, X] < 0.005  # what is left is its part of the overall frequencies
    assert judges.scores(known, themselves=True)[0, A] > 1.6


def test_shares_keep_what_a_level_holds_together() -> None:
    scores = np.zeros((2, len(TREE)), dtype=np.float32)
    scores[0, [A, B, X]] = 0.6, 0.2, 0.5
    scores[1, [A, B]] = 0.9, 0.6  # more than all: alternatives of equal standing
    first, second = soft_examples([("shoes", "en"), ("cap", "de")], scores, TREE, ("de", "en"))
    assert (first.locale, second.locale) == (1, 0)
    assert first.types[A] == pytest.approx(0.6)
    assert first.types[X] == pytest.approx(0.5)
    assert second.types[A] == pytest.approx(0.6)
    assert second.types[B] == pytest.approx(0.4)


def test_a_judged_query_means_its_ancestors_and_all_of_its_rows() -> None:
    rows = [TrainingRow("shoes", "en", ["a > x"], "judged"), TrainingRow("shoes", "en", ["b"], "judged")]
    texts, labels = judged_labels(rows, TREE)
    assert texts == [("shoes", "en")]
    assert labels.tolist() == [[1.0, 1.0, 1.0]]


def test_no_written_query_is_a_validation_or_test_query(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"query {i}" for i in range(60)]
    held = [text for text in texts if split_of_query(text) is not Split.TRAIN]
    assert held
    asked = [AskedQuery(text.upper(), "de", ("aa",)) for text in texts]
    monkeypatch.setattr(own_tree_student, "read_asked", lambda: asked)
    found = written_queries([judged(text, ("a",), "de") for text in texts], 1000, seed=0)
    assert len(found) == len(texts) - len(held)
    assert not {normal_form(text) for text, _ in found} & set(held)
