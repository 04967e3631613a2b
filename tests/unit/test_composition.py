"""Composed queries: names taken apart, attributes where the language puts them, the slips of a hand."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfsense_training.composition.composer import AttributeWord, Composer
from shelfsense_training.composition.name_parts import name_parts
from shelfsense_training.composition.slips import german_ascii, slip, typo, without_diacritics


@pytest.mark.parametrize(
    ("name", "language", "parts"),
    [
        ("Hats, Caps & Beanies", "en", ["Hats", "Caps", "Beanies"]),
        ("Phone & Data Jacks", "en", []),  # one product: "Phone" alone would be another
        ("Jacken und Mäntel", "de", ["Jacken", "Mäntel"]),
        ("Buchständer & -stützen", "de", ["Buchständer"]),  # "-stützen" leans on its neighbour
        ("Chaussettes et collants", "fr", ["Chaussettes", "collants"]),
        ("帽子、手袋、マフラー", "ja", ["帽子", "手袋", "マフラー"]),
        ("電話・データ", "ja", []),  # two parts may share a word
        ("Sandals", "en", []),
        ("Sand", "en", []),  # "and" joins only as a word of its own
    ],
)
def test_a_name_is_taken_apart_where_it_lists_alternatives(name: str, language: str, parts: list[str]) -> None:
    assert name_parts(name, language) == [name, *parts]


def test_brackets_are_left_out_of_the_second_form() -> None:
    assert name_parts("Televisions (LED)", "en") == ["Televisions (LED)", "Televisions"]
    assert name_parts("テレビ（液晶）", "ja") == ["テレビ（液晶）", "テレビ"]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("kühlschrank", "kuhlschrank"),
        ("żółty łańcuch", "zolty lancuch"),
        ("søppelbøtte", "soppelbotte"),
        ("điện thoại", "dien thoai"),
        ("ışık", "isik"),
        ("καφές", "καφες"),
        ("ещё", "еще"),
        ("가방 かばん กระเป๋า हिन्दी", "가방 かばん กระเป๋า हिन्दी"),
    ],
)
def test_marks_are_lost_in_latin_greek_and_cyrillic_only(text: str, plain: str) -> None:
    assert without_diacritics(text) == plain


def test_umlauts_are_spelt_in_two_letters() -> None:
    assert german_ascii("größe für übertöpfe, schwämme") == "groesse fuer uebertoepfe, schwaemme"


def slips_of(text: str, language: str) -> set[str]:
    draw = random.Random(1)
    return {slip(text, language, draw) for _ in range(200)}


def test_german_loses_its_umlauts_in_either_way_and_other_languages_in_one() -> None:
    assert slips_of("für", "de") == {"für", "fuer", "fur"}  # too short for a typo
    assert slips_of("für", "sv") == {"für", "fur"}


@pytest.mark.parametrize(("text", "language"), [("가방 남성", "ko"), ("赤い 靴", "ja"), ("กระเป๋า ผู้ชาย", "th")])
def test_scripts_without_marks_lose_their_spaces(text: str, language: str) -> None:
    assert slips_of(text, language) == {text.replace(" ", "")}


@pytest.mark.parametrize("text", ["手机 壳", "जूते लाल", "حذاء احمر"])
def test_other_scripts_are_left_alone(text: str) -> None:
    assert slips_of(text, "zh") == {text}


def test_a_typo_drops_doubles_or_swaps_one_inner_letter() -> None:
    draw = random.Random(1)
    found = {typo("abcde", draw) for _ in range(300)}
    assert found == {
        "acde", "abde", "abce",
        "abbcde", "abccde", "abcdde",
        "acbde", "abdce", "abced",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["usb 2m", "iphone15", "12345", "a-b-c-d", "tv box", ""])
def test_a_typo_leaves_short_words_and_words_with_digits_alone(text: str) -> None:
    assert {typo(text, random.Random(seed)) for seed in range(20)} == {text}


@given(
    st.text(alphabet=st.sampled_from("abcdeäöüßéł 0123456789-"), max_size=40),
    st.sampled_from(["de", "en", "pl"]),
    st.integers(0, 99),
)
def test_a_slip_never_touches_digits(text: str, language: str, seed: int) -> None:
    slipped = slip(text, language, random.Random(seed))
    assert [c for c in slipped if c.isdigit()] == [c for c in text if c.isdigit()]


WORDS = {
    "en": [AttributeWord("red", before=True), AttributeWord("for men", before=False)],
    "ja": [AttributeWord("赤い", before=True)],
}


def test_an_attribute_stands_mostly_on_its_languages_side() -> None:
    composer = Composer({"en": [AttributeWord("red", before=True)]}, seed=2)
    found = [composer.with_attribute("mug", "en") for _ in range(400)]
    assert set(found) == {"red mug", "mug red"}
    assert found.count("red mug") / 400 == pytest.approx(0.85, abs=0.05)


def test_unspaced_languages_join_with_and_without_a_space() -> None:
    composer = Composer(WORDS, seed=2)
    found = {composer.with_attribute("靴", "ja") for _ in range(100)}
    assert found == {"赤い靴", "赤い 靴", "靴赤い", "靴 赤い"}


def test_a_locale_without_attribute_words_gets_none() -> None:
    assert Composer(WORDS).with_attribute("scarpe", "it") == "scarpe"


def test_a_plain_query_is_one_of_the_names_parts_in_lower_case() -> None:
    composer = Composer(WORDS, seed=3)
    found = {composer.plain("Hats, Caps & Beanies", "en") for _ in range(100)}
    assert found == {"hats, caps & beanies", "hats", "caps", "beanies"}


def test_a_composed_query_keeps_the_names_words() -> None:
    # Words of four letters and no marks: no slip can reach them.
    composer = Composer(WORDS, seed=4)
    found = [composer.compose("Gift Mugs", "Home Ware", "en") for _ in range(300)]
    assert all("gift mugs" in query for query in found)
    assert {"gift mugs", "red gift mugs", "gift mugs for men"} <= set(found)
    assert any("home ware" in query for query in found)


def test_a_query_without_a_slip_is_whole() -> None:
    composer = Composer(WORDS, seed=4)
    assert {composer.with_slip("waterproof backpack", "en", share=0.0) for _ in range(50)} == {"waterproof backpack"}
    assert len({composer.with_slip("waterproof backpack", "en", share=1.0) for _ in range(50)}) > 5


def test_the_seed_decides_every_query() -> None:
    def queries(seed: int) -> list[str]:
        composer = Composer(WORDS, seed=seed)
        return [composer.compose("Waterproof Backpacks", "Bags", "en") for _ in range(30)]

    assert queries(1) == queries(1) != queries(2)


def test_the_projects_words_and_the_taxonomys_values_are_used() -> None:
    values = {"de": {"Color": ["Himmelblau", "Ein viel zu langer Farbname"], "Voltage": ["230 V"]}}
    composer = Composer.from_lexicon(values, seed=5)
    found = {composer.with_attribute("tasse", "de").replace("tasse", "").strip() for _ in range(1500)}
    assert {"himmelblau", "rot"} <= found
    assert {"230 v", "ein viel zu langer farbname"}.isdisjoint(found)
