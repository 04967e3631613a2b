"""Locales: from any BCP 47 tag to one of the bundle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfsense.errors import InvalidQuery
from shelfsense.locales import Locales, ResolvedLocale, language_of

TAGS = (  # noqa: SIM905  one line per locale would hide the list
    "bg-BG cs da de el en es fi fr hr-HR hu id-ID it ja ko lt-LT nb nl pl pt-BR pt-PT ro-RO ru sk-SK sl-SI sv th tr vi "
    "zh-CN zh-TW ar-SA hi-IN"
).split()
LOCALES = Locales(TAGS)


@pytest.mark.parametrize("tag", TAGS)
def test_a_tag_of_the_bundle_is_itself(tag: str) -> None:
    assert LOCALES.resolve(tag) == ResolvedLocale(tag, "exact")
    assert LOCALES.resolve(tag.upper()) == ResolvedLocale(tag, "exact")


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        ("zh-HK", "zh-TW"),
        ("zh-Hant", "zh-TW"),
        ("zh-Hant-HK", "zh-TW"),
        ("zh-Hans-HK", "zh-CN"),
        ("zh-SG", "zh-CN"),
        ("zh", "zh-CN"),
        ("no", "nb"),
        ("no-NO", "nb"),
        ("nb-NO", "nb"),
        ("nn", "nb"),
        ("en-US", "en"),
        ("en-GB", "en"),
        ("en_GB", "en"),
        ("pt", "pt-BR"),
        ("pt-AO", "pt-BR"),
        ("es-419", "es"),
        ("de-CH", "de"),
        ("de-u-co-phonebk", "de"),
        ("fr-x-shop", "fr"),
        ("hr", "hr-HR"),
        ("ar-EG", "ar-SA"),
        ("hi", "hi-IN"),
        ("hi-Latn", "hi-IN"),
        ("in", "id-ID"),  # the old code of Indonesian
        ("ro-MD", "ro-RO"),
    ],
)
def test_a_related_tag_resolves_to_its_nearest_locale(asked: str, used: str) -> None:
    assert LOCALES.resolve(asked).tag == used


@pytest.mark.parametrize("tag", ["", "und", "und-Latn", "sr", "sr-Latn", "uk", "he", "x-private", "mul", "zz"])
def test_a_tag_of_no_related_locale_is_undetermined(tag: str) -> None:
    assert LOCALES.resolve(tag) == ResolvedLocale("und", "none")


@pytest.mark.parametrize(
    "tag",
    [
        "!!",
        "deutsch",
        "d",
        "de--AT",
        "-de",
        "de-",
        " de",
        "de\n",
        "en-US-US",
        "en_US.UTF-8",
        "dé",
        "😀",
        "x" * 65,
        "dt5-onq-en5",
    ],
)
def test_what_is_not_bcp_47_is_refused_on_the_locale(tag: str) -> None:
    with pytest.raises(InvalidQuery, match="BCP 47") as caught:
        LOCALES.resolve(tag)
    assert caught.value.field == "locale"
    assert caught.value.message.isprintable()


@given(st.text(max_size=80))
def test_any_text_resolves_or_is_refused(tag: str) -> None:
    try:
        resolved = LOCALES.resolve(tag)
    except InvalidQuery:
        return
    assert resolved.tag in {*TAGS, "und"}


def test_tokens_follow_the_order_of_the_bundle_with_und_last() -> None:
    assert [LOCALES.token(tag) for tag in TAGS] == list(range(33))
    assert LOCALES.token("und") == 33


def test_where_only_one_script_is_served_the_language_still_wins_over_und() -> None:
    assert Locales(["zh-CN"]).resolve("zh-HK") == ResolvedLocale("zh-CN", "language")


def test_norwegian_resolves_whichever_way_the_bundle_spells_it() -> None:
    assert Locales(["no"]).resolve("nb").tag == "no"


@pytest.mark.parametrize(("tag", "language"), [("pt-BR", "pt"), ("de", "de"), ("und", "und")])
def test_the_language_of_a_tag(tag: str, language: str) -> None:
    assert language_of(tag) == language
