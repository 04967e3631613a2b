"""The benchmark of many heads: vectors made in parts and found again, searched both ways, held against its claims."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import head_search, query_vectors
from benchmarks.finding import BenchmarkFailed, Setting
from shelfsense.bundle import Bundle
from shelfsense.text import normal_form
from tiny_heads import clumps


def test_queries_are_different_and_the_same_ones_each_time(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("a query of the shop\n\nanother one\n", encoding="utf-8")
    queries = query_vectors.distinct_queries(30_000, f"en={tmp_path / 'real.txt'}")
    assert len({(normal_form(query.text), query.locale) for query in queries}) == 30_000
    assert {"a query of the shop", "another one"} <= {query.text for query in queries if query.locale == "en"}
    assert query_vectors.distinct_queries(30_000, f"en={tmp_path / 'real.txt'}") == queries


def test_parts_are_made_once(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_vectors, "_PART", 40)
    bundle = Bundle.open(tiny_bundle)
    vectors = query_vectors.query_vectors(tmp_path, 100, bundle, "")
    assert vectors.shape == (100, 16)
    parts = sorted(tmp_path.glob("part_*.npy"))
    parts[1].unlink()
    first = parts[0].stat().st_mtime_ns
    assert np.array_equal(query_vectors.query_vectors(tmp_path, 100, bundle, ""), vectors)
    assert (parts[0].stat().st_mtime_ns, parts[1].exists()) == (first, True)
    with pytest.raises(BenchmarkFailed, match="holds vectors of other queries"):
        query_vectors.query_vectors(tmp_path, 90, bundle, "")


def test_a_file_that_is_no_queries_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkFailed, match="name LOCALE=FILE"):
        query_vectors.distinct_queries(10, f"en={tmp_path / 'missing.txt'}")


def test_vectors_that_are_no_unit_vectors_are_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", np.ones((10, 16), dtype=np.float32))
    with pytest.raises(BenchmarkFailed, match="holds no unit vectors"):
        query_vectors.query_vectors(tmp_path, 10, Bundle.open(tiny_bundle), "")


def test_it_searches_given_vectors_both_ways_and_says_what_is_lacking(tiny_bundle: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", clumps(350))
    finding = head_search.measure(Setting(tiny_bundle, quick=True, vectors=tmp_path))
    assert float(finding.figures["recall_300_128"]) >= 0.99
    assert [float(finding.figures[f"{what}_p50_ms_300"]) > 0 for what in ("exact", "served")] == [True, True]
    assert float(finding.figures["build_s_300"]) > 0
    assert finding.faults[0] == "there are only 300 vectors"
    again = head_search.measure(Setting(tiny_bundle, quick=True, vectors=tmp_path))
    assert again.figures["build_s_300"] == 0.0
    np.save(tmp_path / "vectors.npy", clumps(350, seed=1))
    assert float(head_search.measure(Setting(tiny_bundle, quick=True, vectors=tmp_path)).figures["build_s_300"]) > 0
