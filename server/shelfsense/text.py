"""Query text: its checks and its two normal forms.

`normal_form` decides when two queries are the same (splits, caches, head look-up);
`model_form` is what the network reads, in training and in serving alike.
Knows nothing of tokens or locales beyond a language subtag.
"""

from __future__ import annotations

import unicodedata

from shelfsense.errors import InvalidQuery

MAX_QUERY_BYTES = 1024
"""Longest query accepted, in bytes of UTF-8."""

# Zero-width joiner and non-joiner spell words in Indic scripts and Persian; every
# other format character (bidi controls, word joiners, tags) carries nothing a shopper means.
_MEANINGFUL_FORMAT = {"\u200c", "\u200d"}
_TURKIC = {"tr", "az"}


def normal_form(text: str) -> str:
    """Return the form under which two queries count as the same: NFKC, lower case, spaces folded."""
    return " ".join(_lower_nfkc(text).split())


def model_form(text: str, language: str = "und") -> str:
    """Return the text the network reads: `normal_form` without control and format characters.

    Args:
        text: a query, or any name that is to look like one.
        language: ISO 639 subtag; Turkish and Azeri lower their dotted and dotless i apart.

    Returns:
        The folded text; empty when nothing visible remains.
    """
    # Characters are dropped first: their neighbours may compose once they are gone. Printable ones all stay.
    visible = text if text.isprintable() else "".join(map(_visible, text))
    folded = visible if visible.isascii() else unicodedata.normalize("NFKC", visible)
    if language in _TURKIC:
        folded = folded.replace("I", "ı")
    # Lower-casing U+0130 alone would leave a combining dot behind.
    return " ".join(_lower_nfkc(folded.replace("İ", "i")).split())


def _lower_nfkc(text: str) -> str:
    """Fold width and case; composing again after lower-casing is what makes folding twice change nothing."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cc":
        return " "
    if category in {"Cf", "Cs", "Co", "Cn"} and character not in _MEANINGFUL_FORMAT:
        return ""
    return character


def check_text(text: str, *, truncate: bool = False) -> tuple[str, bool]:
    """Return the query if it may be asked, and whether it had to be cut.

    Args:
        text: the query as sent.
        truncate: cut an over-long query at `MAX_QUERY_BYTES` instead of refusing it.

    Raises:
        InvalidQuery: on field ``text``: empty, blank, too long, or holding U+0000.
    """
    if not text:
        raise InvalidQuery("text", "is empty; send the words the shopper typed")
    # One character is at least one byte: a huge text is refused without being encoded.
    too_long = len(text) > MAX_QUERY_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_QUERY_BYTES
    if too_long and not truncate:
        raise InvalidQuery(
            "text", f"is longer than {MAX_QUERY_BYTES} bytes of UTF-8; shorten it, or set truncate to have it cut"
        )
    if too_long:
        text = text[:MAX_QUERY_BYTES].encode("utf-8", "surrogatepass")[:MAX_QUERY_BYTES].decode("utf-8", "ignore")
    if "\0" in text:
        raise InvalidQuery("text", f"holds U+0000 at character {text.index(chr(0))}; remove it")
    if _is_blank(text):
        raise InvalidQuery("text", "holds only white space or invisible characters; send the words the shopper typed")
    return text, too_long


def _is_blank(text: str) -> bool:
    if text.isprintable():  # all of it is visible but spaces, and folding leaves something of every character
        return text.isspace()
    return not model_form(text).strip("".join(_MEANINGFUL_FORMAT) + " ")


def decode_text(data: bytes) -> str:
    """Return the text of UTF-8 bytes.

    Raises:
        InvalidQuery: on field ``text_utf8``, naming the offset of the first bad byte.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidQuery("text_utf8", f"is not UTF-8 (byte {error.start}); send valid UTF-8") from None
