"""The reformulator: threshold, gates, the same words, and sister locales."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shelfsense.bundle import write_bundle
from shelfsense.errors import BundleRefused
from shelfsense.product_types import ProductTypeNode, ProductTypes
from shelfsense.query import Options
from shelfsense.reformulation.attribute_spans import AttributeSpan, spans_to_text
from shelfsense.reformulation.head_index import Head, HeadIndex, head_index_files
from shelfsense.reformulation.reformulator import Asked, Reformulator
from shelfsense.thresholds import NEVER, LocaleThresholds, Thresholds
from shelfsense.understanding import Reformulation

TYPES = ProductTypes(
    "toy",
    [ProductTypeNode("wear", "", "Wear"), ProductTypeNode("food", "", "Food"), ProductTypeNode("shoe", "wear", "Shoe")],
)
THRESHOLDS = Thresholds(
    {
        tag: LocaleThresholds((0.5, 0.5), "real", threshold, "real")
        for tag, threshold in {
            "de": 0.87,
            "en": 0.95,
            "pt-BR": 0.8,
            "pt-PT": 0.8,
            "tr": 0.8,
            "fi": NEVER,
            "und": NEVER,
        }.items()
    }
)
HEADS = [
    (Head("rote schuhe", "de", 900.0, product_type="shoe"), 0.98),
    (Head("rote sneaker", "de", 500.0, product_type="shoe"), 0.9),
    (Head("rotes schuhwerk", "de", 700.0), 0.9),
    (Head("rote schuhe 42", "de", 100.0, product_type="shoe"), 0.97),
    (Head("rote grütze", "de", 300.0, product_type="food"), 0.95),
    (Head("blaue schuhe", "de", 800.0, product_type="shoe"), 0.5),
    (Head("gift", "en", 400.0), 0.6),
    (Head("red shoes", "en", 400.0), 0.96),
    (Head("crimson shoes", "en", 10.0), 0.94),
    (Head("tênis vermelho", "pt-BR", 50.0), 0.9),
    (Head("sapatilhas vermelhas", "pt-PT", 5.0), 0.85),
    (Head("kırmızı ayakkabı", "tr", 5.0), 0.1),
    (Head("punaiset kengät", "fi", 5.0), 1.0),
]
EMBEDDING = np.array([1.0, 0.0], dtype=np.float32)
WEAR = np.array([0.9, 0.001, 0.9], dtype=np.float32)


@pytest.fixture(scope="module")
def reformulator(tmp_path_factory: pytest.TempPathFactory) -> Reformulator:
    return Reformulator(index_of(tmp_path_factory.mktemp("heads"), HEADS), THRESHOLDS, TYPES)


def index_of(folder: Path, heads: list[tuple[Head, float]]) -> HeadIndex:
    """Return an index whose heads have the given cosines with `EMBEDDING`."""
    vectors = np.array([[cosine, np.sqrt(1 - cosine**2)] for _, cosine in heads], dtype=np.float32)
    manifest = {"bundle_version": "1", "label_space": "toy", "locales": [], "backbone": {}, "embedding": {"width": 2}}
    files = head_index_files([head for head, _ in heads], vectors)
    return HeadIndex.load(write_bundle(folder / "bundle", manifest, files))


def ask(
    reformulator: Reformulator, text: str, locale: str, *, known: bool = True, **options: bool | int
) -> list[Reformulation]:
    asked = Asked(text, text.lower(), locale, known)
    return reformulator.reformulate(asked, EMBEDDING, WEAR, Options(**options))  # type: ignore[arg-type]


def test_accepted_heads_come_by_score_then_by_volume(reformulator: Reformulator) -> None:
    found = ask(reformulator, "rote treter", "de")
    assert [each.query for each in found] == ["rote schuhe", "rotes schuhwerk", "rote sneaker"]
    assert all(each.accepted and not each.refusal and each.locale == "de" for each in found)


def test_the_same_words_are_accepted_with_score_1(reformulator: Reformulator) -> None:
    best = ask(reformulator, "Blaue  SCHUHE", "de")[0]
    assert (best.query, best.score, best.accepted) == ("blaue schuhe", 1.0, True)


def test_the_same_words_come_once(reformulator: Reformulator) -> None:
    queries = [
        each.query for each in ask(reformulator, "rote schuhe", "de", include_refused=True, max_reformulations=50)
    ]
    assert len(queries) == len(set(queries)) == 6


def test_the_same_words_are_found_as_the_language_lowers_them(reformulator: Reformulator) -> None:
    asked = Asked("KIRMIZI AYAKKABI", "kırmızı ayakkabı", "tr")
    assert reformulator.reformulate(asked, EMBEDDING, WEAR, Options())[0].score == 1.0


def test_refused_heads_say_why(reformulator: Reformulator) -> None:
    found = ask(reformulator, "rote treter", "de", include_refused=True, max_reformulations=50)
    assert {each.query: each.refusal for each in found if not each.accepted} == {
        "rote schuhe 42": "number 42 is missing from the query",
        "rote grütze": "means another product type",
        "blaue schuhe": "below the threshold 0.87",
    }
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_a_refused_head_never_takes_the_place_of_an_accepted_one(reformulator: Reformulator) -> None:
    found = ask(reformulator, "rote treter", "de", include_refused=True, max_reformulations=4)
    assert [each.accepted for each in found].count(True) == 3
    assert [each.query for each in found][1] == "rote schuhe 42"


def test_no_more_than_asked_for(reformulator: Reformulator) -> None:
    assert len(ask(reformulator, "rote treter", "de", max_reformulations=1)) == 1
    assert ask(reformulator, "rote treter", "de", max_reformulations=0) == []


def test_a_locale_whose_threshold_is_never_accepts_only_the_same_words(reformulator: Reformulator) -> None:
    assert ask(reformulator, "punaiset kengat", "fi") == []
    assert ask(reformulator, "punaiset kengat", "fi", include_refused=True)[0].refusal == (
        "no threshold held the target precision in fi"
    )
    assert ask(reformulator, "punaiset kengät", "fi")[0].accepted


def test_an_unknown_text_gets_only_the_same_words(reformulator: Reformulator) -> None:
    assert ask(reformulator, "🎉", "de", known=False, include_refused=True) == []
    assert [each.query for each in ask(reformulator, "blaue schuhe", "de", known=False)] == ["blaue schuhe"]


def test_other_locales_are_searched_only_when_asked(reformulator: Reformulator) -> None:
    assert ask(reformulator, "chaussures rouges", "und") == []


def test_a_locale_of_the_same_language_comes_before_all_others(reformulator: Reformulator) -> None:
    # The pt-PT shopper's own head is gated away by its number; Brazil's is accepted, so English is not asked.
    found = ask(reformulator, "sapatilhas 38", "pt-PT", cross_locale=True, include_refused=True, max_reformulations=50)
    assert found[0].locale in {"en", "fi", "de"}
    found = ask(reformulator, "sapatos vermelhos", "pt-BR", cross_locale=True)
    assert [each.locale for each in found] == ["pt-BR"]


def test_another_locale_answers_under_its_own_threshold(reformulator: Reformulator) -> None:
    found = ask(reformulator, "chaussures rouges", "und", cross_locale=True, max_reformulations=50)
    assert {"red shoes", "rote schuhe", "tênis vermelho"} <= {each.query for each in found}
    assert "crimson shoes" not in {each.query for each in found}  # 0.94 is enough for de, not for en


def test_the_same_words_of_another_language_prove_nothing(reformulator: Reformulator) -> None:
    found = ask(reformulator, "gift 7", "tr", cross_locale=True, include_refused=True, max_reformulations=50)
    assert not any(each.accepted for each in found)
    found = ask(reformulator, "gift", "tr", cross_locale=True, include_refused=True, max_reformulations=50)
    assert [each.refusal for each in found if each.query == "gift"] == ["below the threshold 0.95"]


def test_a_head_of_a_type_outside_the_tree_is_refused(tmp_path: Path) -> None:
    heads = index_of(tmp_path, [(Head("x", "de", 1.0, product_type="gone"), 1.0)])
    with pytest.raises(BundleRefused, match=r"heads.arrow: names the product type gone"):
        Reformulator(heads, THRESHOLDS, TYPES)


def test_a_head_of_a_locale_outside_the_bundle_is_refused(tmp_path: Path) -> None:
    heads = index_of(tmp_path, [(Head("x", "sv", 1.0), 1.0)])
    with pytest.raises(BundleRefused, match="no locale of the bundle"):
        Reformulator(heads, THRESHOLDS, TYPES)


def test_words_otherwise_written_are_the_same_words_in_one_language_only(reformulator: Reformulator) -> None:
    best = ask(reformulator, "Blaue-Schuhe", "de")[0]
    assert (best.query, best.score, best.accepted) == ("blaue schuhe", 1.0, True)
    other = ask(reformulator, "red-shoes", "de", cross_locale=True, include_refused=True, max_reformulations=50)
    assert 1.0 not in [each.score for each in other if each.query == "red shoes"]


def test_what_the_query_names_must_be_in_the_head(tmp_path: Path) -> None:
    leather = spans_to_text([AttributeSpan("material", "leder")])
    heads = [
        (Head("rote schuhe", "de", 9.0, attributes=spans_to_text([AttributeSpan("color", "rote")])), 0.98),
        (Head("blaue schuhe", "de", 8.0), 0.97),
        (Head("rote schuhe leder", "de", 7.0, attributes=leather), 0.96),
        (Head("rotes schuhwerk", "de", 6.0), 0.95),
        (Head("grüne schuhe", "de", 5.0), 0.5),
    ]
    reformulator = Reformulator(index_of(tmp_path, heads), THRESHOLDS, TYPES)
    looked = []

    def spans() -> tuple[AttributeSpan, ...]:
        looked.append(1)
        return (AttributeSpan("color", "roter"),)

    asked = Asked("roter treter", "roter treter", "de", spans=spans)
    found = reformulator.reformulate(asked, EMBEDDING, WEAR, Options(include_refused=True, max_reformulations=50))
    assert {each.query: each.refusal for each in found} == {
        "rote schuhe": "",
        "blaue schuhe": "color red is missing",
        "rote schuhe leder": "material leather is missing from the query",
        "rotes schuhwerk": "",
        "grüne schuhe": "below the threshold 0.87",
    }
    assert len(looked) == 2  # not for the head below the threshold


def test_negation_audience_and_opposites_refuse(tmp_path: Path) -> None:
    heads = [(Head("tee ohne zucker", "de", 1.0), 0.95), (Head("tee", "de", 1.0), 0.95)]
    reformulator = Reformulator(index_of(tmp_path, heads), THRESHOLDS, TYPES)
    found = ask(reformulator, "zuckerfreier tee warm", "de", include_refused=True)
    assert {each.query: each.accepted for each in found} == {"tee ohne zucker": True, "tee": False}
    assert [each.refusal for each in found if not each.accepted] == ["does not exclude zucker"]
