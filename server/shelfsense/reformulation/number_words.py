"""Numbers written as words, written as digits: "sixty five inch" is "65 inch".

The language is not known here, so a word that is something else in another language ("dos", "neuf") or an
article ("ein", "une") counts only before a unit. What is not surely one whole number stays as it is
written: a part of it folded ("soixante dix" as 10) would make two different numbers alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial

from shelfsense.reformulation.units import COUNTERS, MEASURES
from shelfsense.text import normal_form

_ANYWHERE, _BEFORE_COUNTER, _BEFORE_MEASURE = range(3)

_NO_WHOLE = 0  # of a word that makes the number beside it a part of another
_TENS = (20, 30, 40, 50, 60, 70, 80, 90)
# From two on; "-" where the word is below, among the doubtful ones.
_UP_FROM_TWO = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
    "zwei drei vier fünf sechs sieben acht neun zehn - zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn",
    "deux trois quatre cinq six sept huit - dix onze douze treize quatorze quinze seize",
    "- - cuatro cinco seis siete ocho nueve diez - doce trece catorce quince dieciséis diecisiete dieciocho diecinueve",
    "dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete dezoito dezenove",
    "- tre - cinque - sette - nove dieci undici dodici tredici quattordici quindici sedici",
    "twee drie vier vijf zes zeven acht negen tien - twaalf dertien veertien vijftien zestien zeventien achttien negentien",
    "dwa trzy cztery pięć sześć siedem osiem dziewięć dziesięć jedenaście dwanaście trzynaście czternaście piętnaście",
    "iki üç dört beş - yedi sekiz dokuz",
    "två tre fyra - - sju åtta nio tio elva tolv tretton fjorton femton sexton sjutton arton nitton",
    "- तीन चार पांच छह सात आठ नौ दस",
    "اثنين ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة عشرة",
    "اثنان ثلاث أربع خمس - - ثماني تسع عشر",
    "- ثلاثه اربعة خمسه سته سبعه ثمانيه تسعه عشره",
    "- - اربع - - - ثمان",
    "duas - اربعه",
)
_TENS_WORDS = (
    "twenty thirty forty fifty sixty seventy eighty ninety",
    "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "vingt trente quarante cinquante soixante septante octante nonante",
    "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
    "- trenta quaranta cinquanta sessanta settanta ottanta novanta",
    "twintig dertig veertig vijftig zestig zeventig tachtig negentig",
    "dwadzieścia trzydzieści czterdzieści pięćdziesiąt sześćdziesiąt siedemdziesiąt osiemdziesiąt dziewięćdziesiąt",
    "yirmi otuz kırk elli altmış yetmiş seksen doksan",
    "tjugo trettio fyrtio femtio sextio sjuttio åttio nittio",
    "عشرين ثلاثين أربعين خمسين ستين سبعين ثمانين تسعين",
    "عشرون ثلاثون أربعون خمسون ستون سبعون ثمانون تسعون",
    "وعشرين وثلاثين وأربعين وخمسين وستين وسبعين وثمانين وتسعين",
    "وعشرون وثلاثون واربعين وخمسون وستون وسبعون وثمانون وتسعون",
)
_OTHERS = {
    _ANYWHERE: {100: "hundred hundert", 1000: "thousand tausend", 5: "पाँच", 20: "बीस", 50: "पचास", 200: "doscientos doscientas duzentos duzentas dwieście",
        300: "trescientos trescientas trezentos trezentas trzysta", 400: "cuatrocientos quatrocentos czterysta",
        500: "quinientos quinientas quinhentos quinhentas pięćset", 600: "seiscientos seiscentos sześćset",
        700: "setecientos setecentos siedemset", 800: "ochocientos oitocentos osiemset", 900: "novecientos novecentos dziewięćset",
        _NO_WHOLE: "सौ हजार हज़ार point komma virgule coma vírgula virgola przecinek"},
    _BEFORE_COUNTER: {
        2: "dos due do दो", 3: "tres teen tin", 4: "quattro char", 5: "fem paanch panch", 6: "sei altı chhe chhah छः ست",
        7: "saat سبع", 8: "otto aath", 9: "neuf nau", 10: "dus", 11: "elf once", 20: "venti bees",
        100: "cents cien cem cento honderd sto yüz hundra مئة مائة ميه", 1000: "mil mille duizend tusen tysiąc ألف الف",
    },
    _BEFORE_MEASURE: {1: "one ein eine einen un une uno una um uma een jeden bir ett ek एक واحد", 6: "sex", 10: "on", 100: "cent"},
}  # fmt: skip


def _table() -> dict[str, tuple[int, int]]:
    table: dict[str, tuple[int, int]] = {}
    rows = [(range(2, 20), row) for row in _UP_FROM_TWO] + [(_TENS, row) for row in _TENS_WORDS]
    for numbers, row in rows:
        table.update({normal_form(word): (n, _ANYWHERE) for n, word in zip(numbers, row.split(), strict=False)})
    german = (_UP_FROM_TWO[1].split()[:8], _TENS_WORDS[1].split())
    for n, unit in enumerate(("ein", *german[0]), start=1):
        table.update({f"{unit}und{word}": (ten + n, _ANYWHERE) for ten, word in zip(_TENS, german[1], strict=True)})
    for kind, words in _OTHERS.items():
        table.update({normal_form(word): (n, kind) for n, row in words.items() for word in row.split()})
    table.pop("-", None)
    return table


_WORDS = _table()
_NUMBERS = frozenset(_WORDS)
_WORD = re.compile(r"[^\W\d_](?:[^\W_]|[\u0300-\u036f\u064b-\u0655\u0900-\u0963])*")
# "two and a half kg" is not 2 kg.
_HALVES = frozenset(
    map(
        normal_form,
        [
            "half",
            "halb",
            "halbe",
            "halber",
            "anderthalb",
            "demi",
            "demie",
            "medio",
            "media",
            "meio",
            "meia",
            "mezzo",
            "mezza",
            "pół",
        ],
    )
) | frozenset(
    map(
        normal_form,
        ["półtora", "buçuk", "yarım", "halv", "halva", "quarter", "ونصف", "نصف", "डेढ़", "ढाई", "साढ़े", "सवा", "पौने"],
    )
)
_GAP = re.compile(r"[ -]")
_LINKS = frozenset(["and", "und", "y", "e", "et", "en", "i", "och"])
# One letter after a word is more often a letter than a unit.
_LONG_MEASURES = frozenset(name for name in MEASURES if len(name) > 1)

_THAI = dict(
    zip(
        ["หนึ่ง", "สอง", "สาม", "สี่", "ห้า", "หก", "เจ็ด", "แปด", "เก้า", "สิบ", "ร้อย", "พัน", "ยี่", "เอ็ด"],
        (*range(1, 11), 100, 1000, 2, 1),
        strict=True,
    )
)
_KANJI = dict(zip("一二三四五六七八九十百千", (*range(1, 11), 100, 1000), strict=True))
_NATIVE = dict(zip(["한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉", "열"], range(1, 11), strict=True))
_SINO = dict(zip("일이삼사오육칠팔구십백천", (*range(1, 11), 100, 1000), strict=True))


def _before(names: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


def _of_script(first: str, last: str) -> list[str]:
    return [name for name in (*MEASURES, *COUNTERS) if first <= name[0] <= last]


def _unspaced(words: dict[str, int], followers: Sequence[str], *, inside: str = "", end: str = "") -> re.Pattern[str]:
    """Compile "a run of these words right before one of those"; one that goes on as a greater number is left."""
    return re.compile(rf"(?<![\d{inside}])((?:{'|'.join(words)})+) ?(?=(?:{_before(followers)}){end})")


_MEASURED_IN_JAPANESE = [
    *_of_script("\u30a0", "\u30ff"),
    "枚",
    "個",
    "本",
    "人用",
    "人掛",
    "畳",
    "段",
    "型",
    *"合級帖足口号冊台膳灯色輪歳才連層",
    "cm",
    "kg",
    "ml",
]
_BATTERY = re.compile("単([一二三四五])(?![一二三四五六七八九十])")
"""The size of a battery is a number: 単三 is 単3."""
_COUNTED_IN_KOREAN = [name for name in _of_script("가", "힣") if COUNTERS.get(name) == "pcs"] + [
    "병",
    "벌",
    "켤레",
    "자루",
]
# "세단" is a sedan and "사장" a boss: native words count things, the others measure.
_MEASURED_IN_KOREAN = [name for name in _of_script("가", "힣") if len(name) > 1 and name in MEASURES] + [
    "인용",
    "단",
    "구",
]
_SCRIPTS = (
    (re.compile("[ก-๛]"), _THAI, _unspaced(_THAI, [*_of_script("ก", "๛"), "ชั้น", "ช่อง", "ล้อ"], inside="มส")),
    (re.compile("[一二三四五六七八九十百千]"), _KANJI, _unspaced(_KANJI, _MEASURED_IN_JAPANESE, inside="万億数第")),
    (re.compile("[가-힣]"), _NATIVE, _unspaced(_NATIVE, _COUNTED_IN_KOREAN, inside="가-힣", end=r"(?![가-힣])")),
    (re.compile("[가-힣]"), _SINO, _unspaced(_SINO, _MEASURED_IN_KOREAN, inside="가-힣", end=r"(?![가-힣])")),
)


def fold_number_words(text: str) -> str:
    """Write number words as digits, each number apart from what stands beside it.

    Args:
        text: in normal form.

    Returns:
        The text; as it came where no number is surely meant.
    """
    text = _BATTERY.sub(lambda size: f"単 {_KANJI[size[1]]} ", text)
    for sign, values, pattern in _SCRIPTS:
        if sign.search(text):
            text = pattern.sub(partial(_digits, words=values), text)
    words = [found for found in _WORD.finditer(text) if _apart(text, found)]
    named = {found[0] for found in words}
    if named.isdisjoint(_NUMBERS) or not named.isdisjoint(_HALVES):
        return text
    pieces: list[str] = []
    done = i = 0
    while i < len(words):
        count = _count(text, words[i:])
        if count and (number := _meant(text, words[i : i + count], words[i + count : i + count + 1])) is not None:
            pieces += [text[done : words[i].start()], f"{number}"]
            done = words[i + count - 1].end()
        i += max(count, 1)
    return "".join([*pieces, text[done:]])


def _apart(text: str, found: re.Match[str]) -> bool:
    return not (text[found.start() - 1 : found.start()].isdecimal() or text[found.end() : found.end() + 1].isdecimal())


def _count(text: str, words: Sequence[re.Match[str]]) -> int:
    """Count the words at the start that are of one number, words that link ("sesenta y cinco") included."""
    count = 0
    for i, word in enumerate(words):
        if i and not _touch(text, words[i - 1], word):
            break
        if word[0] in _WORDS:
            count = i + 1
        elif not i or i != count or word[0] not in _LINKS:
            break
    return count


def _meant(text: str, words: Sequence[re.Match[str]], after: Sequence[re.Match[str]]) -> int | None:
    read = [_WORDS[word[0]] for word in words if word[0] in _WORDS]
    needed = min(kind for _, kind in read)
    follower = after[0][0] if after and _touch(text, words[-1], after[0]) else ""
    if (
        needed != _ANYWHERE
        and follower not in _LONG_MEASURES
        and not (needed == _BEFORE_COUNTER and follower in COUNTERS)
    ):
        return None
    return _number([number for number, _ in read])


def _touch(text: str, before: re.Match[str], after: re.Match[str]) -> bool:
    return _GAP.fullmatch(text, before.end(), after.start()) is not None


def _digits(found: re.Match[str], words: dict[str, int]) -> str:
    number = _number([words[word] for word in re.findall("|".join(words), found[1])], ten_multiplies=True)
    return found[0] if number is None else f" {number} "


def _number(parts: Sequence[int], *, ten_multiplies: bool = False) -> int | None:
    """Add and multiply as number words do; None where they are not one number ("quatre vingt", "two three").

    Args:
        parts: what the words say, in order.
        ten_multiplies: "two ten" is twenty, as it is in Chinese, Korean and Thai.
    """
    total = current = 0
    least = bound = 1_000_000  # what the next part, or the next to multiply by, must stay below
    for part in parts:
        if part == _NO_WHOLE:
            return None
        multiplies = part in {100, 1000} or (ten_multiplies and part == 10)
        if multiplies and part < bound and (1 < current < 10 or (current and part == 1000)):
            total, current, least, bound = total + current * part, 0, part, part
        elif part < least:
            current += part
            takes_more = multiplies or (part >= 20 and part % 10 == 0)
            least = 10 ** (len(str(part)) - 1) if takes_more else 1
        else:
            return None
    return total + current
