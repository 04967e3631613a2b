"""Units and counters: the one name of each, however it is written.

Measures ("500 ml") are part of the number before them. Counters ("10 pcs") say nothing of their own and
may be left out; two different ones are still a difference. Knows nothing of numbers.
"""

from __future__ import annotations

from decimal import Decimal

from shelfsense.text import normal_form

_MEASURES = {
    "mg": "mg мг 毫克 مجم ملغ मिग्रा 밀리그램 มก มิลลิกรัม ミリグラム มิลลิกรัม จี",
    "g": "g gr gm gms gramm gram grams gramme grammes gramos gramas grammi gramów гр г грамм グラム 克 جرام غرام جم ग्राम 그램 그람 กรัม",
    "kg": "kg kgs kilo kilos kilogram kilograms kilogramm kilogramme kilogrammes кг キロ キログラム 公斤 千克 كجم كغ كيلو كيلوجرام किलो किग्रा โล 키로그람"
    " किलोग्राम 킬로 킬로그램 키로 키로그램 กก กิโล กิโลกรัม",
    "km": "km 킬로미터 キロメートル กิโลเมตร กม किलोमीटर",
    "ml": "ml мл millilitre millilitres milliliter milliliters mililitros ミリリットル ミリリッター 毫升 مل ملي मिली मिलीलीटर एमएल 밀리리터 미리리터 มล มิลลิลิตร emel cc ซีซี सीसी 시시 시씨",
    "cl": "cl centilitre centiliter",
    "l": "l lt ltr ltrs litar liter liters litre litres litr litry litrów litro litros litri литр литра литров л リットル 升 لتر ليتر लीटर लिटर litar 리터 ลิตร leetar liter litar リッター 리타",
    "mm": "mm мм millimetre millimetres millimeter millimeters milímetros millimètres ミリメートル ミリメーター 毫米 مم ملم मिमी 밀리미터 มม มิลลิเมตร",
    "cm": "cm cms см centimetre centimetres centimeter centimeters zentimeter centimètre centimètres centímetros centimetri เซ็น เซ็นต์ सेंटी 센치미터 センチメーター"
    " センチ センチメートル 厘米 公分 سم سنتيمتر सेमी सेंटीमीटर 센티 센치 센티미터 ซม เซน เซนติเมตร",
    "m": "m mt mts mtr м meter meters metre metres mètre mètres metro metros metri metr metry metrów метр метра метров メートル متر मीटर 미터 เมตร meetar metar mitar メーター 메타",
    "inch": "inch inches inchi inç zoll tum pollici pollice pulgada pulgadas polegada polegadas pouce pouces cale cali дюйм дюйма дюймов inchi इंची 吋 インチ 인찌"
    " インチ 英寸 吋 寸 بوصة بوصه انش إنش इंच इन्च 인치",
    "ft": "ft feet foot fuß फुट फीट ฟุต 피트 フィート قدم pés",
    "oz": "oz ounce ounces ออนซ์ 온스 オンス unzen onces औंस", "lb": "lb lbs pound pounds ปอนด์ 파운드 ポンド pfund पाउंड",
    "mb": "mb мб", "gb": "gb гб جيجا giga gigs กิ๊ก จิ๊ก กิก จีบี 기가 ギガ जीबी गीगा jibi jb gigabyte gigabytes", "tb": "tb тб terabyte terabytes เทระ เทอรา ทีบี 테라 テラ टीबी تيرا",
    "v": "v volt volts вольт โวลต์ โวล 볼트 ボルト वोल्ट فولت", "k": "k karat carat carats", "ah": "ah एएच", "hp": "hp एचपी", "btu": "btu บีทียู",
    "mm/ml": "มิล", "mm/ml/mg": "ミリ 미리 밀리",
    "w": "w watt watts watios wat вт ватт ワット 瓦 واط وات वाट वॉट 와트 와뜨 วัตต์ วัต vat",
    "mah": "mah мач ミリアンペア ミリアンペアアワー 毫安 مللي-أمبير एमएएच 밀리암페어 มิลลิแอมป์ มิลลิแอมป์ชั่วโมง",
    "hz": "hz hertz เฮิรตซ์ เฮิร์ต 헤르츠 ヘルツ", "code": "码 碼 号 號 호",
}  # fmt: skip

# 型 and นิ้ว are often left out where a screen or a fan is meant.
_COUNTERS = {
    "inch": "型 นิ้ว",
    "畳": "畳",
    "person": "person persons personen personnes personas pessoas persone kişilik 인용 인 人用 人掛け 人掛 人",
    "pack": "包",
    "pcs": "pcs pc pce piece pieces stück stücke stk teile teilen teilig pièce pièces pieza piezas peça peças pezzo pezzi stuk stuks"
    " szt sztuk sztuki adet parça delar bitar ks шт штук штуки 個 个 個入 入り 枚 本 片 개 개입 입 장 매 알 본"
    " قطعة قطعه قطع حبة पीस ก้อน ชิ้น อัน ใบ ตัว แผ่น เม็ด",
}

_LENGTHS = {"mm": 1, "cm": 10, "m": 1000, "km": 1_000_000}
_SCALES = {
    **{unit: ("mm", scale) for unit, scale in _LENGTHS.items()},
    **{unit: ("mg", scale) for unit, scale in {"mg": 1, "g": 1000, "kg": 1_000_000}.items()},
    **{unit: ("ml", scale) for unit, scale in {"ml": 1, "cl": 10, "l": 1000}.items()},
    "inch": ("inch", 1),
    "ft": ("inch", 12),
}

LEFT_OUT = frozenset(["mm", "cm", "inch", "mm/ml", "mm/ml/mg"])
"""Lengths that shoppers leave out: "pfanne 28" is 28 cm wide."""

LENGTHS = LEFT_OUT | {"m", "ft"}


def quantities(number: str, measure: str) -> frozenset[tuple[Decimal, str]]:
    """Return what a measured number says, in one unit of its kind: "1.5 l" is 1500 ml.

    Args:
        number: plain digits, with a point before decimals.
        measure: a name of `MEASURES`; more than one where a word may mean several ("ミリ").
    """
    scales = [_SCALES.get(unit, (unit, 1)) for unit in measure.split("/")]
    return frozenset((Decimal(number) * scale, unit) for unit, scale in scales)


MEASURES = {normal_form(name): unit for unit, names in _MEASURES.items() for name in names.split()}
"""The one name of a measure by each of its spellings, in normal form."""

COUNTERS = {normal_form(name): counter for counter, names in _COUNTERS.items() for name in names.split()}
"""Likewise of what a number may stand before or not: "puzzle 1000 teile" is "puzzle 1000"."""

SIZE_MARKS = tuple(
    normal_form(
        "größe grösse groesse gr. gr size taille talla taglia tamanho maat storlek rozmiar サイズ 사이즈 ไซส์ مقاس साइज साइज़"
    ).split()
)
"""Words before a size that are no part of it: "größe 38" is "38"."""
