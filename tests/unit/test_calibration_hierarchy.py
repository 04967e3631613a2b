"""Shrunk calibration: known maps are found again, thin locales follow the others, and the graph's part composes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from shelfsense.locale_calibration import LocaleCalibration
from shelfsense.product_types import ProductTypeNode, ProductTypes
from shelfsense.thresholds import NEVER, LocaleThresholds, Thresholds
from shelfsense_training.calibration.hierarchy import Hierarchy, HierarchySettings, fit_hierarchy
from shelfsense_training.calibration.level_thresholds import ThresholdSettings
from shelfsense_training.calibration.locale_thresholds import fix_locale_thresholds
from shelfsense_training.calibration.pair_sample import PairSample
from shelfsense_training.calibration.platt import LevelCalibration, apply_calibration
from shelfsense_training.calibration.pooled_fit import PooledMaps, Spread, fit_pooled
from tiny import TINY_TREE, tiny_model, tiny_tokenizer_json

K = 8
FLAT = ProductTypes("flat", [ProductTypeNode(f"t{i}", "", "t") for i in range(K)])
FIXED = HierarchySettings(folds=1, locale_spreads=((0.2, 0.5),), type_spreads=(0.5,))
"""One spread each, so that nothing is chosen."""


def sigmoid(values: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-values.astype(np.float64))))


class World:
    """Queries of locales "a", "b", ... with known maps."""

    def __init__(self, sizes: list[int], scale: list[float], shift: list[float], kind: float = 0.5) -> None:
        random = np.random.default_rng(3)
        place = np.repeat(np.arange(len(sizes)), sizes)
        self.locales = [chr(ord("a") + i) for i in place]
        self.kind = random.normal(0, kind, K)
        self.log_odds = random.normal(-1.5, 2, (len(place), K)).astype(np.float32)
        graph = 1.4 * self.log_odds - 0.5 + self.kind
        self.probability = sigmoid(np.array(scale)[place, None] * graph + np.array(shift)[place, None])
        self.right = random.random(self.probability.shape) < self.probability

    def fit(self, settings: HierarchySettings) -> Hierarchy:
        return fit_hierarchy(self.log_odds, self.right, self.locales, FLAT, settings=settings)


@pytest.fixture(scope="module")
def world() -> World:
    return World([3000, 3000, 3000], [1.3, 0.9, 0.8], [0.5, -0.6, 0.1])


def test_known_maps_are_found_again(world: World) -> None:
    found = world.fit(FIXED)
    assert found.levels[1].scale == pytest.approx(1.4, rel=0.1)
    assert np.corrcoef(found.type_shift, world.kind)[0, 1] > 0.98
    scales = [found.locales[tag][0].scale for tag in "abc"]
    shifts = [found.locales[tag][0].shift for tag in "abc"]
    assert scales == pytest.approx([1.3, 0.9, 0.8], abs=0.1)
    assert shifts == pytest.approx([0.5, -0.6, 0.1], abs=0.1)
    assert np.mean(scales) == pytest.approx(1)
    assert np.mean(shifts) == pytest.approx(0, abs=1e-6)


def test_the_graph_and_the_locale_compose_to_the_probability(world: World) -> None:
    found = world.fit(FIXED)
    graph = sigmoid(found.graph_log_odds(world.log_odds, FLAT)).astype(np.float32)
    blank = LocaleThresholds((0.5,), "real", 0.5, "real")
    entries = {tag: replace(blank, calibration=found.locale_maps(tag)) for tag in "abc"}
    rows = [i for i, tag in enumerate(world.locales) if tag == "b"]
    served = LocaleCalibration(FLAT, Thresholds(entries)).apply(graph[rows], "b")
    assert np.abs(served - world.probability[rows]).mean() < 0.01
    assert found.locale_maps("nowhere") == ()


def test_the_head_gives_the_graphs_part() -> None:
    types = ProductTypes.from_table("tiny", TINY_TREE)
    model = tiny_model(tiny_tokenizer_json(), labels=len(types))
    shift = np.arange(len(types), dtype=np.float64)
    apply_calibration(model, types, {2: LevelCalibration(2.0, -1.0)}, shift)
    expected = np.where(types.level == 2, shift - 1, 0)
    assert model.classification.shift.tolist() == expected.tolist()
    assert model.classification.scale.tolist() == torch.where(torch.from_numpy(types.level == 2), 2.0, 1.0).tolist()


def test_a_locale_goes_from_everyones_map_to_its_own_as_its_queries_grow() -> None:
    found = []
    for size in (4, 40, 4000):
        odd = World([4000, 4000, size], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0], kind=0.0)
        # The graph's part is right already; only locales may move.
        graph = (1.4 * odd.log_odds - 0.5).astype(np.float32)
        settings = replace(FIXED, graph=False, locale_spreads=((0.1, 0.3),))
        fitted = fit_hierarchy(graph, odd.right, odd.locales, FLAT, settings=settings)
        found.append(fitted.locales["c"][0].shift)
        assert fitted.locales["a"][0].shift == pytest.approx(0, abs=0.1)
    assert found[0] < 0.5 < found[1]
    assert found[2] == pytest.approx(1, abs=0.1)


def test_where_locales_do_not_differ_none_gets_a_map() -> None:
    same = World([300] * 6, [1.0] * 6, [0.0] * 6)
    found = same.fit(HierarchySettings(locale_spreads=((0.0, 0.0), (0.3, 1.0)), type_spreads=(0.5,)))
    assert found.spreads[1] == Spread(0.0, 0.0, 0.5)
    assert {found.locale_maps(tag) for tag in "abcdef"} == {()}


def test_the_spread_that_is_chosen_follows_the_data(world: World) -> None:
    found = world.fit(HierarchySettings(type_spreads=(0.0, 0.5)))
    assert found.spreads[1].shift > 0
    assert found.spreads[1].kind == 0.5


def test_levels_that_are_not_fitted_stay_as_they_are() -> None:
    types = ProductTypes.from_table("tiny", TINY_TREE)
    random = np.random.default_rng(0)
    log_odds = random.normal(0, 2, (200, len(types))).astype(np.float32)
    right = random.random(log_odds.shape) < 0.3
    found = fit_hierarchy(log_odds, right, ["en", "de"] * 100, types, levels=[1], settings=FIXED)
    assert list(found.levels) == [1]
    assert found.locales["de"][1] == LevelCalibration(1.0, 0.0)
    second = types.by_level[2]
    assert found.type_shift[second].tolist() == [0.0] * len(second)
    assert found.graph_log_odds(log_odds, types)[:, second].tolist() == log_odds[:, second].tolist()


def test_centring_moves_no_probability() -> None:
    random = np.random.default_rng(1)
    maps = PooledMaps(np.array([1.2, -0.3]), random.normal(0, 1, 3), random.normal(0, 0.2, 4), random.normal(0, 1, 4))
    odds = random.normal(0, 2, (50, 3)).astype(np.float32)
    pairs = PairSample.draw(odds, odds > 0, most=1000, seed=0)
    locale = pairs.query % 4
    centred = maps.centred()
    assert centred.log_odds(pairs, locale) == pytest.approx(maps.log_odds(pairs, locale))
    assert float(centred.scale.mean()) == pytest.approx(0)
    assert float(centred.shift.mean()) == pytest.approx(0)


def test_the_fit_passes_through_the_frequencies_of_two_log_odds() -> None:
    # As of one level's map alone: 1 right in 4 at 0, 3 in 4 at 1 is the scale 2 ln 3 and the shift -ln 3.
    odds = np.repeat(np.array([[0.0], [1.0]], dtype=np.float32), 400, axis=0)
    right = np.concatenate([np.arange(400) < 100, np.arange(400) < 300])[:, None]
    pairs = PairSample.draw(odds, right, most=1000, seed=0)
    locale = np.zeros(len(pairs.weight), dtype=np.intp)
    found = fit_pooled(pairs, locale, Spread(0, 0, 0), PooledMaps.identity(1, 1))
    assert found.whole == pytest.approx([2 * np.log(3), -np.log(3)], rel=1e-4)
    assert (found.scale.tolist(), found.shift.tolist(), found.kind.tolist()) == ([0.0], [0.0], [0.0])


def test_few_pairs_are_all_taken_and_of_many_every_right_one() -> None:
    random = np.random.default_rng(2)
    odds = random.normal(-6, 2, (400, 500)).astype(np.float32)
    right = random.random(odds.shape) < sigmoid(odds)
    everything = PairSample.draw(odds, right, most=200_000, seed=0)
    assert len(everything.weight) == 200_000
    assert set(everything.weight.tolist()) == {1.0}
    some = PairSample.draw(odds, right, most=199_999, seed=0)
    assert len(some.weight) < 100_000
    assert int(some.right.sum()) == int(right.sum())
    assert set(some.weight[some.right].tolist()) == {1.0}
    # Weighted sums are those of all pairs: their number, and what the network gives them in all.
    assert some.weight.sum() == pytest.approx(200_000, rel=0.02)
    assert some.weight @ sigmoid(some.log_odds) == pytest.approx(sigmoid(odds).sum(), rel=0.02)


TREE = ProductTypes(
    "toy",
    [
        ProductTypeNode("a", "", "a"),
        ProductTypeNode("b", "", "b"),
        ProductTypeNode("a1", "a", "a1"),
        ProductTypeNode("b1", "b", "b1"),
    ],
)


def test_thresholds_of_seen_and_unseen_locales() -> None:
    # "a" is right from 0.9 on and wrong at 0.3; a child counts only where its parent is accepted.
    one = np.array([[0.9, 0.0, 0.9, 0.0], [0.3, 0.0, 0.3, 0.0]], dtype=np.float32)
    good = np.array([[1, 0, 1, 0], [0, 0, 0, 0]], dtype=bool)
    probabilities, right = np.tile(one, (200, 1)), np.tile(good, (200, 1))
    found = fix_locale_thresholds(probabilities, right, ["de", "de", "fr", "fr"] * 100, TREE, tags=["de", "fr", "und"])
    assert [found[tag].own for tag in ("de", "fr", "und")] == [True, True, False]
    for each in found.values():
        assert each.product_types == pytest.approx((0.9, 0.9))
        assert dict(each.types) == {}
    upper = fix_locale_thresholds(probabilities, right, ["de"] * 400, TREE, tags=["de"], levels=[1])
    assert upper["de"].product_types[1] == NEVER


def test_a_map_is_applied_before_thresholds_are_fixed() -> None:
    probabilities = np.tile(np.array([[0.5, 0.0, 0.5, 0.0]], dtype=np.float32), (100, 1))
    right = probabilities > 0
    maps = {"de": ((1.0, float(np.log(3))), (1.0, float(np.log(3))))}
    found = fix_locale_thresholds(probabilities, right, ["de"] * 100, TREE, tags=["de"], maps=maps)
    assert found["de"].product_types == pytest.approx((0.75, 0.75))


def test_a_type_that_breaks_the_promise_gets_its_own_threshold_and_others_keep_theirs() -> None:
    # t0 is always right; t1 is right at 0.9 and wrong at 0.6, too rare to move the common threshold.
    rows = [(0.6, 0.0, 1, 0)] * 900 + [(0.0, 0.9, 0, 1)] * 60 + [(0.0, 0.6, 0, 0)] * 60
    probabilities = np.array([(p, q, *[0] * 6) for p, q, _, _ in rows], dtype=np.float32)
    right = np.array([(x, y, *[0] * 6) for _, _, x, y in rows], dtype=bool)
    fixed = fix_locale_thresholds(probabilities, right, ["de"] * len(rows), FLAT, tags=["de", "und"])
    for tag in ("de", "und"):
        assert fixed[tag].product_types[0] == pytest.approx(0.6)
        assert dict(fixed[tag].types) == pytest.approx({"t1": 0.9})
    never = replace(ThresholdSettings(), type_pairs=10_000)
    bare = fix_locale_thresholds(probabilities, right, ["de"] * len(rows), FLAT, tags=["de"], settings=never)
    assert dict(bare["de"].types) == {}
