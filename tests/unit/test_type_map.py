"""The map from our types to a shop's: alternatives add up, a family is counted once. All numbers by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from shelfsense.errors import BundleRefused, InputRefused
from shelfsense.mapped_ranking import MappedRanking
from shelfsense.mapped_tree import MappedTree
from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import LocaleThresholds, Thresholds
from shelfsense.type_map import MapEntry, TypeMap
from shelfsense.type_ranking import TypeRanking

OURS = ProductTypes.from_table(
    "ours",
    [
        {"id": "a", "parent_id": "", "name": "Apparel"},
        {"id": "b", "parent_id": "", "name": "Bags"},
        {"id": "a1", "parent_id": "a", "name": "Shoes"},
        {"id": "a2", "parent_id": "a", "name": "Hats"},
        {"id": "a11", "parent_id": "a1", "name": "Boots"},
        {"id": "a12", "parent_id": "a1", "name": "Sandals"},
    ],
)
THEIRS = ProductTypes.from_table(
    "shop",
    [
        {"id": "F", "parent_id": "", "name": "Fashion"},
        {"id": "O", "parent_id": "", "name": "Outdoor"},
        {"id": "F1", "parent_id": "F", "name": "Footwear"},
        {"id": "F2", "parent_id": "F", "name": "Headwear"},
    ],
)
PROMISED = Thresholds({"de": LocaleThresholds((0.5, 0.5, 0.5), "real", 0.9, "composed")})


def coherent(**found: float) -> NDArray[np.float32]:
    """(1, L) of our types by id; absent ones are 0."""
    return np.array([[found.get(node.id, 0.0) for node in OURS.nodes]], dtype=np.float32)


def mapped(entries: list[tuple[str, str, float]], **found: float) -> dict[str, float]:
    type_map = TypeMap(OURS, THEIRS, [MapEntry(*entry) for entry in entries])
    answered = type_map.apply(coherent(**found))[0]
    return {node.id: round(float(p), 6) for node, p in zip(THEIRS.nodes, answered, strict=True)}


def test_a_type_takes_the_probability_of_ours_and_so_does_its_parent() -> None:
    assert mapped([("a1", "F1", 1.0)], a=0.9, a1=0.7) == {"F": 0.7, "O": 0.0, "F1": 0.7, "F2": 0.0}


def test_alternatives_of_one_level_add_up_to_one_at_most() -> None:
    entries = [("a", "F", 1.0), ("b", "F", 1.0)]
    assert mapped(entries, a=0.3, b=0.4)["F"] == 0.7
    assert mapped(entries, a=0.8, b=0.4)["F"] == 1.0


def test_a_weight_is_the_share_that_is_theirs() -> None:
    found = mapped([("a1", "F1", 0.75), ("a1", "O", 0.25)], a=0.8, a1=0.8)
    assert found == {"F": 0.6, "O": 0.2, "F1": 0.6, "F2": 0.0}


def test_a_parent_and_its_child_that_lead_to_one_type_are_counted_once() -> None:
    assert mapped([("a", "F", 1.0), ("a1", "F", 1.0), ("a11", "F", 1.0)], a=0.9, a1=0.6, a11=0.5)["F"] == 0.9


def test_children_together_never_give_more_than_their_parent_has() -> None:
    entries = [("a11", "F1", 1.0), ("a12", "F1", 1.0)]
    assert mapped(entries, a=0.8, a1=0.6, a11=0.3, a12=0.2)["F1"] == 0.5
    # The network thinks 0.5 + 0.4 of boots and sandals, but only 0.6 of shoes.
    assert mapped(entries, a=0.8, a1=0.6, a11=0.5, a12=0.4)["F1"] == 0.6


def test_what_a_child_gives_elsewhere_its_parent_does_not_give_too() -> None:
    # 0.3 of the 0.9 of apparel are boots, and boots are outdoor things here.
    found = mapped([("a", "F", 1.0), ("a11", "O", 1.0)], a=0.9, a1=0.5, a11=0.3)
    assert found == {"F": 0.6, "O": 0.3, "F1": 0.0, "F2": 0.0}


def test_a_type_without_an_entry_is_its_parents() -> None:
    # Hats (0.4) have no entry: they stay in the 0.9 - 0.2 that apparel gives by itself.
    assert mapped([("a", "F", 1.0), ("a1", "F1", 1.0)], a=0.9, a1=0.2, a2=0.4) == {"F": 0.9, "O": 0, "F1": 0.2, "F2": 0}


def test_the_share_of_their_parent_holds_that_of_its_child() -> None:
    # Half of shoes are footwear, and with these half of them fashion: fashion is not 0.5 + 0.5.
    assert mapped([("a1", "F", 0.5), ("a1", "F1", 0.5)], a=0.8, a1=0.8) == {"F": 0.4, "O": 0, "F1": 0.4, "F2": 0}
    assert mapped([("a1", "F1", 0.5), ("a1", "F2", 0.25)], a=0.8, a1=0.8)["F"] == 0.6


def test_a_map_of_a_tree_onto_itself_changes_nothing() -> None:
    itself = TypeMap(OURS, OURS, [MapEntry(node.id, node.id) for node in OURS.nodes])
    raw = np.random.default_rng(3).random((50, len(OURS))).astype(np.float32)
    np.testing.assert_allclose(itself.apply(OURS.coherent(raw)), OURS.coherent(raw), atol=1e-6)


def test_no_parent_is_less_likely_than_its_child_whatever_the_map() -> None:
    random = np.random.default_rng(5)
    for _ in range(50):
        chosen = [(o.id, t.id) for o in OURS.nodes for t in THEIRS.nodes if random.random() < 0.4]
        if not chosen:
            continue
        entries = [MapEntry(o, t, float(random.uniform(0.1, 1))) for o, t in chosen]
        found = TypeMap(OURS, THEIRS, entries).apply(OURS.coherent(random.random((20, len(OURS))).astype(np.float32)))
        assert (found[:, THEIRS.index["F"]] >= found[:, [THEIRS.index["F1"], THEIRS.index["F2"]]].max(axis=1)).all()
        assert found.min() >= 0
        assert found.max() <= 1


def test_a_batch_is_answered_as_its_queries_are() -> None:
    type_map = TypeMap(OURS, THEIRS, [MapEntry("a", "F"), MapEntry("a1", "F1", 0.5), MapEntry("b", "O")])
    batch = OURS.coherent(np.random.default_rng(1).random((9, len(OURS))).astype(np.float32))
    alone = np.concatenate([type_map.apply(row[None]) for row in batch])
    np.testing.assert_array_equal(type_map.apply(batch), alone)


@pytest.mark.parametrize(
    ("entries", "fact"),
    [
        ([("z", "F", 1.0)], "'z' is no type of ours"),
        ([("a", "Z", 1.0)], "'Z' is no type of shop"),
        ([("a", "F", 0.0)], "weight 0.0 is not in"),
        ([("a", "F", 1.5)], "weight 1.5 is not in"),
        ([("a", "F", 1.0), ("a", "F", 0.5)], "occurs twice"),
        ([], "holds no entry"),
    ],
)
def test_a_map_that_fits_no_tree_is_refused(entries: list[tuple[str, str, float]], fact: str) -> None:
    with pytest.raises(InputRefused, match=fact):
        TypeMap(OURS, THEIRS, [MapEntry(*entry) for entry in entries])


def mapped_tree() -> MappedTree:
    entry = LocaleThresholds((0.6, 0.7), "fallback", 0.9, "composed", types={"F2": 0.8})
    return MappedTree(TypeMap(OURS, THEIRS, [MapEntry("a", "F"), MapEntry("a1", "F1", 0.5)]), Thresholds({"de": entry}))


def test_the_file_comes_back_as_it_was_written_with_reformulations_of_the_bundle() -> None:
    written = mapped_tree()
    assert "reformulation" not in written.to_json().decode()
    read = MappedTree.from_json(written.to_json(), OURS, PROMISED)
    assert read.thresholds == written.thresholds
    assert read.type_map.entries == written.type_map.entries
    assert read.type_map.theirs.to_json() == THEIRS.to_json()


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"entries": [["a", "Z", 1.0]]}, "'Z' is no type of shop"),
        ({"entries": [["a", "F"]]}, "not the expected JSON"),
        ({"thresholds": {"locales": {}}}, "no thresholds for the locale de"),
        ({"thresholds": {"locales": {"de": {"product_types": [0.5], "evidence": "real"}}}}, "thresholds for 1 levels"),
        ({"thresholds": {"locales": {"de": {"product_types": [0.5, 0.5], "evidence": "luck"}}}}, "evidence is 'luck'"),
        ({"product_types": {"label_space": "shop"}}, "not the expected JSON"),
    ],
)
def test_a_file_that_does_not_fit_the_bundle_is_refused(change: dict[str, object], fact: str) -> None:
    table = {**json.loads(mapped_tree().to_json()), **change}
    with pytest.raises(BundleRefused, match=fact) as refused:
        MappedTree.from_json(json.dumps(table).encode(), OURS, PROMISED)
    assert refused.value.file == "type_map.json"


def test_their_types_are_ranked_and_ours_go_to_the_gates() -> None:
    ranking = MappedRanking(OURS, PROMISED, mapped_tree())
    raw = coherent(a=0.9, a1=0.9, a11=0.9)[0]
    found = ranking.rank(raw, "de", 5)
    expected = TypeRanking(OURS, PROMISED).rank(raw, "de", 5).probabilities
    np.testing.assert_array_equal(found.probabilities, expected)
    assert [(each.id, each.level, each.accepted) for each in found.best] == [
        ("F1", 2, False),  # half of the 0.9 of shoes
        ("F2", 2, False),
        ("F", 1, False),  # the same half, for apparel has nothing besides shoes
        ("O", 1, False),
    ]
    assert [each.threshold for each in found.best] == pytest.approx([0.7, 0.8, 0.6, 0.6])


def test_locales_are_calibrated_before_anything_is_mapped() -> None:
    shifted = LocaleThresholds((0.5,) * 3, "real", 0.9, "composed", calibration=((1.0, -1.0),) * 3)
    bundle = Thresholds({"de": shifted})
    raw = coherent(a=0.9, a1=0.5, a11=0.5)[0]
    ours = TypeRanking(OURS, bundle).rank(raw, "de", 1).probabilities
    found = MappedRanking(OURS, bundle, mapped_tree()).rank(raw, "de", 1)
    # 0.5 has log-odds 0, so in this locale it is sigmoid(-1); half of it is theirs.
    assert found.best[0].probability == pytest.approx(0.5 / (1 + np.e), abs=1e-6)
    np.testing.assert_array_equal(found.probabilities, ours)
