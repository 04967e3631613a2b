"""Gates: what may not change between a query and the head that stands for it."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shelfsense.reformulation.gates import attribute_refusal, product_type_refusal


@pytest.mark.parametrize(
    ("query", "head", "refusal"),
    [
        ("iphone 13", "iphone 15", "number 13 is missing"),
        ("sneaker 42", "sneaker", "number 42 is missing"),
        ("sneaker", "sneaker 42", "number 42 is missing from the query"),
        ("galaxy a52", "galaxy s52", "number a52 is missing"),
        ("sony wh-1000xm4", "sony wh-1000xm5", "number 1000xm4 is missing"),
        ("shampoo 500 ml", "shampoo 500 g", "number 500 ml is missing"),
        ("shampoo 500ml", "shampoo 50ml", "number 500ml is missing"),
        ("milch 1,5 l", "milch 1 l", "number 1,5 l is missing"),
        ('monitor 27"', "monitor 27 cm", "number 27 inch is missing"),
        ("шампунь 500 мл", "шампунь 500 г", "number 500 мл is missing"),
        ("手机 128g", "手机 256g", "number 128g is missing"),
        ("カーテン 30センチ", "カーテン 30ミリ", "number 30センチ is missing"),
        ("洗发水 500 毫升", "洗发水 500 克", "number 500 毫升 is missing"),
        ("t shirt xl", "t shirt xxl", "size xl is missing"),
        ("t shirt", "t shirt xl", "size xl is missing from the query"),
        ("t shirt m", "t shirt l", "size m is missing"),
        ("kleid größe m blau", "kleid größe s blau", "size m is missing"),
        ("schuhe größe 38", "schuhe 38 stück", "number 38 is missing"),
        ("schuhe größe 38", "schuhe 38 cm", "number 38 cm is missing from the query"),
        ("มือถือ 16 นิ้ว", "มือถือ 16 ซม", "number 16 ซม is missing from the query"),
        ("พัดลม 16 นิ้ว", "พัดลม 16 ชิ้น", "number 16 is missing"),
        ("แป้ง 500 กรัม", "แป้ง 500 มล", "number 500 กรัม is missing"),
        ("우유 500밀리리터", "우유 500그램", "number 500밀리리터 is missing"),
        ("पानी 2 लीटर", "पानी 2 किलो", "number 2 लीटर is missing"),
        ("زيت 2 ليتر", "زيت 2 كيلو", "number 2 ليتر is missing"),
        ("creme 50", "creme 50 ml", "number 50 ml is missing from the query"),
        ("wasser 1.5 l", "wasser 150 ml", "number 1.5 l is missing"),
        ("요가매트 10미리", "요가매트 20mm", "number 10미리 is missing"),
        ("iphone 15 ケース", "iphone ケース", "number 15 is missing"),
        ("teller 10 stück", "teller 10 cm", "number 10 cm is missing from the query"),
        ("five litre pot", "six litre pot", "number 5 litre is missing"),
        ("kindersitz 9 bis 36 kilo", "kindersitz 9-18 kg", "number 36 kilo is missing"),
        ("tool 2 in 1", "tool 2 inch 1", "number 2 inch is missing from the query"),
        ("power bank 10,000 mah", "power bank 1000 mah", "number 10000 mah is missing"),
        ("soixante dix pouces", "10 pouces", "number 10 pouces is missing from the query"),
    ],
)
def test_a_changed_number_unit_size_or_model_is_refused(query: str, head: str, refusal: str) -> None:
    assert attribute_refusal(query, head) == refusal


@pytest.mark.parametrize(
    ("query", "head"),
    [
        ("red shoes", "shoes red"),
        ("SNEAKER 42", "sneaker größe 42"),
        ("iPhone15 Pro", "iphone 15 pro"),
        ("wh1000xm4 headphones", "sony wh-1000xm4"),
        ("shampoo 500ml", "500 ML shampoo"),
        ("milch 1,5l", "milch 1.50 liter"),
        ("monitor 27 zoll", 'monitor 27"'),
        ("monitor 27″", "27 inch monitor"),
        ("iphone １３", "iphone 13"),  # full-width
        ("هاتف ١٣", "هاتف 13"),  # Arabic-Indic
        ("گوشی ۱۳", "گوشی 13"),  # Persian
        ("फोन १३", "फोन 13"),  # Devanagari
        ("सेब ५ किलो", "सेब 5 kg"),
        ("shampoo 500 мл", "shampoo 500 ml"),
        ("カーテン30センチ", "カーテン 30cm"),
        ("洗发水500毫升", "洗发水 500 ml"),
        ("พัดลม 16 นิ้ว", "พัดลม16"),
        ("handtuch 50x100", "handtuch 50 × 100"),
        ("t shirt XL", "xl t shirt"),
        ("šaty s rukávem", "šaty rukáv"),  # "s" is "with"
        ("men s shoes", "mens shoes"),
        ("schuhe größe 38", "schuhe gr. 38"),
        ("schuhe größe 38", "schuhe 38"),
        ("schuhe gr38", "schuhe 38"),
        ("靴 サイズ38", "靴 38"),
        ("구두 38사이즈", "구두 38"),
        ("kleid größe m", "kleid gr. m"),
        ("kleid größe m", "kleid m"),
        ("puzzle 1000 teile", "puzzle 1000"),
        ("puzzle tausend teile", "puzzle 1000 pezzi"),
        ("종이 10장", "종이 10매"),
        ("socken 6er-pack", "socken 6 stück"),
        ("タオル十枚", "タオル 10枚"),
        ("식탁 육인용", "식탁 6인용"),
        ("sixty five inch tv", '65" tv'),
        ("tv 65in", "tv 65 inch"),
        ("tv 65 in", 'tv 65"'),
        ("iphone 13 in black", "iphone 13 black"),
        ("15.6型 ノート", "15.6 インチ ノート"),
        ("모니터 27인치", "monitor 27 นิ้ว"),
        ("rod 30cm", "rod 30 centimetre"),
        ("rod 30センチ", "rod 30 ซม."),
        ("pfanne 28", "pfanne 28 cm"),
        ("1.5 l wasser", "wasser 1500 ml"),
        ("1メートル ぬいぐるみ", "ぬいぐるみ 100cm"),
        ("요가매트 10미리", "요가매트 10mm"),
        ("물 500미리", "물 500ml"),
        ("กระดาษ เอสี่", "กระดาษ a4"),
        ("プレステ五 ソフト", "ps5 ソフト"),
        ("จอ สี่เค", "จอ 4k"),
        ("blatt 40 mal 80", "blatt 40x80"),
        ("5er set", "set 5 stück"),
        ("一ダース", "12個"),
        ("pens dozen", "12 pcs pens"),
        ("غطاء 5 لتر", "غطاء 5 l"),
        ("kindersitz 9 bis 36 kilo", "kindersitz 9-36 kg"),
        ("siège 9 à 36 kg", "siège 9-36 kg"),
        ("หม้อ 1.8 ลิตร", "หม้อ 1.8L"),
        ("냄비 2리터", "냄비 ２Ｌ"),
        ("पानी 2 लीटर", "पानी do litar"),
        ("سلك 2 متر", "سلك 2 m"),
        ("شاشة 32 بوصه", "شاشة 32 بوصة"),
        ("مصباح 9 واط", "مصباح 9 وات"),
        ("power bank 10,000mah", "พาวเวอร์แบงค์ 10000 มิลลิแอมป์"),
        ("보조배터리 10000밀리암페어", "モバイル 10000ミリアンペア"),
        ("hose 5 metre", "hose 5m"),
    ],
)
def test_what_is_the_same_passes(query: str, head: str) -> None:
    assert attribute_refusal(query, head) == ""
    assert attribute_refusal(head, query) == ""


@given(st.text())
def test_a_query_agrees_with_itself(text: str) -> None:
    assert attribute_refusal(text, text) == ""


@given(st.text(alphabet="ab1²２٣ ml.,-x\"'英寸号"), st.text(alphabet="ab1²２٣ ml.,-x\"'英寸号"))
def test_a_refusal_does_not_depend_on_the_side(query: str, head: str) -> None:
    assert bool(attribute_refusal(query, head)) == bool(attribute_refusal(head, query))


_PARTS = st.sampled_from(
    [
        "tv",
        "größe",
        "gr.",
        "12",
        "5",
        "1.50",
        "10,000",
        "mah",
        "65",
        "inch",
        "in",
        "ml",
        "cm",
        "stück",
        "枚",
        "リットル",
        "นิ้ว",
        "리터",
        "개",
        "9",
        "bis",
        "36",
        "kg",
        "two",
        "sixty",
        "hundred",
        "2l",
        "a52",
        "3in1",
        "-",
        "x",
    ]
)


@given(st.lists(_PARTS, max_size=8), st.sampled_from(["", " "]), st.data())
def test_a_changed_digit_is_refused_from_either_side(parts: list[str], gap: str, data: st.DataObject) -> None:
    text = gap.join([*parts, "7"])
    place = data.draw(st.sampled_from([i for i, character in enumerate(text) if character.isdecimal()]))
    digit = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != text[place]]))
    changed = text[:place] + digit + text[place + 1 :]
    numbers = [sorted(re.findall(r"\d+", written)) for written in (text, changed)]
    assume(not any(set(a) <= set(b) for a, b in (numbers, numbers[::-1])))
    assert attribute_refusal(text, changed)
    assert attribute_refusal(changed, text)


def test_a_head_of_a_type_the_query_does_not_mean_is_refused() -> None:
    assert product_type_refusal(0.001, 0.9, 0.4) == "means another product type"
    assert product_type_refusal(0.9, 0.001, 0.4) == "means another product type"
    assert product_type_refusal(0.3, 0.3, 0.4) == ""
    assert product_type_refusal(0.001, 0.001, 0.9) == ""
