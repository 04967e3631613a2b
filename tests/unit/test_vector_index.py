"""Vectors searched exactly and along a graph: what is near is found, what was removed never is."""

from __future__ import annotations

import numpy as np
import pytest

from shelfsense.errors import InputRefused
from shelfsense.reformulation.live_rows import LiveRows
from shelfsense.reformulation.vector_index import GraphSettings, VectorIndex
from tiny_heads import SMALL_GRAPH, clumps

ROWS, WIDTH = 1500, 16
VECTORS = clumps(ROWS)
ASKED = clumps(ROWS, seed=0)[::50]


@pytest.fixture(scope="module")
def graph() -> VectorIndex:
    return VectorIndex.flat([VECTORS], WIDTH, SMALL_GRAPH).with_graph()


def test_live_rows_are_those_not_removed() -> None:
    rows = LiveRows.all_of(10)
    left = rows.without([0, 9, 9]).without([3])
    assert (rows.count, left.count, left.rows) == (10, 7, 10)
    assert [row for row in range(10) if row in left] == [1, 2, 4, 5, 6, 7, 8]
    assert left.mask().tolist() == [row in left for row in range(10)]
    assert LiveRows.from_mask(left.mask()).bits.tolist() == left.bits.tolist()
    assert rows.mask().all()


def test_without_a_graph_the_best_of_all_come_best_first() -> None:
    index = VectorIndex.flat([VECTORS[:700], VECTORS[700:]], WIDTH, SMALL_GRAPH)
    scores, rows = index.search(ASKED[3], 5, LiveRows.all_of(ROWS))
    cosines = VECTORS @ ASKED[3]
    assert rows.tolist() == np.argsort(-cosines)[:5].tolist()
    assert scores == pytest.approx(np.sort(cosines)[::-1][:5], abs=1e-3)


def test_a_vector_of_another_width_is_refused() -> None:
    index = VectorIndex.flat([VECTORS], WIDTH, SMALL_GRAPH)
    with pytest.raises(InputRefused, match=r"shape \(15,\), not \(16,\)"):
        index.search(ASKED[0][1:], 5, LiveRows.all_of(ROWS))


def test_the_graph_finds_what_all_vectors_would_give(graph: VectorIndex) -> None:
    live = LiveRows.all_of(ROWS)
    found = [set(graph.search(vector, 10, live)[1].tolist()) for vector in ASKED]
    best = [set(graph.search(vector, 10, live, exactly=True)[1].tolist()) for vector in ASKED]
    assert sum(len(a & b) for a, b in zip(found, best, strict=True)) >= 0.98 * 10 * len(ASKED)


@pytest.mark.parametrize("with_graph", [False, True])
def test_removed_rows_are_not_found_and_others_take_their_places(graph: VectorIndex, *, with_graph: bool) -> None:
    index = graph if with_graph else VectorIndex.flat([VECTORS], WIDTH, SMALL_GRAPH)
    nearest = index.search(ASKED[0], 8, LiveRows.all_of(ROWS))[1].tolist()
    live = LiveRows.all_of(ROWS).without(nearest[:4])
    assert index.search(ASKED[0], 4, live)[1].tolist() == nearest[4:]


def test_what_is_live_is_found_however_much_around_it_was_removed(graph: VectorIndex) -> None:
    by_distance = np.argsort(-(VECTORS @ ASKED[1]))
    left = by_distance[-7:]  # of 1,500, only the seven furthest
    mask = np.zeros(ROWS, dtype=np.bool_)
    mask[left] = True
    scores, rows = graph.search(ASKED[1], 10, LiveRows.from_mask(mask))
    assert rows.tolist() == left.tolist()
    assert np.all(np.diff(scores) <= 0)


def test_nothing_live_finds_nothing(graph: VectorIndex) -> None:
    scores, rows = graph.search(ASKED[0], 3, LiveRows.from_mask(np.zeros(ROWS, dtype=np.bool_)))
    assert (len(scores), len(rows)) == (0, 0)


def test_a_graph_is_added_to_without_touching_the_one_it_came_from(graph: VectorIndex) -> None:
    further = clumps(40, seed=5)
    longer = graph.extended([further])
    assert (graph.rows, longer.rows) == (ROWS, ROWS + 40)
    live = LiveRows.all_of(ROWS + 40)
    assert [int(longer.search(vector, 1, live)[1][0]) for vector in further] == list(range(ROWS, ROWS + 40))
    assert np.array_equal(np.concatenate(list(graph.blocks())), np.concatenate(list(longer.blocks()))[:ROWS])


def test_only_live_vectors_are_handed_on(graph: VectorIndex) -> None:
    live = LiveRows.all_of(ROWS).without(range(10, ROWS))
    assert np.allclose(np.concatenate(list(graph.blocks(live))), VECTORS[:10], atol=1e-3)


def test_progress_counts_every_row() -> None:
    told: list[int] = []
    VectorIndex.flat([VECTORS], WIDTH, SMALL_GRAPH).with_graph(told.append)
    assert sum(told) == ROWS


def test_a_search_holds_more_candidates_the_more_it_wants() -> None:
    settings = GraphSettings(least_search=64, search_per_neighbour=4)
    assert [settings.candidates(k, 100_000) for k in (1, 16, 17, 100)] == [64, 64, 68, 400]


def test_a_search_holds_more_candidates_the_more_rows_there_are() -> None:
    settings = GraphSettings(least_search=128, search_growth=0.5)
    assert [settings.candidates(10, rows) for rows in (20_000, 100_000, 400_000)] == [128, 128, 256]
    assert GraphSettings(least_search=128).candidates(10, 1_000_000) == 255  # 128 · 10^0.3


def test_the_candidates_of_one_search_can_be_named(graph: VectorIndex) -> None:
    live = LiveRows.all_of(ROWS)
    few = [graph.search(vector, 10, live, candidates=10)[1].tolist() for vector in ASKED]
    best = [graph.search(vector, 10, live, exactly=True)[1].tolist() for vector in ASKED]
    many = [graph.search(vector, 10, live, candidates=ROWS)[1].tolist() for vector in ASKED]
    assert many == best != few
