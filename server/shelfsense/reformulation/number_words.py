"""Numbers written as words, written as digits: "sixty five inch" is "65 inch".

The language is not known here, so a word that is something else in another language ("dos", "neuf") or an
article ("ein", "une") counts only before a unit. What is not surely one whole number stays as it is
written: a part of it folded ("soixante dix" as 10) would make two different numbers alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from shelfsense.reformulation.joined_numbers import fold_joined_numbers, number_of
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
    "- तीन चार पांच छह सात आठ नौ दस ग्यारह बारह तेरह चौदह पंद्रह सोलह सत्रह अठारह उन्नीस",
    "- - - पाँच - - - - - - - - - पन्द्रह - सतरह अट्ठारह",
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
_HINDI_FROM_TWENTY = (
    (
        "बीस इक्कीस बाईस तेईस चौबीस पच्चीस छब्बीस सत्ताईस अट्ठाईस उनतीस तीस इकतीस बत्तीस तैंतीस चौंतीस पैंतीस छत्तीस सैंतीस अड़तीस उनतालीस"
        " चालीस इकतालीस बयालीस तैंतालीस चवालीस पैंतालीस छियालीस सैंतालीस अड़तालीस उनचास पचास इक्यावन बावन तिरपन चौवन पचपन छप्पन सत्तावन अट्ठावन उनसठ"
        " साठ इकसठ बासठ तिरसठ चौंसठ पैंसठ छियासठ सड़सठ अड़सठ उनहत्तर सत्तर इकहत्तर बहत्तर तिहत्तर चौहत्तर पचहत्तर छिहत्तर सतहत्तर अठहत्तर उन्यासी"
        " अस्सी इक्यासी बयासी तिरासी चौरासी पचासी छियासी सत्तासी अट्ठासी नवासी नब्बे इक्यानवे बानवे तिरानवे चौरानवे पचानवे छियानवे सत्तानवे अट्ठानवे निन्यानवे"
    ),
    "- - बाइस तेइस - पचीस - सत्ताइस अट्ठाइस - - इकत्तीस - - - - - - - - - - - तिरतालीस चौवालीस - - - - - - - - - - - - - - - - - - - चौसठ",
)
_LATIN_HINDI = (
    (
        "bees ikkis - teis chaubis pachis chhabbis sattais atthais - tees iktis battis taintis chauntis paintis chhattis - - - chalis"
        " - - - chavalis paintalis - - - - pachas"
    ),
    "- ikkees - - chaubees pachees - - - - - - - - - - - - - - chalees - - - - - - - - - pachaas",
)
_LATIN_HINDI_FROM_TEN = "- gyarah barah terah chaudah pandrah solah satrah atharah unnis"
_OTHERS = {
    _ANYWHERE: {100: "hundred hundert सौ", 1000: "thousand tausend हजार हज़ार", 200: "doscientos doscientas duzentos duzentas dwieście",
        300: "trescientos trescientas trezentos trezentas trzysta", 400: "cuatrocientos quatrocentos czterysta",
        500: "quinientos quinientas quinhentos quinhentas pięćset", 600: "seiscientos seiscentos sześćset",
        700: "setecientos setecentos siedemset", 800: "ochocientos oitocentos osiemset", 900: "novecientos novecentos dziewięćset",
        _NO_WHOLE: "point komma virgule coma vírgula virgola przecinek"},
    _BEFORE_COUNTER: {
        2: "dos due do दो", 3: "tres teen tin", 4: "quattro char chaar", 5: "fem paanch panch", 6: "sei altı chhe chhah che छः छे ست",
        7: "saat سبع", 8: "otto aath", 9: "neuf nau", 10: "dus das", 11: "elf once", 20: "venti",
        100: "sau cents cien cem cento honderd sto yüz hundra مئة مائة ميه", 1000: "hazar hazaar mil mille duizend tusen tysiąc ألف الف",
    },
    _BEFORE_MEASURE: {1: "one ein eine einen un une uno una um uma een jeden bir ett ek एक واحد", 6: "sex", 10: "on", 100: "cent"},
}  # fmt: skip


def _table() -> dict[str, tuple[int, int]]:
    table: dict[str, tuple[int, int]] = {}
    rows = [(range(2, 20), row) for row in _UP_FROM_TWO] + [(_TENS, row) for row in _TENS_WORDS]
    for numbers, row in rows:
        table.update({normal_form(word): (n, _ANYWHERE) for n, word in zip(numbers, row.split(), strict=False)})
    for row in _HINDI_FROM_TWENTY:
        table.update({normal_form(word): (n, _ANYWHERE) for n, word in enumerate(row.split(), start=20)})
    for first, row in ((20, _LATIN_HINDI[0]), (20, _LATIN_HINDI[1]), (10, _LATIN_HINDI_FROM_TEN)):
        table.update({word: (n, _BEFORE_COUNTER) for n, word in enumerate(row.split(), start=first)})
    table.update(_german())
    for kind, words in _OTHERS.items():
        table.update({normal_form(word): (n, kind) for n, row in words.items() for word in row.split()})
    table.pop("-", None)
    return table


def _german() -> dict[str, tuple[int, int]]:
    """Return "zweiundvierzig" and "hundertzwanzig", below a thousand."""
    below = {word: n for n, word in zip(range(2, 20), _UP_FROM_TWO[1].split(), strict=True) if word != "-"}
    tens = dict(zip(_TENS_WORDS[1].split(), _TENS, strict=True))
    units = {"ein": 1, **{word: n for word, n in below.items() if n < 10}}
    joined = {f"{unit}und{word}": ten + n for word, ten in tens.items() for unit, n in units.items()}
    last = {"eins": 1, "elf": 11, **below, **tens, **joined}
    hundreds = {f"{unit}hundert": 100 * n for unit, n in {"": 1, **units}.items()}
    larger = {f"{first}{word}": more + n for first, more in hundreds.items() for word, n in last.items()}
    whole = {word: n for word, n in hundreds.items() if word != "hundert"}
    return {normal_form(word): (n, _ANYWHERE) for word, n in (joined | whole | larger).items()}


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


def _each(words: str) -> list[str]:
    return words.split()


# Right after these a word is a number, whatever else it may be: "size one".
_LEADERS = frozenset(
    map(
        normal_form,
        _each(
            "size number age stage volume größe nummer alter taille numéro talla número taglia maat saiz साइज साइज़ नंबर कक्षा क्लास iphone"
        ),
    )
)
# Likewise what stands behind one: "दो गुणा तीन", "panch number".
_NUMBERED = frozenset(
    map(
        normal_form,
        _each(
            "गुणा नंबर number nambar दर्जन darjan darzan mal mukhi मुखी बर्नर burner burnar जार jar सिम sim डोर door दरवाजे पल्ले सीटर seater पॉकेट"
        ),
    )
)
_HUNDRED = normal_form("सौ")
_FRACTIONS = {normal_form("डेढ़"): Fraction(3, 2), normal_form("ढाई"): Fraction(5, 2), normal_form("सवा"): Fraction(5, 4)}
_FRACTION_SIGN = re.compile("[\u0900-\u097f]")
_HINDI_FRACTION = re.compile(
    rf"(?<!\S)(?:(?P<fraction>{'|'.join(_FRACTIONS)})|{normal_form('साढ़े')} (?P<whole>\S+)) (?P<times>{_HUNDRED}|{normal_form('हजार')}|{normal_form('हज़ार')})(?!\S)"
)
_DOZEN = re.compile(
    rf"(?<![^\W\d_])(?:(?P<count>\d{{1,3}}) ?|(?:a|an|one|un|une|una|ein|एक|ek) )?(?:dozen|dutzend|douzaine|docena|dúzia|dozzina|dozijn|tuzin|düzine|dussin|{normal_form('दर्जन')}|darjan|darzan)(?![^\W_])"
    r"|(?P<joined>\d{1,3}) ?(?:ダース|다스|โหล|打)"
)
_TIMES = re.compile(
    rf"(?<=\d) ?(?:(?<= )(?:by|mal|por|par|per|na|op|{normal_form('गुणा')})(?= )|คูณ|곱하기|かける) ?(?=\d)"
)
_LINKS = frozenset(["and", "und", "y", "e", "et", "en", "i", "och"])
# One letter after a word is more often a letter than a unit.
_LONG_MEASURES = frozenset(name for name in MEASURES if len(name) > 1)


def fold_number_words(text: str) -> str:
    """Write number words as digits, each number apart from what stands beside it.

    Args:
        text: in normal form.

    Returns:
        The text; as it came where no number is surely meant.
    """
    text = fold_joined_numbers(text)
    if _FRACTION_SIGN.search(text):
        text = _HINDI_FRACTION.sub(_hindi_hundreds, text)
    return _TIMES.sub("x", _DOZEN.sub(_dozens, _spaced_words(text)))


def is_number_word(word: str) -> bool:
    """Tell whether a word can be a number, or a part of one, in any language.

    Args:
        word: in normal form.
    """
    return word in _WORDS


def _spaced_words(text: str) -> str:
    words = [found for found in _WORD.finditer(text) if _apart(text, found)]
    named = {found[0] for found in words}
    if named.isdisjoint(_NUMBERS) or not named.isdisjoint(_HALVES):
        return text
    pieces: list[str] = []
    done = i = 0
    while i < len(words):
        count = _count(text, words[i:])
        number = (
            _meant(text, words[max(i - 1, 0) : i], words[i : i + count], words[i + count : i + count + 1])
            if count
            else None
        )
        if number is not None:
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


def _meant(
    text: str, before: Sequence[re.Match[str]], words: Sequence[re.Match[str]], after: Sequence[re.Match[str]]
) -> int | None:
    read = [_WORDS[word[0]] for word in words if word[0] in _WORDS]
    needed = min(kind for _, kind in read)
    follower = after[0][0] if after and _touch(text, words[-1], after[0]) else ""
    led = bool(before) and before[0][0] in _LEADERS and _touch(text, before[0], words[0])
    if (
        needed != _ANYWHERE
        and not led
        and follower not in _LONG_MEASURES
        and not (needed == _BEFORE_COUNTER and (follower in COUNTERS or follower in _NUMBERED))
    ):
        return None
    return number_of([number for number, _ in read])


def _touch(text: str, before: re.Match[str], after: re.Match[str]) -> bool:
    return _GAP.fullmatch(text, before.end(), after.start()) is not None


def _hindi_hundreds(found: re.Match[str]) -> str:
    """Write "ढाई सौ" as 250 and "साढ़े सात सौ" as 750."""
    fraction = _FRACTIONS.get(found["fraction"] or "")
    if fraction is None:
        whole = _WORDS.get(found["whole"], (int(found["whole"]) if found["whole"].isdecimal() else 0, 0))[0]
        fraction = Fraction(2 * whole + 1, 2) if whole else Fraction(0)
    number = fraction * (100 if found["times"] == _HUNDRED else 1000)
    return f"{number}" if number and number.denominator == 1 else found[0]


def _dozens(found: re.Match[str]) -> str:
    return f" {12 * int(found['count'] or found['joined'] or 1)} pcs "
