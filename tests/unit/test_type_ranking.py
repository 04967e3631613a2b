"""Ranking product types: by plain sorting, for one query and for a batch alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from shelfsense.product_types import ProductTypeNode, ProductTypes
from shelfsense.thresholds import LocaleThresholds, Thresholds
from shelfsense.type_ranking import RankedTypes, TypeRanking, TypesAsked

# 2 roots, 18 types of level 2 with children and one without, 3 children each: enough families to bound a level by.
_ROOTS = [ProductTypeNode(name, "", name) for name in ("r0", "r1")]
_MIDDLE = [ProductTypeNode(f"m{i}", f"r{i % 2}", f"m{i}") for i in range(19)]
_LEAVES = [ProductTypeNode(f"l{i}-{j}", f"m{i}", f"l{i}-{j}") for i in range(18) for j in range(3)]
TREE = ProductTypes("toy", [*_ROOTS, *_MIDDLE, *_LEAVES])
THRESHOLDS = Thresholds(
    {
        "de": LocaleThresholds((0.5, 0.4, 0.3), "real", 0.9, "real"),
        "fr": LocaleThresholds((0.2, 0.2, 0.2), "real", 0.9, "real", ((2.0, 0.1), (1.0, 0.0), (0.5, 0.0)), {"m3": 0.9}),
    }
)
RANKING = TypeRanking(TREE, THRESHOLDS)
# Few different values, so that many are as likely as others.
PROBABILITIES = hnp.arrays(np.float32, (4, len(TREE)), elements=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0]))
ASKED = st.builds(TypesAsked, st.sampled_from(["de", "fr"]), st.sampled_from([1, 2, 5, 18, 19, 54, 100]), st.booleans())


def plainly(raised: NDArray[np.float32], asked: TypesAsked) -> list[tuple[str, float, bool]]:
    """Return id, probability and acceptance of the types asked for, by sorting all of them."""
    entry = THRESHOLDS.by_locale[asked.locale]
    threshold = [entry.types.get(n.id, entry.product_types[v - 1]) for n, v in zip(TREE.nodes, TREE.level, strict=True)]
    reached = [bool(p >= np.float32(t)) for p, t in zip(raised, threshold, strict=True)]
    found = []
    for level in (3, 2, 1):
        likeliest = sorted(TREE.by_level[level].tolist(), key=lambda i: (-raised[i], i))[: asked.top_k]
        found += [
            (TREE.nodes[i].id, float(raised[i]), asked.known and all(reached[j] for j in TREE.ancestors(i)))
            for i in likeliest
        ]
    return found


def told(ranked: RankedTypes) -> list[tuple[str, float, bool]]:
    return [(each.id, each.probability, each.accepted) for each in ranked.best]


@given(PROBABILITIES, st.lists(ASKED, min_size=4, max_size=4))
def test_a_batch_is_ranked_as_sorting_every_level_ranks_it(
    probabilities: NDArray[np.float32], asked: list[TypesAsked]
) -> None:
    for ranked, each in zip(RANKING.rank_all(probabilities, asked), asked, strict=True):
        assert told(ranked) == plainly(ranked.probabilities, each)


@given(PROBABILITIES, st.lists(ASKED, min_size=4, max_size=4))
def test_a_query_of_a_batch_is_answered_as_alone(probabilities: NDArray[np.float32], asked: list[TypesAsked]) -> None:
    for row, each, ranked in zip(probabilities, asked, RANKING.rank_all(probabilities, asked), strict=True):
        alone = RANKING.rank(row, each.locale, each.top_k, known=each.known)
        assert alone.best == ranked.best
        assert alone.probabilities.tobytes() == ranked.probabilities.tobytes()


def test_a_type_is_accepted_only_with_all_its_ancestors() -> None:
    probabilities = np.zeros(len(TREE), dtype=np.float32)
    probabilities[[TREE.index["m3"], TREE.index["l3-0"]]] = 0.8  # in French the type m3 wants 0.9
    german, french = (RANKING.rank(probabilities, tag, 1) for tag in ("de", "fr"))
    assert [(each.id, each.accepted) for each in german.best] == [("l3-0", True), ("m3", True), ("r1", True)]
    assert [(each.id, each.accepted) for each in french.best] == [("l3-0", False), ("m3", False), ("r1", True)]


def test_a_type_carries_its_path_its_level_and_its_threshold() -> None:
    first = RANKING.rank(np.linspace(1, 0, len(TREE), dtype=np.float32), "de", 1).best[0]
    assert (first.path, first.level) == (("r0", "m0", "l0-0"), 3)
    assert first.threshold == pytest.approx(0.3)


def test_the_networks_numbers_stay_as_they_are() -> None:
    probabilities = np.full((2, len(TREE)), 0.5, dtype=np.float32)
    RANKING.rank_all(probabilities, [TypesAsked("de", 5), TypesAsked("fr", 5)])
    assert (probabilities == 0.5).all()
