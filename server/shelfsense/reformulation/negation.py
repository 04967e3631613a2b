"""What a text excludes ("without sugar", "zuckerfrei", "砂糖なし") and whether a head excludes the same.

Tables give each language's ways to exclude: a word before or after what is excluded, the beginning or
the end of a word, a word of its own ("sleeveless"), and things that only look so ("stainless",
"wireless", which `opposites` knows). Refuses what it cannot tell apart: never the other way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from shelfsense.reformulation.excluded_things import known_thing
from shelfsense.reformulation.opposites import without_cord_terms
from shelfsense.reformulation.writing.languages import writing_of
from shelfsense.reformulation.writing.terms import anywhere, folded_terms, read_terms, searched_text, term_pattern

_TABLE = Path(__file__).with_name("negations.tsv")
_MASK = "\N{INFORMATION SEPARATOR ONE}"
_SHORTEST_STEM = 3
_SHORTEST_THAI = 5
# Words between "without" and the thing, in letters already folded.
_PASSED_OVER = frozenset(
    [
        "a",
        "an",
        "the",
        "any",
        "added",
        "le",
        "la",
        "les",
        "l",
        "un",
        "une",
        "de",
        "des",
        "du",
        "d",
        "el",
        "los",
        "il",
        "lo",
        "gli",
        "i",
        "un",
        "una",
        "o",
        "os",
        "as",
        "der",
        "die",
        "das",
        "den",
        "dem",
        "ein",
        "einen",
        "einem",
        "einer",
        "zugesetzten",
        "het",
        "een",
        "en",
        "et",
        "ett",
        "den",
        "det",
    ]
)
_ONE_SIGN = frozenset("糖盐鹽油烟菸袖骨痕味声聲盖蓋底领領扣钢鋼圈帽水火酒")
# A word before "without": of one script, Han letters with an ending ("香り").
_RUN_BEFORE = re.compile(
    r"(?:[\u3005\u3400-\u9fff]{1,6}[\u3041-\u309f]{0,2}|[\u30a0-\u30ff]{1,12}|[\u3041-\u309f]{1,12}|[^\W\d_\u3041-\u30ff\u3400-\u9fff]{1,12})$"
)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What a text excludes, and the word after it, which may belong to it ("artificial colours")."""

    thing: str
    next_word: str = ""


@dataclass(frozen=True, slots=True)
class _Ways:
    """How one language excludes; patterns find nothing where it has no such way."""

    things: re.Pattern[str]
    words: dict[str, str]
    word: re.Pattern[str]
    before: re.Pattern[str]
    after: re.Pattern[str]
    affixed: re.Pattern[str]


def negation_refusal(query: str, head: str, query_locale: str, head_locale: str) -> str:
    """Return what only one of the two excludes, empty where both exclude the same or nothing.

    In two languages what is excluded is compared by its letters ("gluten"): most refuse.

    Args:
        query: what was asked.
        head: what is to stand for it.
        query_locale: a tag of the bundle, or ``und``.
        head_locale: likewise.
    """
    asked, offered = exclusions(query, query_locale), exclusions(head, head_locale)
    if not asked and not offered:
        return ""
    query_text, head_text = searched_text(query, query_locale), searched_text(head, head_locale)
    for one in asked:
        if not any(_same(one, other, query_text, head_text) for other in offered):
            return f"does not exclude {one.thing}"
    for other in offered:
        if not any(_same(other, one, head_text, query_text) for one in asked):
            return f"excludes {other.thing}, the query does not"
    return ""


@lru_cache(maxsize=8192)
def exclusions(text: str, locale: str) -> tuple[Exclusion, ...]:
    """Return what a text excludes, each thing in folded letters.

    Args:
        text: a query or a head.
        locale: a tag of the bundle, or ``und``.
    """
    language = writing_of(locale)
    ways = _ways(language)
    searched = ways.things.sub(_MASK, searched_text(text, locale))
    found = [Exclusion(_of_word(ways.words, match[0])) for match in ways.word.finditer(searched)]
    searched = ways.word.sub(_MASK, searched)
    by_script = _beside_in_one_script if anywhere(language) else _beside_words
    return tuple(dict.fromkeys([*found, *by_script(searched, ways, language)]))


def _beside_words(searched: str, ways: _Ways, language: str) -> Iterator[Exclusion]:
    for match in ways.affixed.finditer(searched):
        yield Exclusion(match["stem"] or match["rest"])
    for match in ways.after.finditer(searched):
        before = searched[: match.start()].split()
        if before and before[-1] != _MASK:
            yield Exclusion(_without_particle(before[-1]) if language == "ko" else before[-1])
    for match in ways.before.finditer(searched):
        words = [word for word in searched[match.end() :].split() if word not in _PASSED_OVER]
        preceding = searched[: match.start()].split()
        # "Zucker ohne": shoppers put it last, too.
        words = words or preceding[-1:]
        # "No 3" and "3 no" number something.
        numbered = match[0] == "no" and preceding and preceding[-1].isdecimal()
        if words and words[0] != _MASK and not words[0][0].isdecimal() and not numbered:
            yield Exclusion(words[0], words[1] if len(words) > 1 else "")


def _without_particle(word: str) -> str:
    """Drop the Korean particle of a subject: "끈이 없는" excludes 끈."""
    return word[:-1] if len(word) > 2 and word[-1] in "이가은는을를" else word


def _beside_in_one_script(searched: str, ways: _Ways, language: str) -> Iterator[Exclusion]:
    for match in ways.before.finditer(searched):
        rest = searched[match.end() :].strip().partition(_MASK)[0]
        if rest and language == "zh":
            yield Exclusion(rest[0] if rest[0] in _ONE_SIGN else rest[:2])
        elif rest:
            yield Exclusion(rest[:12])
    for match in ways.after.finditer(searched):
        run = _RUN_BEFORE.search(searched[: match.start()])
        if run:
            yield Exclusion(run[0])
    for match in ways.affixed.finditer(searched):
        yield Exclusion(match["rest"])


def _same(one: Exclusion, other: Exclusion, one_text: str, other_text: str) -> bool:
    short, long = sorted((one.thing, other.thing), key=len)
    shared = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    # A Thai thing is cut where nothing parts it from what follows: enough of its first letters are the same.
    if shared >= _SHORTEST_THAI and "ก" <= short[0] <= "๛":
        return True
    # Endings bend: "zuckers", "сахара"; of three letters or fewer none may.
    if shared < max(min(_SHORTEST_STEM, len(short)), len(short) - 1):
        return bool(known_thing(short)) and known_thing(short) == known_thing(long)
    if not one.next_word or not other.next_word or one.next_word == other.next_word:
        return True
    # "Without artificial colours" is not "without artificial sweetener"; another order of words is.
    return f" {one.next_word} " in other_text or f" {other.next_word} " in one_text


@lru_cache(maxsize=64)
def _ways(language: str) -> _Ways:
    terms: dict[str, list[str]] = {}
    words: dict[str, str] = {}
    for row in read_terms(_TABLE):
        if row["language"] == language:
            folded = folded_terms(row["terms"], language)
            terms.setdefault(row["kind"], []).extend(folded)
            if row["kind"] == "word":
                words |= dict.fromkeys(folded, searched_text(row["excluded"], language).strip())
    things = [*terms.get("thing", []), *without_cord_terms(language)]
    return _Ways(
        things=term_pattern(things, language),
        words=words,
        word=term_pattern(words, language),
        before=term_pattern(terms.get("before", []), language),
        after=term_pattern(terms.get("after", []), language),
        affixed=_affixed(terms.get("beginning", []), terms.get("ending", []), language),
    )


def _affixed(beginnings: list[str], endings: list[str], language: str) -> re.Pattern[str]:
    """Return a pattern of words with such a beginning (group ``rest``) or ending (group ``stem``)."""
    none = "(?!)"
    begins = "|".join(map(re.escape, sorted(beginnings, key=len, reverse=True))) or none
    ends = "|".join(map(re.escape, sorted(endings, key=len, reverse=True))) or none
    if anywhere(language):
        return re.compile(rf"(?<![\u30a0-\u30ff])(?:{begins})(?P<rest>[\u30a0-\u30ff]{{2,12}})(?P<stem>(?!))?")
    stem = rf"[^ \d{_MASK}]{{{1 if language == 'ko' else _SHORTEST_STEM},}}"  # a syllable block is letters enough
    return re.compile(rf"(?<= )(?:(?:{begins})(?P<rest>{stem})|(?P<stem>{stem}?)(?:{ends}))(?= )")


def _of_word(words: dict[str, str], found: str) -> str:
    if found in words:
        return words[found]
    length = next(n for n in range(len(found), 0, -1) if f"{found[:n]}*" in words)
    return words[f"{found[:length]}*"]
