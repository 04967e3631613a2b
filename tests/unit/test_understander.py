"""The understander: from queries to answers on a real, tiny bundle."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from shelfsense.bundle import Bundle, write_bundle
from shelfsense.engines.engine import EngineOutput
from shelfsense.errors import BundleRefused, EngineUnavailable, InvalidQuery
from shelfsense.product_types import ProductTypeNode, ProductTypes
from shelfsense.query import Options, Query
from shelfsense.thresholds import LocaleThresholds, Thresholds
from shelfsense.type_ranking import TypeRanking
from shelfsense.understander import Understander
from shelfsense.understanding import ProductType

TREE = ProductTypes(
    "toy",
    [
        ProductTypeNode("a", "", "Apparel"),
        ProductTypeNode("b", "", "Bags"),
        ProductTypeNode("a1", "a", "Shoes"),
        ProductTypeNode("a2", "a", "Hats"),
        ProductTypeNode("b1", "b", "Backpacks"),
    ],
)
RANKING = TypeRanking(TREE, Thresholds({"de": LocaleThresholds((0.6, 0.5), "real", 0.9, "real")}))


@pytest.fixture(scope="module")
def understander(tiny_bundle: Path) -> Understander:
    return Understander.load(Bundle.open(tiny_bundle))


@pytest.fixture
def a_tag(understander: Understander) -> str:
    return understander.locales.tags[0]


def ranked(values: list[float], top_k: int = 5, *, known: bool = True) -> tuple[ProductType, ...]:
    return RANKING.rank(np.array(values, dtype=np.float32), "de", top_k, known=known).best


def test_types_come_deepest_level_first_then_by_probability() -> None:
    assert [each.id for each in ranked([0.1, 0.2, 0.3, 0.9, 0.4])] == ["a2", "b1", "a1", "a", "b"]


def test_a_type_carries_its_path_level_and_threshold() -> None:
    best = ranked([0.1, 0.2, 0.3, 0.9, 0.4])[0]
    assert (best.path, best.level, best.accepted) == (("Apparel", "Hats"), 2, True)
    assert best.probability == pytest.approx(0.9)
    assert best.threshold == 0.5


def test_top_k_counts_per_level_and_ties_fall_to_the_earlier_type() -> None:
    assert [each.id for each in ranked([0.5, 0.5, 0.5, 0.5, 0.5], top_k=1)] == ["a1", "a"]
    assert [each.id for each in ranked([0.5, 0.5, 0.4, 0.5, 0.5], top_k=2)] == ["a2", "b1", "a", "b"]


def test_a_type_is_accepted_at_its_threshold_and_never_without_its_parent() -> None:
    accepted = {each.id: each.accepted for each in ranked([0.0, 0.72, 0.55, 0.1, 0.5])}
    assert accepted == {"a": False, "a1": False, "a2": False, "b": True, "b1": True}


def test_of_an_unknown_text_nothing_is_accepted() -> None:
    assert not any(each.accepted for each in ranked([0.9] * 5, known=False))


def test_a_query_is_answered(understander: Understander, a_tag: str) -> None:
    answer = understander.understand([Query("red shoes", a_tag)])[0]
    assert answer.locale_used == a_tag
    assert answer.bundle_version == understander.bundle.version
    assert not answer.truncated
    levels = [each.level for each in answer.product_types]
    assert levels == sorted(levels, reverse=True)
    assert set(levels) == set(range(1, understander.product_types.depth + 1))


def test_no_parent_is_less_likely_than_its_child(understander: Understander, a_tag: str) -> None:
    answer = understander.understand([Query("red shoes", a_tag)], Options(top_k=100))[0]
    probability = {each.id: each.probability for each in answer.product_types}
    for node in understander.product_types.nodes:
        if node.id in probability and node.parent_id in probability:
            assert probability[node.parent_id] >= probability[node.id]


def test_neighbours_in_a_batch_do_not_change_an_answer(understander: Understander, a_tag: str) -> None:
    alone = understander.infer([understander.prepare(Query("red shoes", a_tag))])
    queries = [Query("red shoes", a_tag), Query("a much longer query about very red shoes", a_tag)]
    together = understander.infer([understander.prepare(query) for query in queries])
    np.testing.assert_allclose(together.probabilities[0], alone.probabilities[0], atol=1e-5)
    np.testing.assert_allclose(together.embeddings[0], alone.embeddings[0], atol=1e-5)


def test_no_queries_have_no_answers(understander: Understander) -> None:
    assert understander.understand([]) == []


def test_preparing_folds_the_text_and_resolves_the_locale(understander: Understander) -> None:
    prepared = understander.prepare(Query("  RED \u200bShoes ", ""))
    assert prepared.model_text == "red shoes"
    assert prepared.locale == "und"
    assert not prepared.truncated
    same = understander.prepare(Query("red shoes"))
    assert prepared.token_ids == same.token_ids


def test_the_locale_changes_the_input(understander: Understander, a_tag: str) -> None:
    ids = [understander.prepare(Query("red shoes", tag)).token_ids for tag in (a_tag, "")]
    assert ids[0] != ids[1]
    assert ids[0][2:] == ids[1][2:]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (Query(""), "text"),
        (Query(" \u200b"), "text"),
        (Query("x" * 1025), "text"),
        (Query("x " * 400), "text"),
        (Query("red\0shoes"), "text"),
        (Query("shoes", "not a tag"), "locale"),
    ],
)
def test_what_cannot_be_answered_names_its_field(understander: Understander, query: Query, field: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        understander.prepare(query)
    assert caught.value.field == field


@pytest.mark.parametrize("text", ["x " * 400, "x" * 5000])
def test_a_long_text_is_cut_and_marked_when_asked(understander: Understander, text: str) -> None:
    prepared = understander.prepare(Query(text, truncate=True))
    assert prepared.truncated
    assert len(prepared.token_ids) <= 67
    assert len(prepared.query.text) <= 1024
    assert understander.understand([Query(text, truncate=True)])[0].truncated


def test_emoji_get_an_honest_answer(understander: Understander, a_tag: str) -> None:
    options = Options(include_refused=True, max_reformulations=50)
    prepared = understander.prepare(Query("𓀀𓀁𓀂", a_tag))
    assert not prepared.known
    certain = np.ones(len(understander.product_types), dtype=np.float32)
    row = understander.infer([prepared]).rows()[0]
    answer = understander.answer(prepared, row._replace(probabilities=certain), options)
    assert answer.product_types
    assert not any(each.accepted for each in answer.product_types)
    assert answer.reformulations == ()


def test_only_the_parts_asked_for_are_answered(understander: Understander, a_tag: str) -> None:
    prepared = understander.prepare(Query("red shoes", a_tag))
    row = (prepared, understander.infer([prepared]).rows()[0], Options())
    assert understander.answer(*row, product_types=False).product_types == ()
    assert understander.answer(*row, reformulations=False).reformulations == ()
    assert understander.answer(*row, reformulations=False).product_types != ()


def test_the_description_lists_every_locale_and_und_last(understander: Understander) -> None:
    description = understander.describe()
    assert [each.locale for each in description.locales] == [*understander.locales.tags, "und"]
    assert description.label_space == understander.product_types.label_space
    assert description.bundle_version == understander.bundle.version
    assert description.embedding_width == understander.bundle.manifest["embedding"]["width"]
    for each in description.locales:
        assert each.evidence in {"real", "composed", "fallback"}
        assert len(each.thresholds) == understander.product_types.depth


def test_a_network_that_answers_no_number_is_unavailable(
    understander: Understander, monkeypatch: pytest.MonkeyPatch, a_tag: str
) -> None:
    class Broken:
        def run(self, token_ids: list[tuple[int, ...]]) -> EngineOutput:
            wrong: NDArray[np.float32] = np.full((len(token_ids), 2), np.nan, dtype=np.float32)
            return EngineOutput(wrong, wrong)

    monkeypatch.setattr(understander, "_engine", Broken())
    with pytest.raises(EngineUnavailable, match="no number"):
        understander.understand([Query("red shoes", a_tag)])


def copy_of(tiny_bundle: Path, out: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> Bundle:
    """Return the tiny bundle written again with changes, digests right."""
    bundle = Bundle.open(tiny_bundle)
    manifest = {key: value for key, value in bundle.manifest.items() if key not in {"files", "format_version"}}
    files = {name: bundle.read(name) for name in bundle.manifest["files"]}
    change(manifest, files)
    return write_bundle(out, manifest, files)


def test_a_bundle_of_the_same_vocabulary_shares_it_and_keeps_its_own_locales(
    understander: Understander, tiny_bundle: Path, tmp_path: Path
) -> None:
    tags = list(understander.locales.tags)

    def fewer(manifest: dict[str, Any], _files: dict[str, bytes]) -> None:
        manifest["backbone"] = {**manifest["backbone"], "max_tokens": 3}

    other = Understander.load(copy_of(tiny_bundle, tmp_path / "other", fewer), beside=understander)
    alone = Understander.load(other.bundle)
    query = Query("red running shoes, coffee", tags[0])
    assert other.tokenizer._tokenizer is understander.tokenizer._tokenizer
    assert alone.tokenizer._tokenizer is not understander.tokenizer._tokenizer
    assert (other.tokenizer.max_tokens, understander.tokenizer.max_tokens) == (3, 64)
    for each in (other, alone):
        with pytest.raises(InvalidQuery):
            each.prepare(query)
    assert understander.prepare(query) == Understander.load(Bundle.open(tiny_bundle)).prepare(query)


def test_another_vocabulary_is_read_beside_the_first_and_a_damaged_one_is_refused(
    understander: Understander, tiny_bundle: Path, tmp_path: Path
) -> None:
    def longer(_manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        files["tokenizer.json"] += b" "

    other = Understander.load(copy_of(tiny_bundle, tmp_path / "other", longer), beside=understander)
    assert other.tokenizer._tokenizer is not understander.tokenizer._tokenizer
    same = copy_of(tiny_bundle, tmp_path / "same", lambda *_: None)
    (same.path / "tokenizer.json").write_bytes(b"{}")
    with pytest.raises(BundleRefused, match="tokenizer"):
        Understander.load(same, beside=understander)


@pytest.mark.parametrize("name", ["tokenizer.json", "model.onnx", "product_types.json", "thresholds.json"])
@pytest.mark.parametrize("content", [b"", b"{}", None])
def test_a_file_that_does_not_parse_is_refused_by_name(
    tiny_bundle: Path, tmp_path: Path, name: str, content: bytes | None
) -> None:
    def change(_manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        if content is None:
            del files[name]
        else:
            files[name] = content

    bundle = copy_of(tiny_bundle, tmp_path / "bundle", change)
    with pytest.raises(BundleRefused) as caught:
        Understander.load(bundle)
    assert caught.value.file == name
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("changes", "file", "fact"),
    [
        ({"embedding": {"width": 3}}, None, "width|float16"),
        ({"embedding": {}}, "manifest.json", "embedding.width is None"),
        ({"backbone": {"max_tokens": 0}}, "manifest.json", "backbone.max_tokens is 0"),
        ({"locales": ["no tag"]}, "manifest.json", "not a BCP 47 tag"),
        ({"locales": ["de", "de"]}, "manifest.json", "twice"),
        ({"locales": "de"}, "manifest.json", "no list of tags"),
        ({"locales": ["sw"]}, "thresholds.json", "no thresholds for the locale sw"),
    ],
)
def test_a_manifest_that_does_not_fit_the_files_is_refused(
    tiny_bundle: Path, tmp_path: Path, changes: dict[str, Any], file: str | None, fact: str
) -> None:
    bundle = copy_of(tiny_bundle, tmp_path / "bundle", lambda manifest, _files: manifest.update(changes))
    with pytest.raises(BundleRefused, match=fact) as caught:
        Understander.load(bundle)
    assert file is None or caught.value.file == file


def test_a_model_whose_width_differs_from_the_manifest_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    def change(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        manifest["embedding"] = {**manifest["embedding"], "width": manifest["embedding"]["width"] + 1}
        for name in [name for name in files if name.startswith("head_index/")]:
            del files[name]

    with pytest.raises(BundleRefused, match=r"model.onnx: answers embeddings as float32"):
        Understander.load(copy_of(tiny_bundle, tmp_path / "bundle", change))


def test_a_model_of_another_tree_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    def change(_manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        table = json.loads(files["product_types.json"])
        table["nodes"].append(["one-too-many", "", "One too many"])
        files["product_types.json"] = json.dumps(table).encode()

    with pytest.raises(BundleRefused, match=r"model.onnx: answers probabilities as float32"):
        Understander.load(copy_of(tiny_bundle, tmp_path / "bundle", change))


def test_an_engine_of_no_name_is_unavailable(tiny_bundle: Path) -> None:
    with pytest.raises(EngineUnavailable, match="choose one of onnx"):
        Understander.load(Bundle.open(tiny_bundle), engine="abacus")


def test_ranking_1704_types_takes_well_under_a_millisecond() -> None:
    nodes = [ProductTypeNode(f"r{i}", "", "r") for i in range(26)]
    nodes += [ProductTypeNode(f"a{i}", f"r{i % 26}", "a") for i in range(250)]
    nodes += [ProductTypeNode(f"b{i}", f"a{i * 7 % 250}", "b") for i in range(1428)]
    ranking = TypeRanking(
        ProductTypes("big", nodes), Thresholds({"de": LocaleThresholds((0.5, 0.5, 0.5), "real", 0.9, "real")})
    )
    row = np.random.default_rng(0).random(1704, dtype=np.float32)
    times = []
    for _ in range(50):
        start = time.perf_counter()
        ranking.rank(row, "de", 5)
        times.append(time.perf_counter() - start)
    assert min(times) < 500e-6  # 150 us where it was written; the rest is for a busy machine
