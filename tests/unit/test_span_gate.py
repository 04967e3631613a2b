"""The gate of colours, brands and materials, and what counts as the same word."""

from __future__ import annotations

import pytest

from shelfsense.reformulation.attribute_spans import AttributeSpan, spans_to_text
from shelfsense.reformulation.same_word import same_word
from shelfsense.reformulation.span_gate import attribute_span_refusal
from shelfsense.reformulation.word_gates import words_refusal


def color(text: str) -> list[AttributeSpan]:
    return [AttributeSpan("color", text)]


def test_what_the_query_names_must_be_in_the_head_and_the_other_way_round() -> None:
    red, nike = color("red"), [AttributeSpan("brand", "nike")]
    assert attribute_span_refusal(red, "red shoes", [], "blue shoes", "en") == "color red is missing"
    refusal = attribute_span_refusal([], "red shoes", nike, "red nike shoes", "en")
    assert refusal == "brand nike is missing from the query"
    assert attribute_span_refusal(red, "red shoes", red, "shoes red", "en") == ""


def test_a_head_need_not_be_tagged_alike_to_name_the_same() -> None:
    assert attribute_span_refusal(color("red"), "red shoes", [], "red shoes for men", "en") == ""


@pytest.mark.parametrize(
    ("locale", "named", "text"),
    [
        ("en", "reds", "shoe red"),
        ("de", "rote", "schuhe rot"),
        ("de", "leder", "lederschuhe braun"),
        ("de", "lederschuhe", "leder schuhe"),
        ("de", "grün", "gruene vase"),
        ("fr", "blanche", "sac blanc"),
        ("es", "rojas", "zapato rojo"),
        ("it", "nera", "borse neri"),
        ("pl", "czarna", "buty czarne"),
        ("ru", "красные", "красная сумка"),
        ("hi-IN", "काला", "काली टोपी"),
        ("en", "samsung", "samsang phone"),
        ("ja", "赤い", "赤スニーカー"),
        ("ja", "ナイキ", "ないき 靴"),
        ("zh-CN", "红色", "红裙子"),
        ("th", "สีแดง", "รองเท้าแดง"),
        ("ko", "나이키", "나이키운동화"),
        ("en", "500 grams", "coffee 500g"),
        ("en", "1,5 liter", "bottle 1.5l"),
    ],
)
def test_another_form_of_the_word_is_found(locale: str, named: str, text: str) -> None:
    assert attribute_span_refusal([AttributeSpan("brand", named)], named, [], text, locale) == ""


@pytest.mark.parametrize(
    ("locale", "named", "text"),
    [
        ("en", "gould", "golf ring"),
        ("en", "pink", "pin badge"),
        ("en", "brass", "bras"),
        ("de", "nik", "panik korb"),
        ("zh-CN", "红色", "蓝色裙子"),
        ("ja", "エプソン", "キヤノン インク"),
        ("en", "dark red", "dark blue shoes"),
    ],
)
def test_another_word_is_not(locale: str, named: str, text: str) -> None:
    refusal = attribute_span_refusal([AttributeSpan("brand", named)], named, [], text, locale)
    assert refusal == f"brand {named} is missing"


def test_words_of_another_script_cannot_be_compared() -> None:
    assert attribute_span_refusal([AttributeSpan("brand", "oral-b")], "oral-b", [], "オーラル", "ja") == ""
    assert attribute_span_refusal([AttributeSpan("brand", "laal")], "laal saree", [], "लाल साड़ी", "hi-IN") == ""


def test_only_where_people_marked_queries_the_network_tells_colours() -> None:
    assert attribute_span_refusal(color("red"), "red", [], "blue", "en") == "color red is missing"
    assert attribute_span_refusal(color("rot"), "rot", [], "blau", "de") == ""


def test_words_with_digits_have_no_other_form() -> None:
    assert not same_word("1000", "1001", "en")
    assert not same_word("xm4abcde", "xm5abcde", "en")
    assert same_word("1000", "1000", "en")


@pytest.mark.parametrize(
    ("query", "head", "refusal"),
    [
        ("cable 2m", "cable 3m", "number 2m is missing"),
        ("tea without sugar", "tea", "does not exclude sugar"),
        ("women's coat", "men's coat", "is for another audience: men, not women"),
        ("wired mouse", "wireless mouse", "says the opposite: wireless, not wired"),
        ("red coat", "blue coat", "color red is missing"),
        ("coat", "wool coat", "material wool is missing from the query"),
        ("red coat", "coat red", ""),
        ("black shirt", "blank shirt", "color black is missing"),
        ("green shirt", "greek shirt", "color green is missing"),
        ("leather hat", "feather hat", "material leather is missing"),
    ],
)
def test_each_gate_says_why(query: str, head: str, refusal: str) -> None:
    def spans() -> tuple[AttributeSpan, ...]:
        return tuple(color("red")) if "red" in query.split() else ()

    theirs = [AttributeSpan("material", "wool")] if "wool" in head else []
    found = words_refusal(query, "en", head, "en", spans=spans, attributes=spans_to_text(theirs))
    assert found == refusal


def test_a_head_of_which_nobody_knows_is_checked_from_the_querys_side_alone() -> None:
    assert words_refusal("coat", "en", "barbour coat", "en", spans=lambda: ()) == ""
    asked = (AttributeSpan("brand", "barbour"),)
    assert words_refusal("barbour coat", "en", "coat", "en", spans=lambda: asked) == "brand barbour is missing"


def test_spans_are_not_looked_for_where_another_gate_refuses_or_the_network_cannot_tell() -> None:
    def spans() -> tuple[AttributeSpan, ...]:
        raise AssertionError("was asked")

    assert words_refusal("cable 2m", "en", "cable 3m", "en", spans=spans) != ""
    brand = spans_to_text([AttributeSpan("brand", "barbour")])
    assert words_refusal("coat", "en", "barbour coat", "en", attributes=brand) == ""


def test_across_languages_words_are_not_compared_but_numbers_and_exclusion_are() -> None:
    red = tuple(color("rote"))
    assert words_refusal("rote schuhe", "de", "red shoes", "en", spans=lambda: red) == ""
    assert words_refusal("schuhe 42", "de", "shoes 43", "en", spans=lambda: ()) == "number 42 is missing"
    assert words_refusal("tee ohne zucker", "de", "tea without sugar", "en", spans=lambda: ()) == ""
    assert words_refusal("tee ohne zucker", "de", "tea", "en", spans=lambda: ()) == "does not exclude zucker"
    assert words_refusal("kabelgebundene maus", "de", "wireless mouse", "en").startswith("says the opposite")


@pytest.mark.parametrize(
    ("locale", "named"), [("en", "cotton"), ("en", "one"), ("ja", "ステ"), ("th", "ดิ"), ("hi-IN", "जी")]
)
def test_words_of_things_numbers_and_pieces_of_words_are_no_brands(locale: str, named: str) -> None:
    assert (
        attribute_span_refusal([AttributeSpan("brand", named)], named, [], "x" if locale == "en" else "กขคシ", locale)
        == ""
    )
