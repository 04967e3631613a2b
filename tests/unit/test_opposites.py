"""Opposites: two texts that name different audiences or opposite attributes; silence is no opposite."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import shelfsense.reformulation.opposites as opposites_module
from shelfsense.reformulation.opposites import audience_refusal, named_values, opposite_refusal


def test_another_audience_is_named() -> None:
    asked, offered = "running shoes women", "mens running shoes"
    assert audience_refusal(asked, offered, "en", "en") == "is for another audience: men, not women"


@pytest.mark.parametrize(
    ("locale", "women", "men"),
    [
        ("en", "women's shoes", "shoes for men"),
        ("de", "Damenschuhe", "Herrenschuhe"),
        ("de", "schuhe damen", "herren schuhe"),
        ("sv", "damskor", "herrskor"),
        ("da", "dametaske", "herretaske"),
        ("fi", "naisten kengät", "miesten kengät"),
        ("hu", "női cipő", "férfi cipő"),
        ("fr", "chaussures femme", "chaussures homme"),
        ("pl", "buty damskie", "buty meskie"),
        ("cs", "dámské boty", "pánské boty"),
        ("ru", "женские кроссовки", "мужские кроссовки"),
        ("el", "γυναικεία παπούτσια", "ανδρικά παπούτσια"),
        ("tr", "kadın ayakkabı", "erkek ayakkabı"),
        ("ja", "レディース スニーカー", "メンズスニーカー"),
        ("zh-CN", "女士运动鞋", "男款运动鞋"),
        ("ko", "여성 운동화", "남성운동화"),
        ("th", "รองเท้าผู้หญิง", "รองเท้าผู้ชาย"),
        ("vi", "giày nữ", "giày nam"),
        ("ar-SA", "أحذية نسائية", "احذيه رجاليه"),
        ("hi-IN", "महिलाओं के जूते", "purushon ke joote"),
        ("hi-IN", "women shoes", "mens shoes"),
    ],
)
def test_women_are_not_men_in_any_language(locale: str, women: str, men: str) -> None:
    assert audience_refusal(women, men, locale, locale) == "is for another audience: men, not women"
    assert audience_refusal(women, women, locale, locale) == ""


def test_silence_is_not_the_same_as_an_audience() -> None:
    refusal = audience_refusal("running shoes women", "running shoes", "en", "en")
    assert refusal == "does not say that it is for women"
    assert audience_refusal("curtains", "curtains women", "en", "en") == "is for women, the query does not say so"
    assert audience_refusal("curtains", "drapes", "en", "en") == ""


def test_a_shared_audience_is_enough_and_girls_and_babies_are_children() -> None:
    assert audience_refusal("hoodie men women", "hoodie men", "en", "en") == ""
    assert audience_refusal("girls bike", "kids bike", "en", "en") == ""
    assert audience_refusal("postýlka pro miminko", "dětská postýlka", "cs", "cs") == ""
    assert audience_refusal("baby shoes", "girls shoes", "en", "en") == "is for another audience: girls, not babies"


def test_audiences_are_compared_across_languages() -> None:
    assert (
        audience_refusal("chaussures femme", "herren schuhe", "fr", "de") == "is for another audience: men, not women"
    )


@pytest.mark.parametrize(
    ("locale", "one", "other", "refusal"),
    [
        ("en", "wireless mouse", "wired mouse", "says the opposite: wired, not wireless"),
        ("en", "mouse without cable", "mouse with cable", "says the opposite: wired, not wireless"),
        ("de", "kabellose maus", "maus mit kabel", "says the opposite: wired, not wireless"),
        ("es", "auriculares sin cable", "auriculares con cable", "says the opposite: wired, not wireless"),
        ("en", "indoor rug", "outdoor rug", "says the opposite: outdoors, not indoors"),
        ("fr", "gant gauche", "gant droit", "says the opposite: right, not left"),
        ("en", "used iphone", "new iphone", "says the opposite: new, not used"),
        ("it", "iphone ricondizionato", "iphone nuovo", "says the opposite: new, not refurbished"),
        ("ja", "ワイヤレスイヤホン", "有線イヤホン", "says the opposite: wired, not wireless"),
        ("ko", "무선 마우스", "유선마우스", "says the opposite: wired, not wireless"),
        ("zh-CN", "长袖衬衫", "短袖衬衫", "says the opposite: short, not long"),
        ("pl", "opony zimowe", "opony letnie", "says the opposite: summer, not winter"),
    ],
)
def test_opposites_are_named(locale: str, one: str, other: str, refusal: str) -> None:
    assert opposite_refusal(one, other, locale, locale) == refusal


@pytest.mark.parametrize(
    ("locale", "one", "other"),
    [
        ("en", "wireless mouse", "mouse"),
        ("en", "wireless mouse", "cordless mouse"),
        ("en", "new balance shoes", "nike shoes"),
    ],
)
def test_what_does_not_conflict_passes(locale: str, one: str, other: str) -> None:
    assert opposite_refusal(one, other, locale, locale) == ""
    assert audience_refusal(one, other, locale, locale) == ""


def test_every_language_names_women_men_and_cords() -> None:
    path = Path(opposites_module.__file__).with_name("opposites.tsv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    named = {(row["language"], row["value"]) for row in rows}
    languages = {language for language, _ in named} - {"any"}
    assert len(languages) == 31
    values = (
        "women",
        "men",
        "girls",
        "boys",
        "children",
        "babies",
        "wired",
        "wireless",
        "left",
        "right",
        "new",
        "used",
    )
    assert not [(language, value) for language in languages for value in values if (language, value) not in named]


def test_all_terms_are_found_in_themselves() -> None:
    path = Path(opposites_module.__file__).with_name("opposites.tsv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["value"]]
    lost = [
        (row["language"], term)
        for row in rows
        if row["language"] != "any"
        for term in row["terms"].split(" | ")
        if row["value"] not in named_values(term.rstrip("*"), row["language"]).get(row["attribute"], frozenset())
    ]
    assert lost == []


def test_korean_joins_an_audience_to_what_stands_before() -> None:
    assert audience_refusal("운동화여자255", "여성 운동화 255", "ko", "ko") == ""
    assert audience_refusal("운동화남자255", "여성 운동화 255", "ko", "ko") == "is for another audience: women, not men"
