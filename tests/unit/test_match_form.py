"""Match form: writings of the same words meet, other words and other numbers never do."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfsense.reformulation.writing.match_form import match_form

LOCALES = [
    "bg-BG",
    "cs",
    "da",
    "de",
    "el",
    "en",
    "es",
    "fi",
    "fr",
    "hr-HR",
    "hu",
    "id-ID",
    "it",
    "ja",
    "ko",
    "lt-LT",
    "nb",
    "nl",
    "pl",
    "pt-BR",
    "ro-RO",
    "ru",
    "sk-SK",
    "sl-SI",
    "sv",
    "th",
    "tr",
    "vi",
    "zh-CN",
    "ar-SA",
    "hi-IN",
    "und",
]


@pytest.mark.parametrize(
    ("locale", "one", "other"),
    [
        ("en", "T-Shirt", "t shirt"),
        ("en", "T-Shirt", "tshirt"),
        ("en", "men's shoes", "mens shoes"),
        ("en", "Sony WH-1000XM4", "sony wh1000 xm4"),
        ("en", "shampoo 500ml", "shampoo 500 ML"),
        ("en", '27" monitor', "27-inch monitor"),
        ("en", "salt & pepper mill", "salt and pepper mill"),
        ("en", "iphone １３", "iPhone13"),
        ("en", "jalapeño sauce", "jalapeno sauce"),
        ("de", "Größe Küche", "groesse kueche"),
        ("de", "Damen-Schuhe", "damenschuhe"),
        ("de", "damen schuhe", "damenschuhe"),
        ("sv", "barn vagn", "barnvagn"),
        ("da", "rød kjole", "roed kjole"),
        ("fr", "écran d'ordinateur", "ecran d ordinateur"),
        ("fr", "bébé", "bebe"),
        ("pl", "buty męskie", "buty meskie"),
        ("tr", "KIRMIZI kılıf IPHONE", "kirmizi kilif iphone"),
        ("el", "ΠΑΠΟΥΤΣΙΑ", "παπούτσια"),
        ("ru", "ёлка", "елка"),
        ("vi", "giày hoà bình", "giày hòa bình"),
        ("ja", "ナイキ　スニーカー", "ないきスニーカー"),
        ("ja", "ﾅｲｷ ｽﾆｰｶｰ", "ナイキ・スニーカー"),
        ("ja", "プリンター", "プリンタ"),
        ("ja", "ルイ・ヴィトン", "ルイビトン"),
        ("ja", "カレンダー 3ヶ月", "カレンダー3か月"),
        ("zh-CN", "苹果 手机壳", "苹果手机壳"),
        ("ko", "아이폰 케이스", "아이폰케이스"),
        ("th", "รองเท้า ผู้หญิง", "รองเท้าผู้หญิง"),
        ("th", "นํ้าหอม", "น้ำหอม"),  # sara am in two characters
        ("th", "เเว่น", "แว่น"),  # sara e typed twice
        ("hi-IN", "ज़मीन", "जमीन"),
        ("hi-IN", "हिन्दी", "हिंदी"),
        ("hi-IN", "साड़ियाँ", "साड़ियां"),
        ("ar-SA", "أحذية رياضيّة", "احذيه رياضيه"),
        ("ar-SA", "الأحذية", "أحـذية"),
        ("ar-SA", "مستشفى ١٣", "مستشفي 13"),
    ],
)
def test_writings_of_the_same_words_meet(locale: str, one: str, other: str) -> None:
    assert match_form(one, locale) == match_form(other, locale)


@pytest.mark.parametrize(
    ("locale", "one", "other"),
    [
        ("de", "shampoo 2 500 ml", "shampoo 2500 ml"),
        ("en", "size 10-12", "size 1012"),
        ("en", "1,000 pieces", "1000 pieces"),
        ("en", "10½", "10 12"),
        ("en", "10²", "102"),
        ("de", "schlafsack -5", "schlafsack 5"),
        ("de", "t shirt s", "t shirts"),
        ("en", "car pet cover", "carpet cover"),
        ("en", "iphone 6's", "iphone 6s"),
        ("de", "kuchen form", "küchen form"),
        ("de", "h&m", "hund m"),
        ("fr", "vin rosé", "vin rose"),
        ("es", "moño", "mono"),
        ("pt-BR", "presente para avó", "presente para avô"),
        ("tr", "çam masa", "cam masa"),
        ("tr", "DIŞ lamba", "diş lamba"),
        ("hu", "bőr táska", "bor taska"),
        ("sv", "hår", "har"),
        ("vi", "bán", "bàn"),
        ("ja", "カバー", "カバ"),
        ("ja", "ビール", "ビル"),
        ("ja", "びょういん", "びよういん"),
        ("hi-IN", "बॉल", "बाल"),
        ("ar-SA", "الماس", "ماس"),
    ],
)
def test_other_words_and_numbers_stay_apart(locale: str, one: str, other: str) -> None:
    assert match_form(one, locale) != match_form(other, locale)


def _numbers(text: str) -> list[str]:
    return [str(int("9" + run)) for run in re.findall(r"\d+", unicodedata.normalize("NFKC", text))]


_TRICKY = st.text(alphabet="ab1295٣५　 -–.,:/'\"&+×xtslöéßñİIßアァヴーﾞがァ한ะำ่ํเकन्दा़ँالأة́ ̈²½①", max_size=24)
_PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=24)


@pytest.mark.parametrize("text", ["1×2", "1 × 2", "1  ×  2", "1:×2", "1×\u093c2"])
def test_a_sign_for_times_between_numbers_is_an_x_whatever_falls_beside_it(text: str) -> None:
    assert match_form(text, "en") == "1 x 2"


@settings(max_examples=400, deadline=None)
@given(_TRICKY | _PLAIN, st.sampled_from(LOCALES))
def test_folding_twice_changes_nothing(text: str, locale: str) -> None:
    once = match_form(text, locale)
    assert match_form(once, locale) == once


@settings(max_examples=400, deadline=None)
@given(_TRICKY | _PLAIN, st.sampled_from(LOCALES))
def test_the_numbers_of_a_text_are_the_numbers_of_its_form(text: str, locale: str) -> None:
    # A character that is a number in itself never joins the digits beside it: read it apart.
    apart = "".join(
        f" {c} " if not c.isdecimal() and any(map(str.isdecimal, unicodedata.normalize("NFKC", c))) else c
        for c in text
        if unicodedata.category(c) not in {"Cf", "Cs", "Co", "Cn"}
    )
    assert _numbers(match_form(text, locale)) == _numbers(apart)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 9999), min_size=2, max_size=4), st.sampled_from([" ", "-", " - ", "/", "x", ",", "'"]))
def test_no_number_merges_with_its_neighbour(numbers: list[int], between: str) -> None:
    text = between.join(map(str, numbers))
    for locale in ("de", "en", "ja", "ko", "th", "fi"):
        assert re.findall(r"\d+", match_form(text, locale)) == list(map(str, numbers))


def test_what_is_no_locale_of_ours_folds_only_what_holds_everywhere() -> None:
    assert match_form("Blå  ÉCRAN, 500ml", "und") == "blå écran 500 ml"
