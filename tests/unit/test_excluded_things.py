"""The same thing excluded in other words is the same exclusion."""

from __future__ import annotations

import pytest

from shelfsense.reformulation.negation import exclusions, negation_refusal
from shelfsense.reformulation.opposites import audience_refusal, opposite_refusal
from shelfsense.reformulation.word_gates import words_refusal


@pytest.mark.parametrize(
    ("locale", "query", "head"),
    [
        ("en", "unscented soap", "fragrance-free soap"),
        ("en", "perfume free soap", "soap without scent"),
        ("en", "noiseless mouse", "silent mouse"),
        ("en", "no aluminium deodorant", "aluminum free deodorant"),
        ("de", "bpa freie flasche", "flasche ohne bpa"),
        ("ja", "ノンシリコンのシャンプー", "ノンシリコン シャンプー"),
        ("ko", "무소음 시계", "소리 안나는 시계"),
        ("hi-IN", "बगैर चीनी बिस्कुट", "शुगर फ्री बिस्कुट"),
        ("hi-IN", "bina chini biskut", "sugar free biskut"),
    ],
)
def test_other_words_for_an_excluded_thing(locale: str, query: str, head: str) -> None:
    assert exclusions(query, locale)
    assert negation_refusal(query, head, locale, locale) == ""


def test_other_things_stay_apart() -> None:
    assert negation_refusal("sugar free gum", "fragrance free gum", "en", "en") == "does not exclude sugar"


@pytest.mark.parametrize(
    ("query", "head", "locales"),
    [
        ("mouse without wires", "kabellose maus", ("en", "de")),
        ("mouse without wires", "무선 마우스", ("en", "ko")),
        ("mouse without wires", "เมาส์ไร้สาย", ("en", "th")),
        ("silent mouse", "lautlose maus", ("en", "de")),
        ("silent mouse", "เมาส์ไร้เสียง", ("en", "th")),
        ("unscented soap", "무향 비누", ("en", "ko")),
    ],
)
def test_exclusions_across_languages(query: str, head: str, locales: tuple[str, str]) -> None:
    assert words_refusal(query, locales[0], head, locales[1]) == ""
    assert opposite_refusal(query, head, *locales) == ""


@pytest.mark.parametrize(
    ("locale", "query", "head"),
    [
        ("hi-IN", "ladkiyo ke joote", "लड़कियों के जूते"),
        ("hi-IN", "bachho ki cycle", "बच्चों की साइकिल"),
        ("hi-IN", "jents ghadi", "मर्दाना घड़ी"),
        ("hi-IN", "mahilao ka parse", "ज़नाना पर्स"),
        ("de", "autokindersitz 9 bis 36 kilo", "kindersitz 9-36 kg"),
        ("de", "babysitz auto", "kindersitz auto"),
        ("th", "รองเท้า ชาย", "รองเท้าผู้ชาย"),
        ("th", "หญิง เสื้อ", "เสื้อผู้หญิง"),
        ("ar-SA", "ملابس ولادي", "ملابس أولاد"),
        ("ko", "여성용 지갑", "레이디스 지갑"),
    ],
)
def test_one_audience_in_other_words(locale: str, query: str, head: str) -> None:
    assert audience_refusal(query, head, locale, locale) == ""
    assert audience_refusal(query, "x", locale, locale) != ""
