"""Gates: what may not change between a query and the head that stands for it."""

from __future__ import annotations

import pytest
from hypothesis import given
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


def test_a_head_of_a_type_the_query_does_not_mean_is_refused() -> None:
    assert product_type_refusal(0.09, 0.9) == "means another product type"
    assert product_type_refusal(0.9, 0.29) == "means another product type"
    assert product_type_refusal(0.3, 0.3) == ""
