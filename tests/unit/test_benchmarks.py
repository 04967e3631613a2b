"""The percentiles of the benchmarks, and the section they write."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks import beside
from benchmarks.damages import damages
from benchmarks.finding import BenchmarkFailed, Finding, Setting
from benchmarks.records import append_record, read_records, record
from benchmarks.results_page import BEGIN, END, part, section, spliced, write_page
from benchmarks.spread import Spread

MACHINE = {"cpu": "Abacus", "cores": 2, "python": "3.11.7", "onnxruntime": "1.0", "load_1_min": 0.1}


def found(name: str = "latency", value: str = "1.50") -> dict[str, Any]:
    finding = Finding(
        "Latency", "One claim.", ("what", "p50", "why"), (("a|b", value, "so"),), {"p50_ms": 1.5}, ("How.",)
    )
    return record(name, finding, bundle_version="1.0.0", machine=MACHINE)


def test_percentiles_lie_between_timings_in_proportion() -> None:
    spread = Spread.of([3.0, 1.0, 2.0])
    assert (spread.count, spread.p50) == (3, 2.0)
    assert (spread.p95, spread.p99) == pytest.approx((2.9, 2.98))
    assert Spread.of([7.0]) == Spread(1, 7.0, 7.0, 7.0)
    with pytest.raises(ValueError, match="no timings"):
        Spread.of([])


def test_a_part_has_its_claim_table_notes_and_provenance() -> None:
    text = part(found())
    assert "### Latency\n\nOne claim.\n\n| what | p50 | why |\n| --- | ---: | --- |\n| a\\|b | 1.50 | so |\n" in text
    assert "\nHow.\n" in text
    assert "*Bundle 1.0.0, " in text
    assert "Abacus, 2 cores, Python 3.11.7, ONNX Runtime 1.0" in text
    assert "Does not hold" not in text
    assert "**Does not hold:** torch is loaded" in part({**found(), "faults": ["torch is loaded"]})


def test_the_section_shows_the_newest_of_each_in_the_order_given() -> None:
    text = section([found("b", "1"), found("a", "2"), found("b", "3"), found("unknown", "4")], ["a", "b"])
    assert [line.split(" | ")[1] for line in text.splitlines() if line.startswith("| a\\|b")] == ["2", "3"]


def test_a_page_keeps_all_that_is_not_between_the_markers() -> None:
    page = f"# Results\n\nQuality.\n\n{BEGIN}\nold\n{END}\n\nMore.\n"
    assert spliced(page, "new") == f"# Results\n\nQuality.\n\n{BEGIN}\nnew\n{END}\n\nMore.\n"
    assert spliced("# Results\n", "new") == f"# Results\n\n{BEGIN}\nnew\n{END}\n"


@pytest.mark.parametrize("page", [BEGIN, END, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_page_with_odd_markers_is_left_alone(page: str) -> None:
    with pytest.raises(BenchmarkFailed, match="speed:begin"):
        spliced(page, "new")


def test_records_are_added_and_shown(tmp_path: Path) -> None:
    out, page = tmp_path / "results" / "speed.json", tmp_path / "results.md"
    assert read_records(out) == []
    append_record(out, found("a"))
    append_record(out, found("b"))
    write_page(page, read_records(out), ["a", "b"])
    assert [each["name"] for each in read_records(out)] == ["a", "b"]
    assert page.read_text(encoding="utf-8").count("### Latency") == 2


def test_a_file_that_holds_no_records_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "other.json"
    out.write_text("[]")
    with pytest.raises(BenchmarkFailed, match="no file of benchmark records"):
        append_record(out, found())
    assert out.read_text() == "[]"


def test_every_damage_changes_the_folder_and_is_undone(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    before = contents(copy)
    for damage in damages(copy, flips=20):
        with damage.done(copy):
            assert contents(copy) != before, damage
        assert contents(copy) == before, damage


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_bundle_is_timed_beside_another(tiny_bundle: Path) -> None:
    finding = beside.measure(Setting(tiny_bundle, quick=True, other=tiny_bundle))
    assert all(float(finding.figures[name]) > 0 for name in ("ours_ms", "other_ms", "ratio"))
    with pytest.raises(BenchmarkFailed, match="--other"):
        beside.measure(Setting(tiny_bundle, quick=True))
