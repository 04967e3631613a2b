"""What onboarding decides: where a locale stands, what stands for its log, whether to adapt, what to promise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shelfsense.errors import InputRefused
from shelfsense.locales import Locales
from shelfsense.models.locale_adapters import LocaleAdapters
from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import LocaleThresholds
from shelfsense_training.evaluation.labelled_queries import LabelledQuery
from shelfsense_training.onboarding.adaptation import LearnedLocale
from shelfsense_training.onboarding.cross_fitting import decide, fold_of
from shelfsense_training.onboarding.locale_place import LocalePlace, with_own_adapter
from shelfsense_training.onboarding.promise import FEWEST_JUDGED, Judged, fit_promise, prior_labels
from shelfsense_training.onboarding.store_queries import StoreQuery
from shelfsense_training.onboarding.store_sample import StoreSample
from tiny import LOCALES, TINY_TREE, tiny_model, tiny_tokenizer_json

TREE = ProductTypes.from_table("tiny", TINY_TREE)
BEFORE = LocaleThresholds((0.5, 0.5), "fallback", 0.9, "fallback")


@pytest.mark.parametrize(
    ("tag", "found", "start", "new"),
    [
        ("nl-BE", "nl-BE", "und", True),
        ("de-at", "de-AT", "de", True),
        ("de", "de", "de", False),
        ("zh-HK", "zh-HK", "zh-TW", True),
        ("hi", "hi", "hi-IN", True),
    ],
)
def test_a_locale_starts_from_the_one_that_answered_it_so_far(tag: str, found: str, start: str, *, new: bool) -> None:
    place = LocalePlace.find(tag, Locales(LOCALES))
    assert (place.tag, place.start, place.is_new) == (found, start, new)
    assert place.locales == ((*LOCALES, found) if new else LOCALES)


@pytest.mark.parametrize("tag", ["", "und", "n_l!", "nl-BE-" + "x" * 80])
def test_a_tag_that_is_no_store_is_refused(tag: str) -> None:
    with pytest.raises(InputRefused, match="--locale"):
        LocalePlace.find(tag, Locales(LOCALES))


def test_a_new_token_stands_before_und_and_is_a_copy_of_the_start() -> None:
    torch.manual_seed(2)
    model = tiny_model(tiny_tokenizer_json(), labels=len(TREE))
    place = LocalePlace.find("de-AT", Locales(LOCALES))
    weights = place.weights(model, Locales(LOCALES))
    before = model.state_dict()["backbone.locale_embeddings.weight"].numpy()
    assert np.array_equal(weights.tokens, np.concatenate([before[:-1], before[1:2], before[-1:]]))
    assert not weights.rows.any()


def test_an_adapter_of_its_own_changes_nothing_yet_and_leaves_the_others() -> None:
    torch.manual_seed(2)
    model = tiny_model(tiny_tokenizer_json(), labels=len(TREE))
    rows = [0] * (len(LOCALES) + 1)
    rows[1] = 1  # de
    model.adapters = LocaleAdapters(model.backbone.width, rows, rank=4)
    model.adapters.up.data[1] = 1.0
    austrian = LocalePlace.find("de-AT", Locales(LOCALES))
    shared = austrian.weights(model, Locales(LOCALES))
    assert shared.rows[austrian.index] == 1
    own = with_own_adapter(shared, austrian.index, rank=8, seed=0)
    assert own.rows.tolist() == [0, 1, *[0] * 8, 2, 0]
    assert np.array_equal(own.up[2], own.up[1])
    assert np.array_equal(own.up[:2], shared.up)
    japanese = LocalePlace.find("ja", Locales(LOCALES))
    fresh = with_own_adapter(japanese.weights(model, Locales(LOCALES)), japanese.index, rank=8, seed=0)
    assert fresh.down.shape == (3, 32, 4)  # the rank of the network's first
    assert fresh.down[2].any()
    assert not fresh.up[2].any()
    german = LocalePlace.find("de", Locales(LOCALES))
    again = german.weights(model, Locales(LOCALES))
    assert with_own_adapter(again, german.index, rank=8, seed=0) is again


def test_a_sample_holds_all_heads_and_its_tail_counts_for_all_of_it() -> None:
    queries = [StoreQuery(f"q{i}", 100.0 - i) for i in range(100)]
    sample = StoreSample.draw(queries, head_volume=95, most_heads=50, most_tail=20, seed=1)
    assert sample.texts[:6] == ("q0", "q1", "q2", "q3", "q4", "q5")
    assert sample.is_head.tolist() == [True] * 6 + [False] * 20
    assert sample.stands_for.tolist() == [1.0] * 6 + [94 / 20] * 20
    assert len(set(sample.texts)) == 26
    few = StoreSample.draw(queries, head_volume=95, most_heads=2, most_tail=500, seed=1)
    assert (int(few.is_head.sum()), len(few.texts), set(few.stands_for)) == (2, 100, {1.0})


def after_passes(losses: list[list[float]]) -> list[LearnedLocale]:
    nothing = np.zeros(1, np.float32)
    return [LearnedLocale(nothing + k, nothing, nothing, np.array(each)) for k, each in enumerate(losses)]


def test_the_number_of_passes_is_that_of_the_least_held_out_loss() -> None:
    runs = [
        after_passes([[1.0, 1.0], [0.5, 0.6], [0.4, 0.9]]),
        after_passes([[1.0], [0.7], [0.8]]),
    ]
    found = decide(np.array([0, 0, 1]), runs)
    assert found.passes == 1
    assert found.curve == pytest.approx((1.0, 0.6, 0.7))
    assert found.gain == pytest.approx(0.4)
    assert found.error == pytest.approx(0.1 / np.sqrt(3))  # of 0.5, 0.4, 0.3
    assert [each.token[0] for each in found.learned] == [1.0, 1.0]


def test_a_gain_within_its_standard_error_is_not_adopted() -> None:
    runs = [after_passes([[1.0, 1.0], [0.2, 1.7]])]  # 0.8 better, 0.7 worse
    found = decide(np.array([0, 0]), runs)
    assert (found.passes, found.learned) == (0, ())
    assert found.gain == pytest.approx(0.05)
    worse = decide(np.array([0, 0]), [after_passes([[1.0, 1.0], [1.1, 1.2]])])
    assert (worse.passes, worse.gain) == (0, 0.0)


def test_a_query_is_in_one_fold_however_it_is_typed() -> None:
    folds = [fold_of(LabelledQuery(text, "nl", (0,), (), 1.0, ""), 4) for text in ("Rode Lamp", "rode  lamp")]
    assert folds[0] == folds[1]
    many = {fold_of(LabelledQuery(f"lamp {i}", "nl", (0,), (), 1.0, ""), 4) for i in range(50)}
    assert many == {0, 1, 2, 3}


def probabilities(first: list[float]) -> np.ndarray:
    """Rows of which shoes have the given probability, the other roots the rest, children nothing."""
    table = np.zeros((len(first), len(TREE)), dtype=np.float32)
    roots = TREE.by_level[1]
    table[:, roots[0]] = first
    table[:, roots[1]] = 1 - np.array(first)
    return table


def test_prior_labels_keep_the_old_promise_at_the_old_threshold() -> None:
    random = np.random.default_rng(4)
    asked = probabilities(random.uniform(0.5, 1, 400).tolist())
    before = LocaleThresholds((0.45, 0.5), "real", 0.9, "fallback")
    labels = prior_labels(asked, before, TREE, 0.8, (1,))
    scores = TREE.coherent(asked)
    accepted = np.zeros_like(labels)
    accepted[:, TREE.by_level[1]] = scores[:, TREE.by_level[1]] >= 0.45
    assert accepted.sum() > 80
    assert labels[accepted].mean() == pytest.approx(0.8, abs=0.01)
    assert not labels[:, TREE.by_level[2]].any()


def test_few_labels_leave_the_locale_with_what_it_had() -> None:
    n = FEWEST_JUDGED - 1
    asked = probabilities([0.9] * n)
    right = np.zeros(asked.shape, dtype=np.bool_)
    right[:, TREE.by_level[1][0]] = True
    promise = fit_promise("nl-BE", Judged(asked, right), asked, BEFORE, TREE, 0.8)
    assert promise.entry is BEFORE
    assert promise.fitted == ()


def test_labels_move_the_threshold_of_their_level_alone() -> None:
    random = np.random.default_rng(8)
    stated = random.uniform(0.3, 1, 600)
    asked = probabilities(stated.tolist())
    # Half as often right as said: the old threshold cannot hold 0.8 here.
    hit = random.random(600) < stated / 2
    right = np.zeros(asked.shape, dtype=np.bool_)
    right[hit, TREE.by_level[1][0]] = True
    right[~hit, TREE.by_level[1][2]] = True
    promise = fit_promise("nl-BE", Judged(asked, right), asked[:200], BEFORE, TREE, 0.8)
    assert promise.fitted == (1,)
    assert promise.entry.evidence == "real"
    assert promise.entry.product_types[1] == BEFORE.product_types[1]
    assert promise.entry.reformulation == BEFORE.reformulation
    # At 0.5 nearly all of these would be accepted, and half of them are wrong.
    scale, shift = promise.entry.calibration[0] if promise.entry.calibration else (1.0, 0.0)
    log_odds = np.log(stated / (1 - stated))
    calibrated = 1 / (1 + np.exp(-(scale * log_odds + shift)))
    accepted = calibrated / 2 >= promise.entry.product_types[0]  # no child says anything: half of it
    assert accepted.sum() < 0.2 * 600
