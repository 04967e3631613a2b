"""A head index that changes: removed at once, added at once, compacted with nothing lost."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from shelfsense.errors import InputRefused
from shelfsense.reformulation.head import Head, HeadMatch, head_table
from shelfsense.reformulation.head_index import HeadIndex, head_index_files
from shelfsense.reformulation.head_segment import HeadSegment
from shelfsense.reformulation.locale_heads import LocaleHeads
from shelfsense.reformulation.vector_index import GraphSettings, VectorIndex
from tiny_heads import HEADS, SMALL_GRAPH, VECTORS, bundle_of, clumps, numbered

WIDTH = 16
RED = np.array([1, 0, 0], dtype=np.float32)


@pytest.fixture
def index(tmp_path: Path) -> HeadIndex:
    return HeadIndex.load(bundle_of(tmp_path, head_index_files(HEADS, VECTORS)))


def large(tmp_path: Path, rows: int, settings: GraphSettings = SMALL_GRAPH) -> HeadIndex:
    files = head_index_files(numbered(rows), clumps(rows), settings=settings)
    return HeadIndex.load(bundle_of(tmp_path, files, width=WIDTH), settings)


def queries(matches: list[HeadMatch]) -> list[str]:
    return [match.query for match in matches]


def test_a_removed_head_is_found_no_more_and_the_next_takes_its_place(index: HeadIndex) -> None:
    assert index.remove("de", "ROTE  Schuhe") == 1
    assert queries(index.search("de", RED, 1)) == ["blaue Schuhe"]
    assert index.exact("de", ["rote schuhe"]) == []
    assert (index.heads("de"), index.heads("en")) == (1, 2)
    assert index.remove("de", "rote Schuhe") == 0
    assert index.remove("fr", "rote Schuhe") == 0


def test_a_locale_whose_heads_are_all_removed_has_none(index: HeadIndex) -> None:
    assert [index.remove("de", query) for query in ("rote Schuhe", "blaue Schuhe")] == [1, 1]
    assert index.locales == ("en",)
    assert index.search("de", RED, 3) == []
    index.compact().result(timeout=60)
    assert index.search("de", RED, 3) == []
    index.add([HEADS[0]], VECTORS[:1])
    assert queries(index.search("de", RED, 3)) == ["rote Schuhe"]


def test_an_added_head_is_found_at_once_by_vector_and_by_words(index: HeadIndex) -> None:
    index.add(
        [Head("rotes Kleid", "de", 5.0, product_type="dress", attributes='[["color","rot"]]')],
        np.array([[0.8, 0.6, 0]]),
    )
    found = index.search("de", RED, 2)
    assert queries(found) == ["rote Schuhe", "rotes Kleid"]
    assert found[1].score == pytest.approx(0.8, abs=1e-3)
    assert (found[1].volume, found[1].product_type, found[1].attributes) == (5.0, "dress", '[["color","rot"]]')
    assert queries(index.exact("de", ["rotes kleid"])) == ["rotes Kleid"]
    assert index.product_types == ("shoes", "", "dress")
    assert len({match.row for match in index.search("de", RED, 9)}) == 3


def test_heads_of_a_locale_that_had_none_are_found(index: HeadIndex) -> None:
    index.add([Head("skor", "sv", 5.0)], VECTORS[:1])
    assert index.locales == ("de", "en", "sv")
    assert queries(index.search("sv", RED, 2)) == ["skor"]


def test_an_added_head_takes_the_place_of_the_same_words(index: HeadIndex) -> None:
    index.add([Head("Rote Schuhe", "de", 1.0), Head("rote schuhe", "de", 2.0)], VECTORS[[1, 1]])
    assert [(match.query, match.volume) for match in index.exact("de", ["rote schuhe"])] == [("rote schuhe", 2.0)]
    assert queries(index.search("de", RED, 5)) == ["blaue Schuhe", "rote schuhe"]


def test_volumes_change_and_are_then_counts(index: HeadIndex) -> None:
    assert index.update_volumes("de", {"BLAUE schuhe": 7.0, "gelbe Schuhe": 1.0}) == 1
    (blue,) = index.exact("de", ["blaue schuhe"])
    assert (blue.volume, blue.volume_is_estimate) == (7.0, False)
    assert index.exact("de", ["rote schuhe"])[0].volume == 900.0
    assert index.update_volumes("fr", {"chaussures": 1.0}) == 0


@pytest.mark.parametrize("volume", [-1.0, float("nan"), float("inf")])
def test_no_volume_is_refused_as_one(index: HeadIndex, volume: float) -> None:
    with pytest.raises(InputRefused, match="give a number of 0 or more"):
        index.update_volumes("de", {"rote Schuhe": 3.0, "blaue Schuhe": volume})
    assert index.exact("de", ["rote schuhe"])[0].volume == 900.0


@pytest.mark.parametrize(
    ("heads", "vectors", "fact"),
    [
        (HEADS, VECTORS[:2], r"4 heads need vectors of shape \(4, 3\), got \(2, 3\)"),
        (HEADS[:1], np.ones((1, 1)), r"need vectors of shape \(1, 3\)"),
        (HEADS[:1], VECTORS[:1] * 2, "not of length 1"),
        ([HEADS[0], Head(" ", "de", 1.0)], VECTORS[:2], "needs words"),
    ],
)
def test_what_cannot_be_added_changes_nothing(
    index: HeadIndex, heads: list[Head], vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]], fact: str
) -> None:
    with pytest.raises(InputRefused, match=fact):
        index.add(heads, vectors)
    assert (index.heads("de"), index.heads("en")) == (2, 2)


def test_one_added_at_a_time_leaves_few_segments(tmp_path: Path) -> None:
    index = large(tmp_path, 60)
    vectors = clumps(100, seed=3)
    for i, head in enumerate(numbered(100, first=1000)):
        index.add([head], vectors[i : i + 1])
    assert len(index._locales["en"].segments) <= 8
    assert index.heads("en") == 160
    assert [queries(index.search("en", vector, 1)) for vector in vectors] == [[f"head {i}"] for i in range(1000, 1100)]


def test_compaction_leaves_the_same_heads_with_the_same_numbers(tmp_path: Path) -> None:
    index = large(tmp_path, 80)
    for i in range(0, 80, 3):
        index.remove("en", f"head {i}")
    index.add(numbered(10, first=100), clumps(10, seed=4))
    index.update_volumes("en", {"head 100": 77.0})
    asked = clumps(20, seed=5)
    before = [index.search("en", vector, 70, least=0.01) for vector in asked]
    assert index.compact().result(timeout=60) == ("en",)
    assert index.settled
    assert len(index._locales["en"].segments) == 1
    assert [index.search("en", vector, 70, least=0.01) for vector in asked] == before
    assert index.exact("en", ["head 100"])[0].volume == 77.0
    assert index.compact().result(timeout=60) == ()


def test_a_locale_that_grows_past_the_limit_gets_a_graph_and_loses_it_below(tmp_path: Path) -> None:
    index = large(tmp_path, 80)
    index.add(numbered(60, first=80), clumps(60, seed=4))
    index.compact().result(timeout=60)
    assert index._locales["en"].segments[0].vectors.graph is not None
    for i in range(60):
        index.remove("en", f"head {i}")
    index.compact().result(timeout=60)
    (segment,) = index._locales["en"].segments
    assert segment.vectors.graph is None
    assert segment.live.rows == index.heads("en") == 80


def test_a_graph_is_kept_while_few_of_its_rows_are_removed(tmp_path: Path) -> None:
    index = large(tmp_path, 300)
    for i in range(10):
        index.remove("en", f"head {i}")
    assert index.settled
    index.add(numbered(10, first=300), clumps(10, seed=4))
    index.compact().result(timeout=60)
    (segment,) = index._locales["en"].segments
    assert (segment.live.rows, segment.live.count) == (310, 300)
    for i in range(10, 100):
        index.remove("en", f"head {i}")
    index.compact().result(timeout=60)
    (segment,) = index._locales["en"].segments
    assert (segment.live.rows, segment.live.count) == (210, 210)
    assert segment.vectors.graph is not None


def test_one_compaction_runs_at_a_time_and_its_failure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = large(tmp_path, 50)
    index.remove("en", "head 1")
    may_go_on = threading.Event()

    def fails(self: LocaleHeads) -> LocaleHeads:
        may_go_on.wait(timeout=60)
        raise MemoryError("no room")

    monkeypatch.setattr(LocaleHeads, "compacted", fails)
    first = index.compact()
    assert index.compact() is first
    may_go_on.set()
    with pytest.raises(MemoryError, match="no room"):
        first.result(timeout=60)
    monkeypatch.undo()
    assert index.heads("en") == 49
    assert index.compact().result(timeout=60) == ("en",)


def locale_heads(rows: int, settings: GraphSettings) -> LocaleHeads:
    vectors = VectorIndex.flat([clumps(rows)], WIDTH, settings)
    if rows > settings.exact_rows:
        vectors = vectors.with_graph()
    return LocaleHeads("en", (HeadSegment.of(head_table(numbered(rows)), vectors, 0),), settings)


def added(heads: LocaleHeads, rows: int, first: int) -> LocaleHeads:
    vectors = VectorIndex.flat([clumps(rows, seed=first)], WIDTH, heads.settings)
    return heads.with_added(HeadSegment.of(head_table(numbered(rows, first=first)), vectors, first))


def contents(heads: LocaleHeads) -> set[tuple[int, str, float]]:
    return {(m.row, m.query, m.volume) for m in heads.search(clumps(1)[0], 10_000, 0.0)}


@pytest.mark.parametrize("rows", [90, 300])  # without and with a graph
def test_what_changed_during_compaction_is_not_lost(rows: int) -> None:
    start = added(locale_heads(rows, SMALL_GRAPH).without([f"head {i}" for i in range(5)]), 20, first=1000)
    compacted = start.compacted()
    now = added(start.without(["head 7", "head 1003"]), 15, first=2000)  # joined with what start had added
    now = added(now, 3, first=3000).without(["head 2001", "head 3000"])
    now = now.with_volumes({"head 8": 0.5, "head 1004": 1.5, "head 2002": 2.5})
    result = compacted.caught_up(start, now)
    expected = {
        (i, f"head {i}", float(i)) for i in [*range(5, rows), *range(1000, 1020), *range(2000, 2015), 3001, 3002]
    }
    changed = {7: None, 1003: None, 2001: None, 8: 0.5, 1004: 1.5, 2002: 2.5}
    expected = {each for each in expected if each[0] not in changed}
    expected |= {(i, f"head {i}", volume) for i, volume in changed.items() if volume is not None}
    assert contents(result) == contents(now) == expected
    assert result.live == now.live == len(expected)
    assert [len(result.find(f"head {i}")) for i in (6, 7, 1003, 1004, 2001, 2002)] == [1, 0, 0, 1, 0, 1]


def test_all_removed_during_compaction_stays_removed() -> None:
    start = added(locale_heads(50, SMALL_GRAPH), 10, first=100)
    now = start.without([f"head {i}" for i in [*range(50), *range(100, 110)]])
    assert contents(start.compacted().caught_up(start, now)) == set()
