"""The precise mode: what a re-ranker decides, what it may not decide, and where nothing changes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from shelfsense.annotation import Annotator
from shelfsense.annotation.row import Row
from shelfsense.bundle import Bundle
from shelfsense.errors import BundleRefused, EngineUnavailable
from shelfsense.locales import Locales
from shelfsense.pair_input import pair_input
from shelfsense.precise_score import PreciseScore
from shelfsense.product_types import ProductTypes
from shelfsense.query import Options, Query
from shelfsense.reformulation.head_index import Head, HeadIndex, head_index_files
from shelfsense.reformulation.precise_reformulator import MOST_CANDIDATES, PreciseReformulator
from shelfsense.reformulation.reformulator import Asked, Reformulator
from shelfsense.reranking import Reranking
from shelfsense.thresholds import THRESHOLDS, LocaleThresholds, Thresholds
from shelfsense.understander import Understander
from shelfsense_training.bundle_building import rewrite_bundle
from tiny import LOCALES, TINY_TREE
from tiny_heads import bundle_of
from tiny_reranker import SURE, with_reranker

PRECISE = Options(precise=True)
TYPES = ProductTypes.from_table("tiny", TINY_TREE)
NO_TYPE = np.zeros(len(TYPES), dtype=np.float32)


@pytest.fixture(scope="module")
def plain(tiny_bundle: Path) -> Understander:
    return Understander.load(Bundle.open(tiny_bundle))


@pytest.fixture(scope="module")
def precise(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Understander:
    out = tmp_path_factory.mktemp("precise") / "bundle"
    return Understander.load(with_reranker(Bundle.open(tiny_bundle), out, en=SURE))


QUERIES = [Query(text, tag) for tag in ("en", "de", "ja", "") for text in ("shoes", "running shoes", "kaffee", "😀")]


def test_the_score_is_the_sigmoid_of_logit_and_cosine() -> None:
    # 2 x 0.5 + 4 x 0.75 - 3 = 1, and 1 / (1 + 1/e) = 0.7311.
    assert PreciseScore(2.0, -3.0, 0.5, 4.0).of(0.5, 0.75) == pytest.approx(0.731058, abs=1e-6)
    assert PreciseScore(1.0, 0.0, 0.5).of(-1e9, 1.0) == pytest.approx(0.0)


def test_without_being_asked_for_a_bundle_with_a_re_ranker_answers_bit_for_bit_as_before(
    plain: Understander, precise: Understander
) -> None:
    options = Options(top_k=100, include_refused=True)
    before, after = plain.understand(QUERIES, options), precise.understand(QUERIES, options)
    assert before == after
    assert any(answer.reformulations for answer in before)


def test_precise_has_no_effect_without_a_re_ranker_or_without_a_precise_score(
    plain: Understander, precise: Understander, tiny_bundle: Path, tmp_path: Path
) -> None:
    options = Options(include_refused=True)
    asked = dataclasses.replace(options, precise=True)
    assert plain.understand(QUERIES, asked) == plain.understand(QUERIES, options)
    german = [query for query in QUERIES if query.locale == "de"]
    assert precise.understand(german, asked) == precise.understand(german, options)
    scores_alone = json.loads(with_reranker(Bundle.open(tiny_bundle), tmp_path / "with", en=SURE).read(THRESHOLDS))
    files = {THRESHOLDS: json.dumps(scores_alone).encode()}
    bundle = rewrite_bundle(Bundle.open(tiny_bundle), tmp_path / "scores_alone", files=files)
    assert Understander.load(bundle).understand(QUERIES, asked) == plain.understand(QUERIES, options)


def test_a_precise_answer_has_the_re_rankers_scores_best_first(precise: Understander) -> None:
    query = Query("shoes", "en")
    prepared = precise.prepare(query)
    shortlist = precise.shortlist(prepared, precise.infer([prepared]).rows()[0], PRECISE)
    assert shortlist is not None
    heads = [candidate.match.query for tier in shortlist.tiers for candidate in tier.candidates]
    assert heads
    (reranked,) = precise.rerank([shortlist])
    expected = {
        head: pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)
        for head, logit in zip(heads, reranked.logits.tolist(), strict=True)
    }
    (answer,) = precise.understand([query], dataclasses.replace(PRECISE, include_refused=True, max_reformulations=50))
    shown = {each.query: each.score for each in answer.reformulations if each.query in heads}
    assert shown == expected
    assert [each.score for each in answer.reformulations] == sorted(
        (each.score for each in answer.reformulations), reverse=True
    )
    for each in answer.reformulations:
        assert each.accepted == (not each.refusal)
        assert each.score >= 0.5 or not each.accepted


def test_the_pairs_are_the_query_with_its_locale_and_the_heads_text(precise: Understander) -> None:
    prepared = precise.prepare(Query("shoes", "en"))
    shortlist = precise.shortlist(prepared, precise.infer([prepared]).rows()[0], PRECISE)
    assert shortlist is not None
    heads = [precise.prepare(Query(each.match.query, "en")) for each in shortlist.tiers[0].candidates]
    assert [list(pair) for pair in shortlist.pairs] == [
        pair_input(prepared.token_ids, head.token_ids) for head in heads
    ]


def test_queries_together_get_the_answers_they_get_alone(precise: Understander) -> None:
    options = Options(precise=True, include_refused=True)
    together = precise.understand(QUERIES, options)
    alone = [precise.understand([query], options)[0] for query in QUERIES]
    for one, other in zip(together, alone, strict=True):
        assert [each.query for each in one.reformulations] == [each.query for each in other.reformulations]
        assert [each.score for each in one.reformulations] == pytest.approx(
            [x.score for x in other.reformulations], abs=1e-3
        )


def test_annotations_are_precise_where_that_is_asked_for(precise: Understander) -> None:
    options = Options(precise=True, include_refused=True)
    rows = [Row(query.text.encode(), query.locale.encode()) for query in QUERIES]
    found = Annotator(precise, options).annotate(rows)
    expected = precise.understand(QUERIES, options)
    assert [each.reformulations for each in found] == [tuple(x.query for x in each.reformulations) for each in expected]
    assert found != Annotator(precise, Options(include_refused=True)).annotate(rows)


def test_a_locale_onboarded_after_the_re_ranker_is_read_as_one_of_its_language(precise: Understander) -> None:
    class Fewer:
        locales = Locales(("de",))

        def scores(self, pairs: Sequence[Sequence[int]]) -> NDArray[np.float32]:
            return np.array([pair[1] for pair in pairs], dtype=np.float32)

    reranking = Reranking(Fewer(), precise.tokenizer)
    words = precise.tokenizer.vocabulary_size
    head = precise.heads.search("en", precise.infer([precise.prepare(Query("shoes", "en"))]).embeddings[0], 1)
    for tag, place in (("de", 0), ("de-AT", 0), ("ja", 1), ("und", 1)):
        assert reranking.pairs((0, 999, 5, 2), tag, head)[0][1] == words + place


def test_a_re_ranker_that_answers_no_number_is_unavailable(
    precise: Understander, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        locales = Locales(LOCALES)

        def scores(self, pairs: Sequence[Sequence[int]]) -> NDArray[np.float32]:
            return np.full(len(pairs), np.nan, dtype=np.float32)

    monkeypatch.setattr(precise._reranking, "_reranker", Broken())
    with pytest.raises(EngineUnavailable, match="no number"):
        precise.understand([Query("shoes", "en")], PRECISE)
    assert precise.understand([Query("shoes", "en")])


def two_passes(
    heads: list[Head], vectors: Sequence[Sequence[float]], folder: Path, **precise: PreciseScore
) -> PreciseReformulator:
    """Return the precise reformulator of a few heads, in locales whose cosine accepts from 0.9."""
    files = head_index_files(heads, np.array(vectors, dtype=np.float32))
    index = HeadIndex.load(bundle_of(folder, files))
    table = {
        tag: LocaleThresholds((0.5, 0.5), "real", 0.9, "real", precise=precise.get(tag)) for tag in ("de", "en", "und")
    }
    thresholds = Thresholds(table)
    return PreciseReformulator(Reformulator(index, thresholds, TYPES), thresholds)


ASKED = Asked("shoes", "shoes", "en")
EAST = np.array([1, 0, 0], dtype=np.float32)


def shown(found: list[Any]) -> list[tuple[str, bool]]:
    return [(each.query, each.accepted) for each in found]


def test_the_re_ranker_accepts_what_the_cosine_would_not_and_refuses_what_it_would(tmp_path: Path) -> None:
    heads = [Head("footwear", "en", 1.0), Head("trainers", "en", 1.0)]
    passes = two_passes(heads, [[1, 0, 0], [0.6, 0.8, 0]], tmp_path, en=SURE)
    tiers = passes.shortlist(ASKED, EAST, NO_TYPE, PRECISE)
    assert [each.match.query for each in tiers[0].candidates] == ["footwear", "trainers"]
    assert shown(passes.choose(tiers, [-1.0, 1.0], PRECISE)) == [("trainers", True)]
    refused = passes.choose(tiers, [-1.0, 1.0], Options(precise=True, include_refused=True))
    assert shown(refused) == [("trainers", True), ("footwear", False)]
    assert refused[1].refusal == "below the threshold 0.5"


def test_what_a_gate_refuses_is_never_accepted_and_is_scored_only_to_be_shown(tmp_path: Path) -> None:
    heads = [Head("shoes 2 pack", "en", 1.0), Head("footwear", "en", 1.0)]
    passes = two_passes(heads, [[1, 0, 0], [0.8, 0.6, 0]], tmp_path, en=SURE)
    tiers = passes.shortlist(ASKED, EAST, NO_TYPE, PRECISE)
    assert [each.match.query for each in tiers[0].candidates] == ["footwear"]
    options = Options(precise=True, include_refused=True)
    tiers = passes.shortlist(ASKED, EAST, NO_TYPE, options)
    assert [each.match.query for each in tiers[0].candidates] == ["footwear", "shoes 2 pack"]
    assert shown(passes.choose(tiers, [0.0, 5.0], options)) == [("shoes 2 pack", False), ("footwear", True)]


def test_refused_heads_take_no_place_among_the_candidates(tmp_path: Path) -> None:
    heads = [Head(f"shoes {i} pack", "en", 1.0) for i in range(2, 10)]
    heads += [Head(f"footwear no{'o' * i}", "en", 1.0) for i in range(2, 24)]
    passes = two_passes(heads, [[1, 0, 0]] * 8 + [[0.8, 0.6, 0]] * 22, tmp_path, en=SURE)
    for include in (False, True):
        options = Options(max_reformulations=5, precise=True, include_refused=include)
        candidates = passes.shortlist(ASKED, EAST, NO_TYPE, options)[0].candidates
        assert sum(not each.refusal for each in candidates) == MOST_CANDIDATES
        assert sum(bool(each.refusal) for each in candidates) == (5 if include else 0)


def test_equal_words_need_no_re_ranker(tmp_path: Path) -> None:
    heads = [Head("shoes", "en", 1.0), Head("footwear", "en", 1.0)]
    passes = two_passes(heads, [[0, 1, 0], [1, 0, 0]], tmp_path, en=SURE)
    tiers = passes.shortlist(ASKED, EAST, NO_TYPE, PRECISE)
    assert [each.match.query for each in tiers[0].candidates] == ["footwear"]
    assert shown(passes.choose(tiers, [-9.0], PRECISE)) == [("shoes", True)]


def test_sister_locales_count_only_where_the_own_one_has_nothing_accepted(tmp_path: Path) -> None:
    heads = [Head("footwear", "en", 1.0), Head("schuhe", "de", 1.0)]
    passes = two_passes(heads, [[1, 0, 0], [1, 0, 0]], tmp_path, en=SURE, de=SURE)
    options = Options(precise=True, cross_locale=True)
    tiers = passes.shortlist(ASKED, EAST, NO_TYPE, options)
    assert shown(passes.choose(tiers, [1.0, 2.0], options)) == [("footwear", True)]
    assert shown(passes.choose(tiers, [-1.0, 2.0], options)) == [("schuhe", True)]


def test_a_locale_without_a_precise_score_keeps_its_cosine_beside_one_that_has(tmp_path: Path) -> None:
    heads = [Head("footwear", "en", 1.0), Head("schuhe", "de", 1.0)]
    passes = two_passes(heads, [[1, 0, 0], [0.6, 0.8, 0]], tmp_path, de=SURE)
    options = Options(precise=True, cross_locale=True)
    assert not passes.applies("en", PRECISE)
    assert passes.applies("en", options)
    tiers = passes.shortlist(ASKED, EAST, NO_TYPE, options)
    assert len(tiers) == 1  # accepted by its cosine, so that no other locale is searched
    assert shown(passes.choose(tiers, [], options)) == [("footwear", True)]


def test_a_threshold_that_nothing_reaches_asks_nothing_of_the_re_ranker(tmp_path: Path) -> None:
    never = PreciseScore(1.0, 0.0, 2.0)
    passes = two_passes([Head("footwear", "en", 1.0)], [[1, 0, 0]], tmp_path, en=never)
    tiers = passes.shortlist(ASKED, EAST, NO_TYPE, PRECISE)
    assert tiers[0].candidates == ()
    assert passes.choose(tiers, [], PRECISE) == []
    options = Options(precise=True, include_refused=True)
    (found,) = passes.choose(passes.shortlist(ASKED, EAST, NO_TYPE, options), [9.0], options)
    assert found.refusal == "no threshold held the target precision in en"


def test_precise_scores_come_back_from_thresholds_json() -> None:
    entry = LocaleThresholds((0.5,), "real", 0.9, "real", precise=PreciseScore(2.0, -1.0, 0.75, 3.0))
    table = Thresholds({"de": entry, "und": dataclasses.replace(entry, precise=None)})
    assert Thresholds.from_json(table.to_json()) == table
    assert "precise" not in json.loads(table.to_json())["locales"]["und"]
    plain = json.loads(table.to_json())
    del plain["locales"]["de"]["precise"]["cosine_weight"]
    read = Thresholds.from_json(json.dumps(plain).encode()).by_locale["de"].precise
    assert read == PreciseScore(2.0, -1.0, 0.75)


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"scale": 0}, "not a number above 0"),
        ({"threshold": -1}, "not a number of 0 or more"),
        ({"cosine_weight": "much"}, "not a number"),
        ({"shift": None}, "not a number"),
    ],
)
def test_a_precise_score_that_is_none_is_refused(changes: dict[str, Any], fact: str) -> None:
    entry = LocaleThresholds((0.5,), "real", 0.9, "real", precise=PreciseScore(2.0, -1.0, 0.75, 3.0))
    table = json.loads(Thresholds({"de": entry}).to_json())
    table["locales"]["de"]["precise"] |= changes
    with pytest.raises(BundleRefused, match=f"de: precise.*{fact}"):
        Thresholds.from_json(json.dumps(table).encode())
