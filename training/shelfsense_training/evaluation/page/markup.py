"""Builds HTML and SVG so that text is escaped unless it was built here.

Query texts come from shoppers and are hostile by assumption: a plain `str` is always escaped, only
`Markup` passes as it is, and only `element` and `join` make `Markup`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

# Not allowed in HTML, and nothing to look at: shown as the replacement character.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_EMPTY = frozenset({"meta", "path", "line", "rect", "circle", "use"})

Value = str | float | bool | None
"""Of an attribute: numbers are rounded to two decimals, True is a bare name, False and None leave it out."""


class Markup(str):
    """HTML or SVG that is safe to write as it stands."""

    __slots__ = ()


def escaped(text: str) -> Markup:
    """Return a text as HTML: markup characters as entities, control characters replaced."""
    return text if isinstance(text, Markup) else Markup(html.escape(_CONTROLS.sub("\ufffd", text)))


def join(parts: Iterable[str], between: str = "") -> Markup:
    """Return parts one after the other, each escaped unless it is `Markup`."""
    return Markup(escaped(between).join(escaped(part) for part in parts))


def element(name: str, attributes: dict[str, Value] | None = None, *children: str) -> Markup:
    """Return one element.

    Args:
        name: of the element; written by us, never by data.
        attributes: by name, in the order given.
        children: text, which is escaped, or `Markup`.
    """
    written = "".join(_attribute(key, value) for key, value in (attributes or {}).items())
    if name in _EMPTY and not children:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def number(value: float) -> str:
    """Return a coordinate with at most two decimals."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _attribute(name: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    return f' {name}="{escaped(value) if isinstance(value, str) else number(value)}"'
