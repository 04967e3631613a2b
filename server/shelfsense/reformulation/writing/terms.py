"""Terms of a table found in a text: as whole words where a language parts its words, anywhere where not."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from shelfsense.reformulation.writing.languages import writing_of
from shelfsense.reformulation.writing.match_form import spaced_words

# Korean leaves spaces out too, but a syllable block is too often part of another word.
_SEARCHED_ANYWHERE = frozenset({"ja", "zh", "th"})


def read_terms(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a table of ours; its column `terms` holds alternatives parted by " | "."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def anywhere(language: str) -> bool:
    """Return whether terms of a language are searched within words."""
    return language in _SEARCHED_ANYWHERE


def searched_text(text: str, locale: str) -> str:
    """Return a text as terms are searched in it: folded, a space at both ends, none within where words have none."""
    words = spaced_words(text, locale)
    return f" {words.replace(' ', '') if anywhere(writing_of(locale)) else words} "


def folded_terms(terms: str, language: str) -> list[str]:
    """Return the alternatives of one cell as they are searched; a star at the end stays."""
    return [
        searched_text(term.rstrip("* "), language).strip() + "*" * term.endswith("*") for term in terms.split(" | ")
    ]


def term_pattern(terms: Iterable[str], language: str) -> re.Pattern[str]:
    """Return a pattern that finds any of the terms, the longest first; nothing where there are none.

    Args:
        terms: folded; a star at the end stands for any end of the word.
        language: of the text searched.
    """
    longest_first = sorted(set(terms), key=lambda term: (-len(term), term))
    written = "|".join(re.escape(term.rstrip("*")) + r"[^ ]*" * term.endswith("*") for term in longest_first)
    if not written:
        return re.compile(r"(?!)")
    return re.compile(written if anywhere(language) else f"(?<= )(?:{written})(?= )")
