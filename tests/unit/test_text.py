"""Query text: checks, and normal forms that never crash and never change twice."""

from __future__ import annotations

import unicodedata
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfsense.errors import InvalidQuery
from shelfsense.text import MAX_QUERY_BYTES, check_text, decode_text, model_form, normal_form

ANY_TEXT = st.text(alphabet=st.characters())  # lone surrogates and unassigned characters included


@given(ANY_TEXT)
def test_the_normal_form_of_a_normal_form_is_itself(text: str) -> None:
    assert normal_form(normal_form(text)) == normal_form(text)


@given(ANY_TEXT, st.sampled_from(["und", "en", "tr", "az"]))
def test_the_model_form_of_a_model_form_is_itself(text: str, language: str) -> None:
    once = model_form(text, language)
    assert model_form(once, language) == once


@given(ANY_TEXT)
def test_the_model_form_can_be_encoded_and_holds_no_control_character(text: str) -> None:
    form = model_form(text)
    form.encode("utf-8")
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in form)


@given(text=ANY_TEXT, truncate=st.booleans())
def test_a_check_returns_a_text_within_the_limit_or_refuses_it(text: str, *, truncate: bool) -> None:
    try:
        checked, cut = check_text(text, truncate=truncate)
    except InvalidQuery:
        return
    assert len(checked.encode("utf-8", "surrogatepass")) <= MAX_QUERY_BYTES
    assert cut == (checked != text)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("  Red \t SHOES\n", "red shoes"),
        ("ＡＢＣ　１２３", "abc 123"),
        ("ﾊﾝﾄﾞﾊﾞｯｸﾞ", "ハンドバッグ"),
        ("Straße", "straße"),
        ("ΣΤΥΛΟΣ", "στυλος"),
        ("I\u0316\u0307", "i\u0316\u0307"),
    ],
)
def test_width_case_and_spaces_fold(text: str, form: str) -> None:
    assert normal_form(text) == form
    assert normal_form(form) == form


def test_invisible_characters_do_not_reach_the_network() -> None:
    assert model_form("sho\u00ades\u200b \u202ered\u202c") == "shoes red"


@given(st.text() | ANY_TEXT, st.sampled_from(["und", "en", "tr", "az"]))
def test_an_invisible_character_behind_a_text_changes_nothing(text: str, language: str) -> None:
    assert model_form(text + "\u2060", language) == model_form(text, language)
    assert _is_refused(text + "\u2060") == _is_refused(text)


def test_every_character_alone_is_visible_or_refused() -> None:
    # All but the long rows of signs and syllables, and of what is not assigned.
    blocks = (
        range(1, 0x3400),
        range(0xA000, 0xAC00),
        range(0xD7F0, 0xE010),
        range(0xF900, 0x12000),
        range(0xE0000, 0xE0200),
    )
    for character in map(chr, chain(*blocks)):
        joiner = character in "\u200c\u200d"
        assert _is_refused(character) == (joiner or not model_form(character)), hex(ord(character))


def _is_refused(text: str) -> bool:
    try:
        check_text(text, truncate=True)
    except InvalidQuery:
        return True
    return False


def test_joiners_that_spell_words_are_kept() -> None:
    assert model_form("می\u200cخواهم") == "می\u200cخواهم"


def test_a_letter_and_its_accent_compose_once_nothing_stands_between() -> None:
    assert model_form("e\u200b\u0301") == "é"


@pytest.mark.parametrize(("language", "form"), [("tr", "kırmızı i"), ("az", "kırmızı i"), ("en", "kirmizi i")])
def test_the_turkish_i_is_lowered_by_language(language: str, form: str) -> None:
    assert model_form("KIRMIZI İ", language) == form


@pytest.mark.parametrize("text", ["", " ", "\t\n", "\u200b", "\u00ad\u2060", "\u200d", " \u200c ", "\u0001"])
def test_a_text_with_nothing_visible_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery, match="send the words the shopper typed") as caught:
        check_text(text)
    assert caught.value.field == "text"


def test_u0000_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidQuery, match="character 3; remove it"):
        check_text("red\0shoes")


def test_the_limit_is_in_bytes() -> None:
    assert check_text("é" * 512) == ("é" * 512, False)
    with pytest.raises(InvalidQuery, match="longer than 1024 bytes"):
        check_text("é" * 513)


def test_a_cut_never_splits_a_character() -> None:
    assert check_text("a" + "é" * 600, truncate=True) == ("a" + "é" * 511, True)


def test_a_cut_text_is_still_checked() -> None:
    with pytest.raises(InvalidQuery, match="white space"):
        check_text(" " * 2000 + "shoes", truncate=True)


def test_bad_utf8_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidQuery, match=r"byte 3") as caught:
        decode_text(b"red\xff")
    assert caught.value.field == "text_utf8"
    assert decode_text("größe".encode()) == "größe"
