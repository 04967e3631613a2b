"""Gates: what may not change between a query and the head that is to stand for it.

A vector is close for "iphone 13" and "iphone 15"; a shopper is not. Each gate returns the reason for
its refusal as text, empty when it lets pass. A gate may refuse what means the same ("1,000" for
"1000"), never pass what does not. Knows nothing of indexes or thresholds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from shelfsense.text import normal_form

LEAST_ROOT_PROBABILITY = 0.05
"""Least probability of a head's own level-1 type that does not yet say the query means something else."""

LEAST_TYPE_PROBABILITY = 0.05
"""Likewise of the head's own type: a battery for a watch has the watch's root, and is no watch."""

# Spellings of one unit; what is not listed is compared as it is written.
_UNITS = {
    name: unit
    for unit, names in {
        "mg": "mg мг 毫克 مجم मिग्रा", "g": "g gr gramm grams гр г グラム 克 جرام غرام ग्राम", "kg": "kg kilo kilos кг キロ 公斤 千克 كجم كيلو किलो किग्रा",
        "ml": "ml мл ミリリットル 毫升 مل मिली", "cl": "cl", "l": "l liter litre liters litres litr litro литр л リットル 升 لتر लीटर",
        "mm": "mm мм ミリ 毫米 مم मिमी", "cm": "cm см センチ 厘米 公分 سم सेमी", "m": "m м メートル متر मीटर",
        "inch": "inch inches zoll pollici pulgadas polegadas pouces дюйм インチ 英寸 吋 寸 بوصة इंच", "ft": "ft feet",
        "oz": "oz", "lb": "lb lbs", "mb": "mb мб", "gb": "gb гб جيجا", "tb": "tb тб", "w": "w watt watts вт ワット 瓦", "v": "v volt volts",
        "mah": "mah", "hz": "hz", "pcs": "pcs pc stk szt ks шт 個 个 個入 入り 枚 本 片 包 قطعة", "code": "码 碼 号 號",
    }.items()
    for name in names.split()
}  # fmt: skip

UNSPACED_SCRIPTS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Characters, for a class in a pattern, of scripts that put no spaces between words."""

_NO_LETTER = r"\s\d\x00-\x2f:-@\[-`{-\xa9\xab-\xbf\xd7\xf7\u060c\u061b\u061f\u0964\u0965\u2000-\u2bff\u3000-\u303f"
# There only a unit belongs to the number before it.
_UNSPACED_UNITS = "|".join(sorted((u for u in _UNITS if re.match(f"[{UNSPACED_SCRIPTS}]", u)), key=len, reverse=True))
_ATOM = re.compile(
    rf"(?P<number>\d+(?:[.,]\d+)?)|(?:(?<=\d)|(?<=\d ))(?P<unit>{_UNSPACED_UNITS})|(?P<unspaced>[{UNSPACED_SCRIPTS}]+)|(?P<word>[^{_NO_LETTER}{UNSPACED_SCRIPTS}]+)"
)
_INCH_MARK = re.compile(r"(?<=\d)\s?(?:\"|''|′′|”)")
_LETTER_SIZE = re.compile(r"x+[sl]")


@dataclass(frozen=True, slots=True)
class _Atom:
    """A number, a word or a unit, as it is compared, and where it stands."""

    value: str
    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Attributes:
    """What of a text must not change.

    Attributes:
        values: every atom in order, as it is compared.
        numbers: runs of atoms around a digit ("wh1000xm4", "500 ml"), each as written and as compared.
        sizes: letter sizes.
    """

    values: tuple[str, ...]
    numbers: tuple[tuple[str, tuple[str, ...]], ...]
    sizes: frozenset[str]


def attribute_refusal(query: str, head: str) -> str:
    """Refuse a head that drops, adds or changes a number, a unit, a size or a model number.

    Digits of every script count alike, and so do "500ml" and "500 ml", "1,5" and "1.5".

    Args:
        query: what was asked.
        head: what is to stand for it.
    """
    asked, offered = _attributes(query), _attributes(head)
    for ours, theirs, where in ((asked, offered, ""), (offered, asked, " from the query")):
        for written, values in ours.numbers:
            if not _holds(theirs.values, values):
                return f"number {written} is missing{where}"
        for size in sorted(ours.sizes - theirs.sizes):
            return f"size {size} is missing{where}"
    return ""


def unit_of(word: str) -> str:
    """Return the one name of a unit, however it is spelt; any other word as it is."""
    return _UNITS.get(word, word)


def product_type_refusal(root: float, own: float) -> str:
    """Refuse a head whose product type the query does not mean.

    Args:
        root: the query's probability of the head's level-1 type, 0 to 1.
        own: of the head's own type.
    """
    meant = root >= LEAST_ROOT_PROBABILITY and own >= LEAST_TYPE_PROBABILITY
    return "" if meant else "means another product type"


# A query meets some 32 heads, and popular heads meet many queries.
@lru_cache(maxsize=8192)
def _attributes(text: str) -> _Attributes:
    folded = _fold(text)
    atoms = list(_atoms(folded))
    runs = [run for run in _runs(atoms) if any(atom.kind == "number" for atom in run)]
    numbers = tuple((folded[run[0].start : run[-1].end], tuple(atom.value for atom in run)) for run in runs)
    in_runs = {atom.start for run in runs for atom in run}
    words = [atom for atom in atoms if atom.kind == "word" and atom.start not in in_runs]
    sizes = {atom.value for atom in words if _LETTER_SIZE.fullmatch(atom.value)}
    # One letter is a size only where it ends the text: "s" is "with" in Czech, and "men s shoes" is no size.
    if len(atoms) > 1 and words and words[-1] is atoms[-1] and atoms[-1].value in {"s", "m", "l"}:
        sizes.add(atoms[-1].value)
    return _Attributes(tuple(atom.value for atom in atoms), numbers, frozenset(sizes))


def _fold(text: str) -> str:
    folded = re.sub(r"\d", lambda digit: str(unicodedata.decimal(digit[0])), normal_form(text))
    return _INCH_MARK.sub(" inch ", folded.replace("٫", ".").replace("٬", "").replace("×", "x")).strip()


def _atoms(folded: str) -> Iterator[_Atom]:
    for found in _ATOM.finditer(folded):
        kind = str(found.lastgroup)
        value = found[0]
        if kind == "number":
            value = _plain_number(value)
        elif kind in {"unit", "word"}:
            value = _UNITS.get(value, value)
        yield _Atom(value, kind, found.start(), found.end())


def _plain_number(written: str) -> str:
    """Fold "1,50" and "1.5"; three decimals may be thousands and stay."""
    whole, _, decimals = written.replace(",", ".").partition(".")
    if len(decimals) < 3:
        decimals = decimals.rstrip("0")
    return f"{whole}.{decimals}" if decimals else whole


def _runs(atoms: list[_Atom]) -> list[list[_Atom]]:
    """Group atoms that touch, and a number with the unit after it."""
    runs: list[list[_Atom]] = []
    for atom in atoms:
        if runs and _belongs(runs[-1][-1], atom):
            runs[-1].append(atom)
        else:
            runs.append([atom])
    return runs


def _belongs(before: _Atom, atom: _Atom) -> bool:
    if "unspaced" in {before.kind, atom.kind}:
        return False
    return before.end == atom.start or (before.kind == "number" and atom.value in _UNITS.values())


def _holds(values: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return any(values[i : i + len(wanted)] == wanted for i in range(len(values) - len(wanted) + 1))
