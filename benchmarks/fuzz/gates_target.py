"""The gates between a query and a head, on pairs of texts in pairs of locales.

An input is two letters that choose the locales, the query, a line end, and the head.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.fuzz.target import Target, Unexpected, text_of
from benchmarks.hostile.texts import HOSTILE_TEXTS
from shelfsense.attribute_kinds import ATTRIBUTES
from shelfsense.reformulation.attribute_spans import AttributeSpan, spans_to_text
from shelfsense.reformulation.gates import attribute_refusal
from shelfsense.reformulation.word_gates import words_refusal
from shelfsense.text import normal_form

_LOCALES = (
    *("en", "de", "fr", "es", "it", "nl", "sv", "pl", "cs", "ru", "tr", "ar-SA", "hi-IN", "ja", "ko", "th"),
    *("vi", "zh-CN", "zh-TW", "pt-BR", "hu", "fi", "el", "ro-RO", "lt-LT", "und"),
)
_PAIRS = (
    ("iphone 13 pro 128 gb", "iphone 13 pro 256gb"),
    ("2 l wasserkocher ohne kabel", "wasserkocher zwei liter"),
    ("dress without sleeves xl", "sleeveless dress size xl"),
    ("10.000 mah powerbank", "powerbank 10,000mah"),
    ("ワイヤレスイヤホン 2個セット", "ワイヤレスイヤホン"),
    ("women's red shoes", "men's shoes"),
)


def target(folder: Path) -> Target:  # noqa: ARG001 -- as every target
    """Return the target."""
    pairs = [f"AB{query}\n{head}".encode() for query, head in _PAIRS]
    return Target(_check, pairs + [b"BC" + text.encode("utf-8", "surrogatepass") + b"\n1 l" for text in HOSTILE_TEXTS])


def _check(data: bytes) -> None:
    locales = [_LOCALES[byte % len(_LOCALES)] for byte in data[:2].ljust(2)]
    first, _, second = (normal_form(text_of(part)) for part in data[2:].partition(b"\n"))
    for query, head in ((first, second), (second, first)):
        words = query.split()
        ours = tuple(AttributeSpan(ATTRIBUTES[1 + i % (len(ATTRIBUTES) - 1)], word) for i, word in enumerate(words))
        theirs = spans_to_text([AttributeSpan(ATTRIBUTES[1], word) for word in head.split()])
        words_refusal(query, locales[0], head, locales[1], spans=partial(tuple, ours), attributes=theirs)
        words_refusal(query, locales[0], head, locales[1])
        if attribute_refusal(query, query):
            raise Unexpected("a text is refused to stand for itself")
