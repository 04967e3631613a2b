"""Negation: what one of the two excludes, the other must exclude; a thing without a cord excludes nothing."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import shelfsense.reformulation.negation as negation_module
from shelfsense.reformulation.negation import negation_refusal

LANGUAGES = [
    "ar",
    "bg",
    "cs",
    "da",
    "de",
    "el",
    "en",
    "es",
    "fi",
    "fr",
    "hi",
    "hr",
    "hu",
    "id",
    "it",
    "ja",
    "ko",
    "lt",
    "nb",
    "nl",
    "pl",
    "pt",
    "ro",
    "ru",
    "sk",
    "sl",
    "sv",
    "th",
    "tr",
    "vi",
    "zh",
]


@pytest.mark.parametrize(
    ("locale", "with_it", "without_it"),
    [
        ("en", "sugar cookies", "cookies without sugar"),
        ("en", "gluten bread", "gluten-free bread"),
        ("en", "dress with sleeves", "sleeveless dress"),
        ("de", "schokolade mit zucker", "schokolade ohne Zucker"),
        ("de", "schokolade", "zuckerfreie Schokolade"),
        ("de", "kleid mit ärmeln", "ärmelloses Kleid"),
        ("nl", "chocolade", "suikervrije chocolade"),
        ("sv", "choklad", "sockerfri choklad"),
        ("da", "chokolade", "chokolade uden sukker"),
        ("nb", "sjokolade", "sjokolade uten sukker"),
        ("fi", "suklaa", "sokeriton suklaa"),
        ("hu", "csokoládé", "cukormentes csokoládé"),
        ("hu", "csokoládé", "csokoládé cukor nélkül"),
        ("fr", "chocolat sucre", "chocolat sans sucre"),
        ("it", "cioccolato", "cioccolato senza zucchero"),
        ("es", "chocolate con azúcar", "chocolate sin azucar"),
        ("pt-BR", "chocolate", "chocolate sem açúcar"),
        ("pt-BR", "coca", "coca zero açúcar"),
        ("ro-RO", "ciocolată", "ciocolată fără zahăr"),
        ("pl", "czekolada", "czekolada bez cukru"),
        ("pl", "chleb", "chleb bezglutenowy"),
        ("cs", "čokoláda", "čokoláda bez cukru"),
        ("sk-SK", "chlieb", "bezlepkový chlieb"),
        ("hr-HR", "čokolada", "čokolada bez šećera"),
        ("sl-SI", "čokolada", "čokolada brez sladkorja"),
        ("lt-LT", "šokoladas", "šokoladas be cukraus"),
        ("tr", "çikolata", "şekersiz çikolata"),
        ("id-ID", "cokelat", "cokelat tanpa gula"),
        ("vi", "sữa", "sữa không đường"),
        ("ru", "шоколад", "шоколад без сахара"),
        ("bg-BG", "шоколад", "шоколад без захар"),
        ("el", "σοκολάτα", "σοκολάτα χωρίς ζάχαρη"),
        ("ja", "チョコレート", "砂糖なしチョコレート"),
        ("ja", "ビール", "ノンアルコールビール"),
        ("zh-CN", "可乐", "无糖可乐"),
        ("zh-TW", "可樂", "不含糖可樂"),
        ("ko", "초콜릿", "무설탕 초콜릿"),
        ("ko", "초콜릿", "설탕 없는 초콜릿"),
        ("th", "นม", "นมไม่มีน้ำตาล"),
        ("ar-SA", "شوكولاتة", "شوكولاتة بدون سكر"),
        ("hi-IN", "चाय", "बिना चीनी की चाय"),
        ("hi-IN", "chai", "chini ke bina chai"),
    ],
)
def test_what_only_one_side_excludes_is_refused(locale: str, with_it: str, without_it: str) -> None:
    assert negation_refusal(with_it, without_it, locale, locale).startswith("excludes ")
    assert negation_refusal(without_it, with_it, locale, locale).startswith("does not exclude ")


@pytest.mark.parametrize(
    ("locale", "one", "other"),
    [
        ("en", "sugar free cookies", "cookies without sugar"),
        ("en", "no sugar cookies", "unsweetened cookies"),
        ("en", "jacket without a hood", "jacket without hood"),
        ("de", "zuckerfreie schokolade", "schokolade ohne zucker"),
        ("de", "jeans ohne gürtel damen", "damen jeans ohne gürtel"),
        ("fr", "robe sans manches", "robe sans manche"),
        ("pl", "chleb bezglutenowy", "chleb bez glutenu"),
        ("fi", "gluteeniton leipä", "leipä ilman gluteenia"),
        ("hu", "cukormentes", "cukor nélkül"),
        ("ja", "シュガーレス ガム", "砂糖不使用ガム"),
        ("zh-CN", "无糖可乐", "可乐 无糖"),
        ("ko", "무설탕 초콜릿", "설탕없는 초콜릿"),
        ("tr", "şekersiz", "şeker içermeyen"),
    ],
)
def test_the_same_exclusion_otherwise_written_passes(locale: str, one: str, other: str) -> None:
    assert negation_refusal(one, other, locale, locale) == ""
    assert negation_refusal(other, one, locale, locale) == ""


@pytest.mark.parametrize(
    ("locale", "one", "other"),
    [
        ("en", "soap without perfume", "soap without colour"),
        ("de", "saft ohne künstliche süßstoffe", "saft ohne künstliche farbstoffe"),
        ("es", "leche sin lactosa", "leche sin azúcar"),
        ("zh-CN", "无糖饮料", "无酒精饮料"),
        ("th", "นมไม่มีน้ำตาล", "นมไม่มีน้ำมัน"),
    ],
)
def test_another_exclusion_is_refused(locale: str, one: str, other: str) -> None:
    assert negation_refusal(one, other, locale, locale)


@pytest.mark.parametrize(
    ("locale", "one", "other"),
    [
        ("en", "wireless mouse", "mouse"),
        ("en", "stainless steel pan", "steel pan"),
        ("en", "no 5 perfume", "5 perfume"),
        ("en", "nike free run", "nike run"),
        ("de", "kabelloser staubsauger", "staubsauger"),
        ("de", "rostfreies messer", "messer"),
        ("es", "auriculares sin cable", "auriculares inalámbricos"),
        ("hu", "vezeték nélküli egér", "egér"),
        ("fi", "langaton hiiri", "hiiri"),
        ("fi", "badmintonmaila", "badminton"),
        ("pl", "bezprzewodowa mysz", "mysz"),
        ("pl", "beżowy sweter", "sweter"),
        ("cs", "bezpečnostní boty", "boty"),
        ("ru", "беспроводная мышь", "мышь"),
        ("vi", "nồi chiên không khí", "nồi chiên"),
        ("th", "เมาส์ไร้สาย", "เมาส์"),
        ("th", "โต๊ะไม้", "โต๊ะ"),
        ("ja", "ワイヤレスイヤホン", "イヤホン"),
        ("ja", "ステンレス フリーサイズ ネックレス", "サイズ"),
        ("ja", "キヤノン プリンター", "プリンター"),
        ("zh-CN", "无线鼠标", "鼠标"),
        ("ko", "무선 마우스", "마우스"),
        ("ko", "무릎 보호대", "보호대"),
        ("tr", "kablosuz mouse", "mouse"),
        ("ar-SA", "سماعة لاسلكية", "سماعة"),
    ],
)
def test_a_thing_that_only_looks_like_a_negation_excludes_nothing(locale: str, one: str, other: str) -> None:
    assert negation_refusal(one, other, locale, locale) == ""


def test_two_languages_that_exclude_the_same_by_its_letters_agree() -> None:
    assert negation_refusal("gluten free bread", "brot ohne gluten", "en", "de") == ""
    assert negation_refusal("nut free bar", "riegel ohne nüsse", "en", "de") == "does not exclude nut"


def test_every_language_of_the_bundle_can_exclude() -> None:
    path = Path(negation_module.__file__).with_name("negations.tsv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert sorted({row["language"] for row in rows if row["kind"] in {"before", "after"}}) == LANGUAGES
    assert {row["kind"] for row in rows} == {"before", "after", "beginning", "ending", "word", "thing"}
