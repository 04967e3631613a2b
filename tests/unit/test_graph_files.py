"""A stored graph is searched only where it fits the rows beside it, and is parsed only if its digest holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from shelfsense.bundle import Bundle, write_bundle
from shelfsense.errors import BundleRefused
from shelfsense.reformulation import head_index as loading
from shelfsense.reformulation.graph_files import graph_file, graph_name
from shelfsense.reformulation.head_files import head_index_files, read_head_files
from shelfsense.reformulation.head_index import Head, HeadIndex
from shelfsense.reformulation.head_vectors import to_bytes, to_unit
from shelfsense.reformulation.vector_index import VectorIndex
from shelfsense_training.bundle_building import rewrite_bundle
from tiny_heads import SMALL_GRAPH, bundle_of, clumps, numbered

ROWS, WIDTH = 150, 16
VECTORS = clumps(ROWS, seed=1)
AS_READ = to_unit(to_bytes(VECTORS))
GRAPH = graph_name("en")
FILES = head_index_files(numbered(ROWS), VECTORS, settings=SMALL_GRAPH)


def test_a_locale_of_many_heads_has_a_graph_and_one_of_few_has_none() -> None:
    heads = [*numbered(ROWS), *numbered(100, "de")]
    files = head_index_files(heads, clumps(ROWS + 100), settings=SMALL_GRAPH)
    assert [name for name in files if "graph" in name] == [GRAPH]


def test_a_stored_graph_searches_as_the_one_that_was_built(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path, FILES, width=WIDTH)
    index = HeadIndex.load(bundle, SMALL_GRAPH)
    assert index.settled
    _, vectors = read_head_files(bundle)
    built = VectorIndex.flat([vectors], WIDTH, SMALL_GRAPH).with_graph()
    segment = index._locales["en"].segments[0]
    assert segment.vectors.graph is not None
    for vector in VECTORS[::10]:
        assert (
            segment.vectors.search(vector, 5, segment.live)[1].tolist()
            == built.search(vector, 5, segment.live)[1].tolist()
        )


def test_many_heads_without_a_stored_graph_are_searched_until_one_is_built(tmp_path: Path) -> None:
    files = {name: data for name, data in FILES.items() if name != GRAPH}
    index = HeadIndex.load(bundle_of(tmp_path, files, width=WIDTH), SMALL_GRAPH)
    assert index.search("en", VECTORS[7], 1)[0].query == "head 7"
    assert not index.settled
    assert index.compact().result(timeout=60) == ("en",)
    assert index._locales["en"].segments[0].vectors.graph is not None
    assert index.search("en", VECTORS[7], 1)[0].query == "head 7"


def other_graph(damage: Callable[[Any], None]) -> bytes:
    """Return the graph file after something was done to its graph."""
    index = VectorIndex.flat([AS_READ], WIDTH, SMALL_GRAPH).with_graph()
    damage(index.graph)
    return graph_file(index, AS_READ)


def foreign_row(graph: Any) -> None:
    links = faiss.vector_to_array(graph.hnsw.neighbors)
    links[links >= 0] = ROWS
    faiss.copy_array_to_vector(links, graph.hnsw.neighbors)


def foreign_entry(graph: Any) -> None:
    graph.hnsw.entry_point = ROWS


def missing_layer(graph: Any) -> None:
    levels = faiss.vector_to_array(graph.hnsw.levels)
    levels[3] += 1
    faiss.copy_array_to_vector(levels, graph.hnsw.levels)


def more_rows(graph: Any) -> None:
    graph.add(VECTORS[:1])


@pytest.mark.parametrize(
    ("damage", "fact"),
    [
        (foreign_row, "cannot be read by faiss"),
        (foreign_entry, "cannot be read by faiss"),
        (missing_layer, "cannot be read by faiss"),
        (more_rows, "has 151 rows of 16 numbers, the vectors 150 of 16"),
    ],
)
def test_a_graph_that_does_not_fit_its_rows_is_refused(
    tmp_path: Path, damage: Callable[[Any], None], fact: str
) -> None:
    bundle = bundle_of(tmp_path, {**FILES, GRAPH: other_graph(damage)}, width=WIDTH)
    with pytest.raises(BundleRefused, match=rf"{GRAPH}: .*{fact}"):
        HeadIndex.load(bundle, SMALL_GRAPH)


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (b"", "is no graph of head vectors"),
        (b"IHNf" * 100, "is no graph of head vectors"),
        (FILES[GRAPH][:40], "is no graph of head vectors"),
        (FILES[GRAPH][:-9], "cannot be read by faiss"),
        (FILES[GRAPH][:40] + b"IHNf" * 100, "cannot be read by faiss"),
        (FILES[GRAPH][:8] + bytes(32) + FILES[GRAPH][40:], "was built on other vectors than the bundle's"),
    ],
)
def test_what_is_no_graph_of_these_vectors_is_refused(tmp_path: Path, data: bytes, fact: str) -> None:
    with pytest.raises(BundleRefused, match=rf"{GRAPH}: {fact}"):
        HeadIndex.load(bundle_of(tmp_path, {**FILES, GRAPH: data}, width=WIDTH), SMALL_GRAPH)


def test_an_index_of_another_kind_is_refused(tmp_path: Path) -> None:
    whole = VectorIndex.flat([AS_READ], WIDTH, SMALL_GRAPH).with_graph()
    for other in (whole.graph, whole._flat):  # one with its vectors, one without a graph
        data = FILES[GRAPH][:40] + faiss.serialize_index(other).tobytes()
        with pytest.raises(BundleRefused, match="holds another kind of index"):
            HeadIndex.load(bundle_of(tmp_path, {**FILES, GRAPH: data}, width=WIDTH), SMALL_GRAPH)


def test_a_graph_of_vectors_that_were_exchanged_is_refused(tmp_path: Path) -> None:
    others = head_index_files(numbered(ROWS), clumps(ROWS, seed=2), settings=SMALL_GRAPH)
    with pytest.raises(BundleRefused, match="was built on other vectors"):
        HeadIndex.load(bundle_of(tmp_path, {**others, GRAPH: FILES[GRAPH]}, width=WIDTH), SMALL_GRAPH)


def test_a_graph_of_a_locale_without_heads_is_refused(tmp_path: Path) -> None:
    files = {**FILES, graph_name("de"): FILES[GRAPH]}
    with pytest.raises(BundleRefused, match=r"graph_de\.faiss: is a graph of a locale that has no heads"):
        HeadIndex.load(bundle_of(tmp_path, files, width=WIDTH), SMALL_GRAPH)


def test_no_byte_reaches_faiss_whose_digest_does_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = bundle_of(tmp_path, FILES, width=WIDTH)
    path = bundle.path / GRAPH
    path.write_bytes(FILES[GRAPH][:-1] + bytes([FILES[GRAPH][-1] ^ 1]))
    parsed: list[str] = []
    monkeypatch.setattr(loading, "read_graph", lambda name, *_: parsed.append(name))
    with pytest.raises(BundleRefused, match="differs from its digest"):
        HeadIndex.load(Bundle(bundle.path, bundle.manifest), SMALL_GRAPH)
    assert parsed == []


def test_writing_other_heads_takes_old_graphs_out(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path, {**FILES, "model_card.md": b"# Toy"}, width=WIDTH)
    few = head_index_files([Head("tv", "de", 1.0)], VECTORS[:1])
    written = rewrite_bundle(bundle, tmp_path / "few", files=few)
    assert set(written.manifest["files"]) == {*few, "model_card.md"}
    same = rewrite_bundle(bundle, tmp_path / "same", files={"model_card.md": b"# Other"})
    assert set(same.manifest["files"]) == {*FILES, "model_card.md"}
    assert np.array_equal(read_head_files(same)[1], read_head_files(bundle)[1])
    assert write_bundle(tmp_path / "again", {**bundle.manifest}, FILES).manifest["format_version"] == 2
