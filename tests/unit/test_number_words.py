"""Number words become digits where one whole number is surely meant, and nowhere else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfsense.reformulation.number_words import fold_number_words
from shelfsense.text import normal_form


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("sixty five inch tv", "65 inch tv"),
        ("sixty-five inch tv", "65 inch tv"),
        ("two hundred gram", "200 gram"),
        ("five thousand two hundred mah", "5200 mah"),
        ("fünfundsechzig zoll", "65 zoll"),
        ("zwölf stück", "12 stück"),
        ("tausend teile", "1000 teile"),
        ("vingt et un pouces", "21 pouces"),
        ("mille pièces", "1000 pièces"),
        ("treinta y dos pulgadas", "32 pulgadas"),
        ("dos litros", "2 litros"),
        ("trescientos cinco ml", "305 ml"),
        ("duas peças", "2 peças"),
        ("due litri", "2 litri"),
        ("vijf liter", "5 liter"),
        ("pięć litrów", "5 litrów"),
        ("beş litre", "5 litre"),
        ("åtta delar", "8 delar"),
        ("ein liter", "1 liter"),
        ("do litar", "2 litar"),
        ("पाँच लीटर", "5 लीटर"),
        ("दो किलो", "2 किलो"),
        ("ثلاثة لتر", "3 لتر"),
        ("दो सौ पचास ग्राम", "250 ग्राम"),
        ("ढाई सौ मिली", "250 मिली"),
        ("साढ़े सात सौ वाट", "750 वाट"),
        ("पच्चीस लीटर", "25 लीटर"),
        ("battis inch tv", "32 inch tv"),
        ("zehn mal zweiundvierzig", "10x42"),
        ("hundertzwanzig körnung", "120 körnung"),
        ("size one", "size 1"),
        ("9 by 12 paper", "9x12 paper"),
    ],
)
def test_a_number_word_is_written_in_digits(text: str, folded: str) -> None:
    assert fold_number_words(normal_form(text)) == normal_form(folded)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("二十五枚", "25"),
        ("三人用テント", "3"),
        ("두 개", "2"),
        ("두개", "2"),
        ("육인용 식탁", "6"),
        ("이십오 리터", "25"),
        ("ยี่สิบเอ็ดนิ้ว", "21"),
        ("สองลิตร", "2"),
        ("หกฟุต", "6"),
        ("เก้าพันบีทียู", "9000"),
        ("ร้อยแปดสิบ", "180"),
        ("สองห้าหกกิ๊ก", "256"),
        ("สามจุดห้ามิล", "3"),
        ("สี่เค", "4"),
        ("二四センチ", "24"),
        ("五百ミリ", "500"),
        ("拾キロ", "10"),
        ("百九十五センチ", "195"),
        ("たん三", "3"),
        ("열두자루", "12"),
        ("스물여섯인치", "26"),
        ("이만 밀리암페어", "20000"),
        ("오백장 복사지", "500"),
        ("이백오십 구두", "250"),
        ("two dozen", "24"),
    ],
)
def test_a_number_before_a_counter_is_written_in_digits(text: str, number: str) -> None:
    assert re.findall(r"\d+", fold_number_words(normal_form(text)))[:1] == [number]


@pytest.mark.parametrize(
    "text",
    [
        "sac a dos",
        "casque neuf",
        "ein kleid",
        "une robe",
        "all in one",
        "one piece",
        "soixante dix pouces",  # 70: neither 60 nor 10
        "quatre vingt pouces",
        "two three inch",
        "on iki kg",  # 12
        "two point five kg",
        "two and a half kg",
        "خمسة وستين بوصة",
        "육개장",
        "사장 의자",
        "세단",
        "เก้าอี้",
        "八宝菜",
        "เก้าอี้สี่เหลี่ยม",
        "พันธุ์เล็ก",
        "三つ編み",
        "千鳥格子",
        "이천쌀",
        "삼성",
        "백팩",
        "fahrrad bis",
        "gr5two",
    ],
)
def test_what_may_be_no_number_stays(text: str) -> None:
    assert fold_number_words(normal_form(text)) == normal_form(text)


@given(
    st.lists(
        st.sampled_from(
            ["two", "12", "5", "hundred", "sixty", "litre", "3ml", "zwei", "二十枚", "두개", "สองลิตร", "10mah", "mille"]
        ),
        max_size=8,
    ).map(" ".join)
)
def test_digits_that_were_there_stay_in_order_and_apart(text: str) -> None:
    left = iter(re.findall(r"\d+", fold_number_words(text)))
    assert all(number in left for number in re.findall(r"\d+", text))
