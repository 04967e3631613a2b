"""Variation and contrast: the same wish written otherwise, and another wish written alike."""

from __future__ import annotations

import random
import re

import jaconv
import pytest

from shelfsense.reformulation.gates import attribute_refusal
from shelfsense.reformulation.negation import negation_refusal
from shelfsense.reformulation.opposites import opposite_refusal
from shelfsense.reformulation.writing.match_form import match_form
from shelfsense_training.composition.attribute_words import AttributeTerm, read_attribute_terms
from shelfsense_training.composition.contrast import Contrasts
from shelfsense_training.composition.hindi_spelling import latin_hindi
from shelfsense_training.composition.variation import Variation
from shelfsense_training.composition.word_splitting import split_word

TEXTS = [
    ("schwarze damen schuhe größe 42", "de"),
    ("wireless mouse 500 ml black", "en"),
    ("ナイキ スニーカー レディース 27cm", "ja"),
    ("लाल साड़ी ज़री 5 मीटर", "hi-IN"),
    ("أحذية رياضية نسائية مقاس 42", "ar-SA"),
    ("여성 운동화 240", "ko"),
    ("น้ำหอม ผู้หญิง 50 ml", "th"),
    ("zapatillas", "es"),
    ("chaussures femme 38", "fr"),
    ("kadın çanta 30 cm", "tr"),
]


def _kinds(text: str, locale: str, count: int = 60) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for variant in Variation.from_lexicon(seed=3).variants(text, locale, count):
        found.setdefault(variant.kind, set()).add(variant.text)
    return found


@pytest.mark.parametrize(("text", "locale"), TEXTS)
def test_no_variant_touches_a_number(text: str, locale: str) -> None:
    variants = Variation.from_lexicon(seed=1).variants(text, locale, 40)
    assert variants
    for variant in variants:
        assert re.findall(r"\d+", variant.text) == re.findall(r"\d+", text)
        assert variant.text != text


@pytest.mark.parametrize(
    ("text", "locale", "kind"),
    [
        ("ナイキ スニーカー", "ja", "kana"),
        ("ナイキ スニーカー", "ja", "width"),
        ("ナイキ スニーカー", "ja", "space"),
        ("ज़री साड़ी", "hi-IN", "nukta"),
        ("हिंदी किताब", "hi-IN", "nasal"),
        ("أحذية رياضية", "ar-SA", "alef"),
        ("أحذية رياضية", "ar-SA", "ending"),
        ("damen schuhe größe", "de", "umlaut"),
        ("damen schuhe größe", "de", "joined"),
        ("damen schuhe größe", "de", "hyphen"),
        ("여성 운동화", "ko", "joined"),
        ("น้ำหอม", "th", "sara am"),
        ("écran plat", "fr", "marks"),
        ("shampoo 500 ml", "en", "unit"),
    ],
)
def test_spelling_habits_are_folded_by_the_match_form(text: str, locale: str, kind: str) -> None:
    variants = _kinds(text, locale)[kind]
    assert {match_form(variant, locale) for variant in variants} == {match_form(text, locale)}


def test_kana_variants_swap_whole_words() -> None:
    assert "ないき 靴" in _kinds("ナイキ 靴", "ja")["kana"]
    assert jaconv.z2h("ナイキ", kana=True) + " 靴" in _kinds("ナイキ 靴", "ja")["width"]


def test_a_compound_is_parted_into_words_of_the_vocabulary() -> None:
    vocabulary = frozenset({"damen", "schuhe", "arbeit"})
    assert split_word("Damenschuhe", vocabulary) == ("Damen", "schuhe")
    assert split_word("arbeitsschuhe", vocabulary, linking=True) == ("arbeits", "schuhe")
    assert split_word("arbeitsschuhe", vocabulary) is None
    assert split_word("schuhe42", vocabulary) is None
    variation = Variation({"de": vocabulary}, seed=2)
    assert "damen schuhe" in {v.text for v in variation.variants("damenschuhe", "de", 20)}


def test_an_attribute_moves_once_and_never_in_a_text_that_excludes() -> None:
    attributes = {"en": [AttributeTerm("color", "black", before=True)]}
    variation = Variation({}, attributes, seed=4)
    orders = {v.text for v in variation.variants("black leather bag", "en", 40) if v.kind == "order"}
    assert orders == {"leather bag black"}
    assert not [v for v in variation.variants("black bag without zip", "en", 40) if v.kind == "order"]


def test_an_attribute_is_not_made_plural() -> None:
    assert "plural" not in _kinds("wireless mouse black", "en")
    assert _kinds("wireless keyboard", "en")["plural"] == {"wireless keyboards"}


def test_hindi_in_latin_letters_leaves_silent_vowels_out() -> None:
    spelt = {latin_hindi("कपड़े", random.Random(seed)) for seed in range(20)}
    assert "kapde" in spelt
    assert spelt <= {"kapde", "kapre"}
    assert {latin_hindi("कमर 32", random.Random(seed)) for seed in range(5)} == {"kamar 32"}
    assert {latin_hindi("ज़मीन", random.Random(s)) for s in range(30)} == {"zamin", "zameen", "jamin", "jameen"}


def test_the_same_seed_writes_the_same() -> None:
    one, other = (Variation.from_lexicon(seed=7).variants("schwarze damen schuhe", "de", 8) for _ in range(2))
    assert one == other
    assert Contrasts.from_lexicon(seed=7).contrasts("red shoes", "en", 8) == Contrasts.from_lexicon(seed=7).contrasts(
        "red shoes", "en", 8
    )


def _contrasts(text: str, locale: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for contrast in Contrasts.from_lexicon(seed=5).contrasts(text, locale, 60):
        found.setdefault(contrast.kind, set()).add(contrast.text)
    return found


def test_a_changed_number_is_refused_by_its_gate() -> None:
    for text, locale in TEXTS:
        for changed in _contrasts(text, locale).get("number", ()):
            assert attribute_refusal(text, changed)


def test_an_attribute_is_swapped_dropped_or_added() -> None:
    found = _contrasts("red shoes", "en")
    assert "blue shoes" in found["color swapped"]
    assert found["color dropped"] == {"shoes"}
    assert "leather red shoes" in found["material added"]
    assert "color added" not in found
    assert "red shoes black" not in found.get("color swapped", ())


def test_what_is_said_in_another_ending_is_not_added_again() -> None:
    added = _contrasts("schwarze damenschuhe", "de")
    assert "audience added" not in added
    assert "schwarze damenschuhe schwarz" not in added.get("color added", ())


def test_a_negation_comes_and_goes_and_its_gate_sees_it() -> None:
    assert _contrasts("schokolade zucker", "de")["negation added"] == {"schokolade ohne zucker"}
    assert _contrasts("schokolade ohne zucker", "de")["negation dropped"] == {"schokolade zucker"}
    assert "negation dropped" not in _contrasts("无线鼠标", "zh-CN")
    assert negation_refusal("schokolade zucker", "schokolade ohne zucker", "de", "de")


def test_an_opposite_is_refused_by_its_gate() -> None:
    found = _contrasts("wireless mouse", "en")["opposite"]
    assert found == {"wired mouse"}
    assert opposite_refusal("wireless mouse", "wired mouse", "en", "en")


def test_every_locale_has_terms_of_every_kind_that_contrasts() -> None:
    for locale, terms in read_attribute_terms().items():
        assert {"color", "material", "size", "audience"} <= {term.kind for term in terms}, locale
