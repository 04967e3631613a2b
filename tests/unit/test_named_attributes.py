"""Colours and materials named in any writing: the same are one value, and one-sided ones are refused."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import shelfsense.reformulation.named_attributes as named_module
from shelfsense.reformulation.attribute_spans import AttributeSpan, spans_to_text
from shelfsense.reformulation.named_attributes import named_attribute_refusal, named_attributes
from shelfsense.reformulation.word_gates import words_refusal


def _rows() -> list[dict[str, str]]:
    path = Path(named_module.__file__).with_name("named_attributes.tsv")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize(
    ("locale", "query", "head"),
    [
        ("ko", "화이트 커튼", "흰색 커튼"),
        ("ko", "레드 우산", "빨간색 우산"),
        ("ko", "비단 스카프", "실크 스카프"),
        ("ko", "코튼 이불", "면 이불"),
        ("ja", "ホワイトの椅子", "白い椅子"),
        ("ja", "クリアケース", "透明ケース"),
        ("hi-IN", "chandi ki payal", "चांदी की पायल"),
        ("hi-IN", "peeli saree", "पीली साड़ी"),
        ("hi-IN", "laal kurta", "लाल कुर्ता"),
        ("hi-IN", "चमड़े की बेल्ट", "लेदर बेल्ट"),
        ("hi-IN", "रेशमी साड़ी", "सिल्क साड़ी"),
        ("ar-SA", "حقيبة حمراء", "حقيبة أحمر"),
        ("de", "rote schuhe", "schuhe rot"),
        ("de", "gürtel aus leder", "ledergürtel"),
        ("en", "woollen hat", "wool hat"),
        ("en", "merino jumper", "wool jumper"),
        ("en", "navy dress", "blue dress"),
        ("en", "see through box", "transparent box"),
        ("en", "stainless steel pan", "metal pan"),
        ("en", "orange juice", "juice"),
        ("th", "เสื้อสีแดง", "เสื้อ แดง"),
        ("zh-CN", "黑色手套", "黑手套"),
    ],
)
def test_one_value_in_two_writings(locale: str, query: str, head: str) -> None:
    assert named_attribute_refusal(query, head, locale, locale) == ""


@pytest.mark.parametrize(
    ("query", "head", "locales", "refusal"),
    [
        ("red shoes", "shoes", ("en", "en"), "color red is missing"),
        ("shoes", "red shoes", ("en", "en"), "color red is missing from the query"),
        ("blue shoes", "red shoes", ("en", "en"), "color blue is missing"),
        ("rote schuhe", "blue shoes", ("de", "en"), "color red is missing"),
        ("rote schuhe", "red shoes", ("de", "en"), ""),
        ("leather bag", "faux leather bag", ("en", "en"), "material leather is missing"),
        ("beige sofa", "brown sofa", ("en", "en"), "color beige is missing"),
        ("black and white dress", "black dress", ("en", "en"), "color white is missing"),
        ("rose gold watch", "gold watch", ("en", "en"), "color rosegold is missing"),
        ("cotton shirt", "linen shirt", ("en", "en"), "material cotton is missing"),
        ("orange shoes", "red shoes", ("en", "en"), "color orange is missing"),
    ],
)
def test_what_only_one_names_is_refused(query: str, head: str, locales: tuple[str, str], refusal: str) -> None:
    assert named_attribute_refusal(query, head, *locales) == refusal


def test_what_is_excluded_is_not_named() -> None:
    assert named_attributes("aluminium free deodorant", "en") == {}
    assert named_attributes("silikonfreies shampoo", "de") == {}
    assert named_attributes("赤ちゃん 布団", "ja") == {}


def test_spans_in_another_writing_are_not_missing() -> None:
    def spans() -> tuple[AttributeSpan, ...]:
        return (AttributeSpan("color", "화이트"),)

    theirs = spans_to_text((AttributeSpan("color", "흰색"),))
    assert words_refusal("화이트 커튼", "ko", "흰색 커튼", "ko", spans=spans, attributes=theirs) == ""


def test_the_rest_of_a_span_is_still_compared() -> None:
    def spans() -> tuple[AttributeSpan, ...]:
        return (AttributeSpan("color", "dark red"),)

    found = words_refusal("dark red shoes", "en", "red shoes", "en", spans=spans)
    assert found == "color dark is missing"


def test_thirty_one_languages_name_the_main_colours_and_materials() -> None:
    named = {(row["language"], row["value"].removesuffix("?")) for row in _rows()}
    languages = {language for language, _ in named} - {"any"}
    values = "black white grey red pink orange yellow green blue purple brown leather cotton wool silk wood plastic"
    assert len(languages) == 31
    assert not [(one, value) for one in languages for value in values.split() if (one, value) not in named]


def test_all_terms_are_found_in_themselves() -> None:
    lost = [
        (row["language"], row["value"], term)
        for row in _rows()
        if row["attribute"] != "thing" and row["language"] != "any"
        for term in row["terms"].split(" | ")
        if row["value"] not in named_attributes(term.rstrip("*"), row["language"]).get(row["attribute"], frozenset())
    ]
    assert lost == []
