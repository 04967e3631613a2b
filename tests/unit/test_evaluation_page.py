"""The pictures of an evaluation: their arithmetic by hand, and a page that neither loads nor runs what it should not."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfsense.errors import InputRefused
from shelfsense.product_types import ProductTypes
from shelfsense_training.evaluation.labelled_queries import LabelledQueries, LabelledQuery
from shelfsense_training.evaluation.page.confusions import confusions_of
from shelfsense_training.evaluation.page.curve import _distances, precision_recall_points, simplified
from shelfsense_training.evaluation.page.estimates import colours_of
from shelfsense_training.evaluation.page.markup import Markup, element, number
from shelfsense_training.evaluation.page.measured import Measured
from shelfsense_training.evaluation.page.page import report_page
from shelfsense_training.evaluation.page.reliability import (
    calibration_error,
    error_by_chance,
    reliability_bins,
    wilson,
)
from shelfsense_training.evaluation.page.scales import Linear, Log, LogFromZero, bounds, decades, steps
from shelfsense_training.evaluation.page.study import Study
from shelfsense_training.evaluation.page.svg import spread
from shelfsense_training.evaluation.report import BUNDLE, FASTTEXT, Bootstrap, System, level_reports
from tiny import TINY_TREE

HOSTILE = "</script><img src=x onerror=alert(1)>\" ' & <b>\x07\u202e"
STUDY: dict[str, list[dict[str, Any]]] = {
    "variants": [
        {"data": "real", "metric": "R@P0.8", "scope": scope, "variant": variant, "value": value, "low": value - 0.01}
        | {"high": value + 0.01, "seeds": 3}
        for scope in ("global", "de")
        for variant, value in (("non-unified", 0.4), ("aware", 0.5))
    ],
    "gains": [
        {"data": "real", "locale": "sv-SE", "training_queries": 312, "gain": 0.21, "low": -0.05, "high": 0.4},
        {"data": "real", "locale": "de", "training_queries": 9000, "gain": -0.01, "low": None, "high": None},
    ],
    "cold_start": [
        {"data": "real", "locale": "pl", "system": "aware, und", "labels": labels, "metric": "R@P0.8", "value": value}
        for labels, value in ((0, 0.3), (50, 0.35), (200, 0.4))
    ]
    + [{"data": "real", "locale": "pl", "system": "full data", "labels": None, "metric": "R@P0.8", "value": 0.45}],
}


def measured(
    *, systems: Iterable[str] = (BUNDLE,), locales: tuple[str, ...] = ("en", "de"), text: str = ""
) -> Measured:
    """Sixty queries; half of the answers are wrong at each level."""
    types = ProductTypes.from_table("tiny", TINY_TREE)
    generator = np.random.default_rng(5)
    leaves = types.by_level[2].tolist()
    queries = []
    for i in range(60):
        right = tuple(sorted(types.ancestors(leaves[i % len(leaves)])))
        queries.append(LabelledQuery(text or f"query {i}", locales[i % len(locales)], right, (), 1.0, f"line {i}"))
    data = LabelledQueries(tuple(queries), 3)
    found = []
    for name in systems:
        scores = types.monotone(generator.random((60, len(types)), dtype=np.float32))
        found.append(System(name, scores, scores > 0.9))
    report = {
        "bundle_version": "tiny-1",
        "label_space": "tiny",
        "target_precision": 0.8,
        "data": {"file": "own.csv", "queries": 60, "unmapped": 0, "without_positive": 3, "unknown": 0},
        "bootstrap": {"resamples": 20, "seed": 0, "level": 0.95},
        "baseline": None,
        "levels": level_reports(found, data, types, Bootstrap(20, 0)),
    }
    return Measured(report, found, data, types)


def written(folder: Path, study: Any) -> Path:
    path = folder / "study.json"
    path.write_text(json.dumps(study))
    return path


class Outline(HTMLParser):
    """Every element's name and attributes, and what stands in scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)

    @property
    def sections(self) -> list[str | None]:
        return [attributes.get("id") for tag, attributes in self.elements if tag == "section"]


def test_scales_place_their_ends_and_middles() -> None:
    assert [Linear(0, 2, 10, 110)(value) for value in (0, 1, 2)] == [10, 60, 110]
    assert Linear(0, 1, 100, 0)(0.25) == 75
    assert [Log(10, 1000, 0, 100)(value) for value in (10, 100, 1000)] == pytest.approx([0, 50, 100])
    # log(1 + 3) is half of log(1 + 15).
    assert [LogFromZero(1, 15, 0, 100)(value) for value in (0, 3, 15)] == pytest.approx([0, 50, 100])


def test_ticks_are_round_and_inside() -> None:
    assert steps(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert steps(-0.07, 0.42, 5) == [0, 0.1, 0.2, 0.3, 0.4]
    assert decades(80, 1200) == [100, 200, 500, 1000]
    assert decades(10, 100_000) == [10, 100, 1000, 10_000, 100_000]
    assert bounds([0.0, 1.0]) == pytest.approx((-0.05, 1.05))
    low, high = bounds([0.3, 0.3])
    assert low < 0.3 < high


def test_labels_are_moved_apart_and_stay_between_the_bounds() -> None:
    assert spread([50, 10, 52], 15, 0, 100) == [50, 10, 65]
    assert spread([98, 99], 15, 0, 100) == [85, 100]
    assert spread([], 15, 0, 100) == []


def test_a_precision_recall_curve_by_hand() -> None:
    # Ranked: right, wrong, (right, wrong: one score), right; three right in all.
    scores = np.array([[0.9, 0.8], [0.5, 0.5], [0.2, 0.1]])
    labels = np.array([[True, False], [True, False], [True, False]])
    points = precision_recall_points(scores, labels, minimum=1)
    assert points == pytest.approx(np.array([[1 / 3, 1], [1 / 3, 1 / 2], [2 / 3, 2 / 4], [1, 3 / 5], [1, 3 / 6]])[:-1])
    assert precision_recall_points(scores, labels, minimum=5)[0] == pytest.approx([1, 3 / 5])
    assert len(precision_recall_points(scores, labels, minimum=20)) == 0
    assert len(precision_recall_points(scores, np.zeros_like(labels), minimum=1)) == 0


def test_a_simplified_line_keeps_its_corners_and_nothing_on_the_way() -> None:
    points = np.array([[0, 1], [0.25, 1], [0.5, 1], [0.75, 0.5], [1, 0]], dtype=float)
    assert simplified(points, 0.01).tolist() == [[0, 1], [0.5, 1], [1, 0]]
    noisy = np.column_stack([np.linspace(0, 1, 300), np.random.default_rng(1).random(300)])
    kept = simplified(noisy, 0.1)
    away = np.min([_distances(noisy, a, b) for a, b in pairwise(kept)], axis=0)
    assert len(kept) < 300
    assert away.max() <= 0.1


def test_reliability_bins_by_hand() -> None:
    stated = np.array([0.1, 0.3, 0.8, 0.6, 1.0], dtype=np.float32)
    right = np.array([False, True, True, True, False])
    low, high = reliability_bins(stated, right, bins=2)
    assert (low.count, high.count) == (2, 3)
    assert (low.stated, low.right) == pytest.approx((0.2, 0.5))
    assert (high.stated, high.right) == pytest.approx((0.8, 2 / 3))
    assert high.low < high.right < high.high


def test_wilson_is_the_published_interval() -> None:
    # 8 of 10, Wilson 1927: (0.4902, 0.9433).
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 10)[0] == pytest.approx(0)
    assert wilson(10, 10)[1] == pytest.approx(1)


def test_chance_makes_an_error_that_shrinks_with_queries() -> None:
    few, many = (error_by_chance(np.full(n, 0.7, dtype=np.float32), 0) for n in (50, 5000))
    assert many[1] < few[1] / 5
    assert error_by_chance(np.full(50, 0.7, dtype=np.float32), 0) == few
    # Stated 0.7, right half of the time: the gap is 0.2, far beyond chance.
    stated, right = np.full(5000, 0.7, dtype=np.float32), np.arange(5000) % 2 == 0
    assert calibration_error(stated, right) == pytest.approx(0.2)
    assert many[1] < 0.05


def test_confusions_are_counted_by_pair_and_the_surest_error_comes_first() -> None:
    types = ProductTypes.from_table("tiny", TINY_TREE)
    shoes, other = types.by_level[1][:2].tolist()
    queries = tuple(LabelledQuery(f"q{i}", "en", (shoes,), (), 1.0, "") for i in range(4))
    scores = np.zeros((4, len(types)), dtype=np.float32)
    scores[:, shoes] = 0.5
    scores[1, other], scores[3, other] = 0.6, 0.9
    system = System(BUNDLE, scores, scores > 0.8)
    found = confusions_of(Measured({"levels": {"1": {}}}, [system], LabelledQueries(queries, 0), types), 1)
    assert [(pair.meant, pair.answered, pair.queries, pair.accepted) for pair in found] == [(shoes, other, (3, 1), 1)]


def test_text_is_escaped_and_only_our_own_markup_passes() -> None:
    assert element("b", {"title": 'a"b'}, "<i>") == '<b title="a&quot;b">&lt;i&gt;</b>'
    assert element("b", None, Markup("<i></i>")) == "<b><i></i></b>"
    assert element("b", None, "a\x00b") == "<b>a\ufffdb</b>"
    assert [number(value) for value in (1.0, -0.001, 2.346)] == ["1", "0", "2.35"]


def test_hostile_query_texts_stay_text() -> None:
    page = report_page(measured(text=HOSTILE))
    outline = Outline(page)
    names = {tag for tag, _ in outline.elements}
    assert "img" not in names
    assert len(outline.scripts) == 1
    assert "alert" not in outline.scripts[0]
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "\x07" not in page
    assert not any(name.startswith("on") for _, attributes in outline.elements for name in attributes)


def test_the_page_is_whole_in_itself(tmp_path: Path) -> None:
    page = report_page(measured(systems=(BUNDLE, FASTTEXT)), Study.read(written(tmp_path, STUDY)))
    outline = Outline(page)
    assert outline.open == []
    links = [
        value
        for _, attributes in outline.elements
        for name, value in attributes.items()
        if name in {"src", "href", "xlink:href", "srcset", "data", "action", "style"}
    ]
    assert links
    assert all(value and value.startswith("#") for value in links)
    identifiers = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(set(identifiers)) == len(identifiers)
    assert {str(link)[1:] for link in links} <= set(identifiers)
    assert not re.search(r"https?:|//[a-z]|url\(|@import", page.replace("// Shows", ""))
    assert not {"link", "img", "iframe", "object", "embed"} & {tag for tag, _ in outline.elements}


def test_the_content_policy_allows_the_pages_own_script_and_style_alone() -> None:
    page = report_page(measured())
    policy = next(str(a["content"]) for _, a in Outline(page).elements if "Policy" in str(a.get("http-equiv")))
    assert policy.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        (inline,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_every_picture_has_a_name_a_description_and_its_source() -> None:
    page = report_page(measured())
    pictures = re.findall(r'<svg [^>]*role="img"[^>]*><title>([^<]+)</title><desc>([^<]*)</desc>', page)
    assert len(pictures) == page.count('role="img"')
    for shown in re.findall(r"<figure>.*?</figure>", page, re.DOTALL):
        assert 'class="aid"' in shown
        assert "n = " in shown
        assert "whether they are real or simulated was not stated" in shown


def test_sections_stand_only_where_there_is_data(tmp_path: Path) -> None:
    always = ["precision-recall", "reliability", "locales", "confusions"]
    assert Outline(report_page(measured())).sections == always
    for key, identifier in (("variants", "variants"), ("gains", "gain"), ("cold_start", "cold-start")):
        study = Study.read(written(tmp_path, {key: STUDY[key]}))
        page = report_page(measured(), study)
        assert set(Outline(page).sections) == {*always, identifier}
        assert f'href="#{identifier}"' in page
    alone = report_page(measured(locales=("en",)))
    assert "locale by locale</h3>" not in alone
    assert 'id="chooser"' not in alone


def test_without_queries_no_text_of_the_data_is_on_the_page() -> None:
    assert "query 7" in report_page(measured(text="query 7"))
    page = report_page(measured(text="query 7"), queries=False)
    assert "query 7" not in page
    assert "Query texts were left out." in page
    assert "Holds query texts" not in page


def test_the_baseline_is_drawn_where_there_is_one() -> None:
    assert "fastText, trained on" not in report_page(measured())
    page = report_page(measured(systems=(BUNDLE, FASTTEXT)))
    assert "fastText, trained on" in page
    assert 'class="c2 ring"' in page


def test_variants_keep_their_colours() -> None:
    assert colours_of(["aware", "x", "agnostic", "aware"]) == {"aware": "c1", "x": "c2", "agnostic": "c4"}
    assert colours_of(["aware", "aware, und"])["aware, und"] != "c1"


@pytest.mark.parametrize(
    ("study", "fact"),
    [
        ([], "is no object"),
        ({"gains": {}}, "gains is no list"),
        ({"variants": [{"data": "real"}]}, r"variants\[0\]: lacks metric"),
        ({"variants": [STUDY["variants"][0], 3]}, r"variants\[1\]: lacks data"),
        ({"variants": [STUDY["variants"][0] | {"value": "high"}]}, "value is 'high', not a number"),
        ({"variants": [STUDY["variants"][0] | {"low": 0.9}]}, "low 0.9 is above high 0.41"),
        ({"variants": [STUDY["variants"][0] | {"low": None}]}, "one end of its interval"),
        ({"gains": [STUDY["gains"][0] | {"training_queries": 0}]}, "training_queries is 0"),
        ({"cold_start": [STUDY["cold_start"][0] | {"labels": 2.5}]}, "labels is 2.5, not a whole number"),
    ],
)
def test_a_study_that_is_not_one_is_refused_with_its_place(tmp_path: Path, study: Any, fact: str) -> None:
    with pytest.raises(InputRefused, match=f"study.json: .*{fact}"):
        Study.read(written(tmp_path, study))


def test_a_study_that_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.json"
    path.write_text("{")
    with pytest.raises(InputRefused, match="cannot be read as JSON"):
        Study.read(path)
    with pytest.raises(InputRefused, match="cannot be read as JSON"):
        Study.read(tmp_path / "none.json")
