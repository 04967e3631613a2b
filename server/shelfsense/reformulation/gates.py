"""Gates: what may not change between a query and the head that is to stand for it.

A vector is close for "iphone 13" and "iphone 15"; a shopper is not. Each gate returns the reason for
its refusal as text, empty when it lets pass. A gate may refuse what means the same ("1,000" for
"1000"), never pass what does not. Knows nothing of indexes or thresholds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from itertools import zip_longest

from shelfsense.reformulation.number_words import fold_number_words
from shelfsense.reformulation.units import COUNTERS, LEFT_OUT, LENGTHS, MEASURES, SIZE_MARKS, quantities
from shelfsense.text import normal_form

LEAST_ROOT_PROBABILITY = 0.005
"""Least probability of a head's own level-1 type that does not yet say the query means something else."""

LEAST_TYPE_PROBABILITY = 0.002
"""Likewise of the head's own type: a battery for a watch has the watch's root, and is no watch."""

SAME_WORDS = 0.75
"""Overlap of letters from which on two texts are nearly the same words."""

UNSPACED_SCRIPTS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Characters, for a class in a pattern, of scripts that put no spaces between words."""

# Korean parts its words, and joins them to numbers all the same: 아이폰15케이스.
_JOINS_NUMBERS = rf"{UNSPACED_SCRIPTS}\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
_SHORTEST_NAME = 4
"""Letters from which on a Latin word before a number is a name ("iphone15"), no part of a model number ("xm4")."""

_NO_LETTER = r"\s\d\x00-\x2f:-@\[-`{-\xa9\xab-\xbf\xd7\xf7\u060c\u061b\u061f\u0964\u0965\u2000-\u2bff\u3000-\u303f"
_UNITS = (*MEASURES, *COUNTERS)


def _longest_first(names: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


# In these scripts only a unit belongs to the number before it.
_UNSPACED_UNITS = _longest_first(name for name in _UNITS if re.match(f"[{_JOINS_NUMBERS}]", name))
_ATOM = re.compile(
    rf"(?P<number>\d+(?:[.,]\d+)?)|(?:(?<=\d)|(?<=\d ))(?P<unit>{_UNSPACED_UNITS})|(?P<unspaced>[{_JOINS_NUMBERS}]+)|(?P<word>[^{_NO_LETTER}{_JOINS_NUMBERS}]+)"
)
_INCH_MARK = re.compile(r"(?<=\d)\s?(?:\"|''|′′|”)")
_LETTER_SIZE = re.compile(r"x+[sl]")
_SIZE = r"(?=\d|(?:[sml]|x+[sl])(?![^\W_]))"
_SIZE_MARK = re.compile(rf"(?<![^\W_])(?<!\d )(?:{_longest_first(SIZE_MARKS)})[:：]? ?{_SIZE}")
# Ten thousand milliampere-hours are never ten with three decimals, nor are a thousand pieces one.
_THOUSANDS = re.compile(
    rf"(?<![\d.,])(\d{{1,3}})[.,](\d{{3}})(?= ?(?:{_longest_first([*(n for n, u in MEASURES.items() if u in {'mah', 'mg', 'w', 'btu'}), *COUNTERS])})(?!\w))"
)
_PACK = re.compile(r"(?<=\d)[ -]?er[ -]?(?:pack|packung)(?!\w)")
# "585er gold", "5er set"
_GERMAN_ER = re.compile(r"(?<=\d)er(?![^\W_])")
_JOINED_MARK = re.compile(r"(?<=\d)(?:사이즈|サイズ)")
# "3 in 1" is no length.
_ONE = frozenset(["one", "1", "einem", "eins", "un", "uno", "una", "um"])


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
        counters: for each of them, what the number counts; empty where nothing is said.
        numbers: runs of atoms around a digit ("wh1000xm4", "500 ml"): as written, and where in `values`.
        measured: by its place, what a number with a measure says; nothing for others.
        bare: runs without a measure, as they are compared.
        sizes: letter sizes.
    """

    values: tuple[str, ...]
    counters: tuple[str, ...]
    numbers: tuple[tuple[str, int, int], ...]
    measured: dict[tuple[int, int], frozenset[tuple[Decimal, str]]]
    bare: frozenset[tuple[str, ...]]
    sizes: frozenset[str]


def attribute_refusal(query: str, head: str) -> str:
    """Refuse a head that drops, adds or changes a number, a unit, a size or a model number.

    Digits of every script count alike, and so do "500ml" and "500 ml", "1,5" and "1.5", "two litres" and
    "2 l". A counter or a word for size may be on one side only: "puzzle 1000 teile" is "puzzle 1000".

    Args:
        query: what was asked.
        head: what is to stand for it.
    """
    asked, offered = _attributes(query), _attributes(head)
    for ours, theirs, where in ((asked, offered, ""), (offered, asked, " from the query")):
        for written, start, end in ours.numbers:
            if not _holds(theirs, ours, start, end):
                return f"number {written} is missing{where}"
        for size in sorted(ours.sizes - theirs.sizes) if ours.sizes else ():
            return f"size {size} is missing{where}"
    return ""


def unit_of(word: str) -> str:
    """Return the one name of a unit, however it is spelt; any other word as it is."""
    return MEASURES.get(word) or COUNTERS.get(word, word)


def product_type_refusal(root: float, own: float, overlap: float) -> str:
    """Refuse a head whose product type the query does not mean.

    Args:
        root: the query's probability of the head's level-1 type, 0 to 1.
        own: of the head's own type.
        overlap: how far the two texts share their letters, by `letter_signs`: of nearly the same words the
            network's reading of one is no evidence against the other.
    """
    meant = root >= LEAST_ROOT_PROBABILITY and own >= LEAST_TYPE_PROBABILITY
    return "" if meant or overlap >= SAME_WORDS else "means another product type"


# A query meets some 32 heads, and popular heads meet many queries.
@lru_cache(maxsize=8192)
def _attributes(text: str) -> _Attributes:
    folded = _fold(text)
    marks = {found.end(): found.start() for found in _SIZE_MARK.finditer(folded)}
    folded = _without(folded, marks)
    atoms = _units_told(list(_atoms(folded)), folded)
    runs = [run for run in _runs(atoms, marks) if any(atoms[i].kind == "number" for i in run)]
    counters = tuple(_counters(atoms, marks))
    numbers = tuple((folded[atoms[run[0]].start : atoms[run[-1]].end], run[0], run[-1] + 1) for run in runs)
    measured = {(run[0], run[-1] + 1): _measured([atoms[i] for i in run]) for run in runs}
    bare = {tuple(atoms[i].value for i in run) for run in runs if not counters[run[0]] and not _goes_on(atoms, run[-1])}
    in_runs = {i for run in runs for i in run}
    words = [atom for i, atom in enumerate(atoms) if atom.kind == "word" and i not in in_runs]
    sizes = {atom.value for atom in words if _LETTER_SIZE.fullmatch(atom.value) or atom.start in marks}
    # One letter is a size only where it ends the text: "s" is "with" in Czech, and "men s shoes" is no size.
    last = folded[atoms[-1].start : atoms[-1].end] if atoms else ""
    if len(atoms) > 1 and words and words[-1] is atoms[-1] and last in {"s", "m", "l"}:
        sizes.add(last)
    return _Attributes(
        tuple(atom.value for atom in atoms), counters, numbers, measured, frozenset(bare), frozenset(sizes)
    )


def _goes_on(atoms: list[_Atom], i: int) -> bool:
    """Tell "3 in 1"."""
    return i + 1 < len(atoms) and atoms[i + 1].value == "in"


def _measured(run: list[_Atom]) -> frozenset[tuple[Decimal, str]]:
    if len(run) == 2 and run[0].kind == "number" and run[1].kind == "measure":
        return quantities(run[0].value, run[1].value)
    return frozenset()


def _fold(text: str) -> str:
    folded = re.sub(r"\d", lambda digit: str(unicodedata.decimal(digit[0])), normal_form(text))
    folded = folded.replace("٫", ".").replace("٬", "").replace("×", "x")
    folded = _GERMAN_ER.sub("", _PACK.sub(" pcs ", _INCH_MARK.sub(" inch ", folded)))
    return " ".join(_THOUSANDS.sub(r"\1\2", fold_number_words(folded)).split())


def _without(folded: str, marks: dict[int, int]) -> str:
    """Blank words for size, in place: they are no part of the number that touches them."""
    for end, start in marks.items():
        folded = folded[:start] + " " * (end - start) + folded[end:]
    return _JOINED_MARK.sub(lambda mark: " " * len(mark[0]), folded)


def _atoms(folded: str) -> Iterator[_Atom]:
    for found in _ATOM.finditer(folded):
        kind = str(found.lastgroup)
        value = _plain_number(found[0]) if kind == "number" else found[0]
        yield _Atom(value, kind, found.start(), found.end())


def _plain_number(written: str) -> str:
    """Fold "1,50" and "1.5"; three decimals may be thousands and stay."""
    whole, _, decimals = written.replace(",", ".").partition(".")
    if len(decimals) < 3:
        decimals = decimals.rstrip("0")
    return f"{whole}.{decimals}" if decimals else whole


def _units_told(atoms: list[_Atom], folded: str) -> list[_Atom]:
    """Give units their one name, and what follows a number its kind: "measure" or "counter"."""
    told: list[_Atom] = []
    for i, atom in enumerate(atoms):
        after_number = bool(told) and told[-1].kind == "number"
        if atom.kind in {"number", "unspaced"}:
            told.append(atom)
        elif after_number and atom.value == "in":
            told.append(_inch(atom, atoms[i + 1 : i + 2], touches=told[-1].end == atom.start))
        elif after_number and atom.value in COUNTERS and not folded[told[-1].end : atom.start].strip(" -"):
            told.append(replace(atom, value=COUNTERS[atom.value], kind="counter"))
        elif atom.value in MEASURES:
            near = after_number and not folded[told[-1].end : atom.start].strip(" -")
            told.append(replace(atom, value=MEASURES[atom.value], kind="measure" if near else atom.kind))
        else:
            told.append(atom)
    return told


def _inch(atom: _Atom, after: list[_Atom], *, touches: bool) -> _Atom:
    """Read "in" after a number: apart from it ("13 in black") it may be an inch, and need not be."""
    if after and (after[0].kind == "number" or after[0].value in _ONE):
        return atom
    return replace(atom, value="inch", kind="measure" if touches else "maybe")


def _counters(atoms: list[_Atom], marks: dict[int, int]) -> Iterator[str]:
    for atom, following in zip_longest(atoms, atoms[1:]):
        if atom.kind != "number":
            yield ""
        elif following is not None and following.kind == "counter":
            yield following.value
        else:
            yield "size" if atom.start in marks else ""


def _runs(atoms: list[_Atom], marks: dict[int, int]) -> list[list[int]]:
    """Group atoms that touch, and a number with the measure after it; as places in the list."""
    runs: list[list[int]] = []
    for i, atom in enumerate(atoms):
        if runs and atom.start not in marks and _belongs(atoms[i - 1], atom):
            runs[-1].append(i)
        else:
            runs.append([i])
    return runs


def _belongs(before: _Atom, atom: _Atom) -> bool:
    if {before.kind, atom.kind} & {"unspaced", "counter", "maybe"}:
        return False
    if before.kind == "word" and atom.kind == "number" and len(before.value) >= _SHORTEST_NAME:
        return False
    return before.end == atom.start or atom.kind == "measure"


def _holds(theirs: _Attributes, ours: _Attributes, start: int, end: int) -> bool:
    wanted, counters = ours.values[start:end], ours.counters[start:end]
    values, length = theirs.values, len(wanted)
    for i, value in enumerate(values):
        if (
            value == wanted[0]
            and values[i : i + length] == wanted
            and _agree(counters, theirs.counters[i : i + length])
        ):
            return True
    if any(ours.measured[start, end] & each for each in theirs.measured.values()):
        return True
    # "pfanne 28" is 28 cm wide, "plane 3x4" 3 by 4 metres.
    left_out = LEFT_OUT if length == 2 else LENGTHS if "x" in wanted else ()
    return wanted[-1] in left_out and wanted[:-1] in theirs.bare


def _agree(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    """Tell whether no number counts one thing here and another there."""
    return ours == theirs or all(not a or not b or a == b for a, b in zip(ours, theirs, strict=True))
