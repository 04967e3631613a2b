"""Units and counters: the one name of each, however it is written.

Measures ("500 ml") are part of the number before them. Counters ("10 pcs") say nothing of their own and
may be left out; two different ones are still a difference. Knows nothing of numbers.
"""

from __future__ import annotations

from shelfsense.text import normal_form

_MEASURES = {
    "mg": "mg мг 毫克 مجم ملغ मिग्रा 밀리그램 มก มิลลิกรัม ミリグラム",
    "g": "g gr gm gms gramm gram grams gramme grammes gramos gramas grammi gramów гр г грамм グラム 克 جرام غرام جم ग्राम 그램 그람 กรัม",
    "kg": "kg kgs kilo kilos kilogram kilograms kilogramm kilogramme kilogrammes кг キロ キログラム 公斤 千克 كجم كغ كيلو كيلوجرام किलो किग्रा"
    " किलोग्राम 킬로 킬로그램 키로 키로그램 กก กิโล กิโลกรัม",
    "km": "km 킬로미터 キロメートル กิโลเมตร กม किलोमीटर",
    "ml": "ml мл millilitre millilitres milliliter milliliters mililitros ミリリットル 毫升 مل ملي मिली मिलीलीटर एमएल 밀리리터 미리리터 미리 มล มิลลิลิตร",
    "cl": "cl centilitre centiliter",
    "l": "l lt ltr ltrs litar liter liters litre litres litr litry litrów litro litros litri литр литра литров л リットル 升 لتر ليتر लीटर लिटर litar 리터 ลิตร",
    "mm": "mm мм millimetre millimetres millimeter millimeters milímetros millimètres ミリ ミリメートル 毫米 مم ملم मिमी 밀리미터 มม มิลลิเมตร",
    "cm": "cm cms см centimetre centimetres centimeter centimeters zentimeter centimètre centimètres centímetros centimetri"
    " センチ センチメートル 厘米 公分 سم سنتيمتر सेमी सेंटीमीटर 센티 센치 센티미터 ซม เซน เซนติเมตร",
    "m": "m mt mts mtr м meter meters metre metres mètre mètres metro metros metri metr metry metrów метр метра метров メートル متر मीटर 미터 เมตร",
    "inch": "inch inches inchi inç zoll tum pollici pollice pulgada pulgadas polegada polegadas pouce pouces cale cali дюйм дюйма дюймов"
    " インチ 英寸 吋 寸 بوصة بوصه انش إنش इंच इन्च 인치",
    "ft": "ft feet foot fuß फुट फीट", "oz": "oz", "lb": "lb lbs", "mb": "mb мб", "gb": "gb гб جيجا", "tb": "tb тб", "v": "v volt volts",
    "w": "w watt watts watios wat вт ватт ワット 瓦 واط وات वाट वॉट 와트 วัตต์",
    "mah": "mah мач ミリアンペア ミリアンペアアワー 毫安 مللي-أمبير एमएएच 밀리암페어 มิลลิแอมป์ มิลลิแอมป์ชั่วโมง",
    "hz": "hz", "code": "码 碼 号 號 호",
}  # fmt: skip

# 型 and นิ้ว are often left out where a screen or a fan is meant.
_COUNTERS = {
    "inch": "型 นิ้ว",
    "畳": "畳",
    "person": "person persons personen personnes personas pessoas persone kişilik 인용 인 人用 人",
    "pack": "包",
    "pcs": "pcs pc pce piece pieces stück stücke stk teile teilen teilig pièce pièces pieza piezas peça peças pezzo pezzi stuk stuks"
    " szt sztuk sztuki adet parça delar bitar ks шт штук штуки 個 个 個入 入り 枚 本 片 개 개입 입 장 매 알 본"
    " قطعة قطعه قطع حبة पीस ก้อน ชิ้น อัน ใบ ตัว แผ่น เม็ด",
}

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
