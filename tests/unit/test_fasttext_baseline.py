"""The baseline: what it reads, whose scores stand where, and how it is tuned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from shelfsense.errors import InputRefused
from shelfsense.product_types import ProductTypes
from shelfsense_training.evaluation.baseline_tuning import RATES, tune_baseline
from shelfsense_training.evaluation.fasttext_baseline import (
    Diverged,
    FastTextBaseline,
    FastTextSettings,
    read_baseline_lines,
)
from tiny import TINY_TREE

TREE = ProductTypes.from_table("tiny", TINY_TREE)
SETTINGS = FastTextSettings(lr=0.5, epochs=30, width=8, buckets=1000)
WORDS = {"sh-1": "running shoes", "ho-1": "coffee machine", "el-1": "usb cable"}


def write_rows(path: Path, rows: list[dict[str, object]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def taught(tmp_path: Path) -> list[str]:
    rows: list[dict[str, object]] = [
        {"text": f"{extra} {text}", "locale": "en", "types": [name], "weight": 1.0}
        for name, text in WORDS.items()
        for extra in ("red", "new", "cheap", "big", "best")
    ]
    return read_baseline_lines(write_rows(tmp_path / "rows.parquet", rows), TREE)


def test_a_line_has_the_types_their_ancestors_the_locale_and_the_text(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"text": "boots", "locale": "pt-BR", "types": ["sh-2", "sh-1"], "weight": 2.0},
        {"text": "only negatives", "locale": "de", "types": [], "weight": 1.0},
        {"text": "mug", "locale": "de", "types": ["ho"], "weight": 0.2},
    ]
    lines = read_baseline_lines(write_rows(tmp_path / "rows.parquet", rows), TREE)
    labels = " ".join(f"__label__{i}" for i in sorted(TREE.index[name] for name in ("sh", "sh-1", "sh-2")))
    assert lines == [f"{labels} __loc_pt-BR boots"] * 2 + [f"__label__{TREE.index['ho']} __loc_de mug"]


def test_scores_stand_in_the_trees_order_and_types_never_seen_have_0(tmp_path: Path) -> None:
    model = FastTextBaseline.train(taught(tmp_path), len(TREE), SETTINGS)
    scores = model.scores(WORDS.values(), ["en"] * 3)
    assert scores.shape == (3, len(TREE))
    assert scores.dtype == np.float32
    leaves = [TREE.index[name] for name in WORDS]
    assert scores[:, leaves].argmax(axis=1).tolist() == [0, 1, 2]
    assert (scores[:, TREE.index["sh-2"]] == 0).all()


def test_scores_are_fasttexts_own_up_to_its_table(tmp_path: Path) -> None:
    model = FastTextBaseline.train(taught(tmp_path), len(TREE), SETTINGS)
    labels, probabilities = model._vectors.predict("__loc_en running shoes", k=-1)
    theirs = {int(label.removeprefix("__label__")): p for label, p in zip(labels, probabilities, strict=True)}
    ours = model.scores(["running shoes"], ["en"])[0]
    assert {i: pytest.approx(p, abs=0.01) for i, p in theirs.items()} == {i: float(ours[i]) for i in theirs}


def test_every_vector_starts_from_the_seed_and_none_from_what_the_memory_held(tmp_path: Path) -> None:
    lines = taught(tmp_path)
    for _ in range(5):
        garbage = [np.full(9000, np.nan, dtype=np.float32) for _ in range(20)]
        del garbage
        model = FastTextBaseline.train(lines, len(TREE), SETTINGS)
        vectors = model._vectors.get_input_matrix()
        assert np.isfinite(vectors).all()
        assert (np.abs(vectors).max(axis=1) > 0).all()


def test_tuning_keeps_its_budget_and_the_rate_that_validation_likes_best(tmp_path: Path) -> None:
    lines = taught(tmp_path)
    labels = np.zeros((3, len(TREE)), dtype=np.bool_)
    for i, name in enumerate(WORDS):
        labels[i, TREE.ancestors(TREE.index[name])] = True

    def score(model: FastTextBaseline) -> NDArray[np.float32]:
        return TREE.monotone(model.scores(WORDS.values(), ["en"] * 3))

    tuned = tune_baseline(lines, TREE, score, labels, examples=240, start=SETTINGS)
    assert [trial.settings.lr for trial in tuned.trials] == list(RATES)
    assert {(trial.rows, trial.settings.epochs) for trial in tuned.trials} == {(2, 10)}  # 2 x 10 x 4 trials = 80
    assert tuned.settings.epochs * len(lines) == 150  # of 160
    best = max((trial.recall_at_precision, trial.top_1) for trial in tuned.trials)
    chosen = next(trial for trial in tuned.trials if trial.settings == tuned.settings)
    assert (chosen.recall_at_precision, chosen.top_1) == best


def test_a_rate_that_diverges_loses_to_one_that_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines, labels = taught(tmp_path), np.ones((1, len(TREE)), dtype=np.bool_)
    train = FastTextBaseline.train

    def fragile(lines: Sequence[str], types: int, settings: FastTextSettings) -> FastTextBaseline:
        if settings.lr > RATES[0]:
            raise Diverged(f"at {settings.lr}")
        return train(lines, types, settings)

    def score(model: FastTextBaseline) -> NDArray[np.float32]:
        return model.scores(["usb"], ["en"])

    monkeypatch.setattr(FastTextBaseline, "train", fragile)
    tuned = tune_baseline(lines, TREE, score, labels, examples=240, start=SETTINGS)
    assert tuned.settings.lr == RATES[0]
    assert [trial.diverged for trial in tuned.trials] == [False, True, True, True]


@pytest.mark.parametrize(
    ("rows", "fact"),
    [
        ([{"text": "a", "locale": "en"}], "no column 'types'"),
        ([{"text": "a", "locale": "en", "types": ["sh-9"]}], "row 1: 'sh-9' is no type of tiny"),
        ([{"text": "a", "locale": "en", "types": []}], "nothing to learn from"),
    ],
)
def test_bad_rows_are_refused(tmp_path: Path, rows: list[dict[str, object]], fact: str) -> None:
    with pytest.raises(InputRefused, match=fact):
        read_baseline_lines(write_rows(tmp_path / "rows.parquet", rows), TREE)


def test_files_that_are_no_rows_are_refused(tmp_path: Path) -> None:
    (tmp_path / "no.parquet").write_bytes(b"no")
    for name, fact in (("no.parquet", "cannot be read"), ("none.parquet", "no such file")):
        with pytest.raises(InputRefused, match=fact):
            read_baseline_lines(tmp_path / name, TREE)
