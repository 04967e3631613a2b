"""The text of a query and its locale: checks, normal forms, tokens, and an answer made of them.

An input is a locale, a line end, and the text.
"""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.finding import ROOT
from benchmarks.fuzz.target import Target, Unexpected, text_of
from benchmarks.fuzz.without_network import load
from benchmarks.hostile.locales import HOSTILE_LOCALES, hostile_locale
from benchmarks.hostile.texts import HOSTILE_TEXTS
from shelfsense.bundle import Bundle
from shelfsense.errors import InvalidQuery
from shelfsense.locales import language_of
from shelfsense.query import Options, Query
from shelfsense.text import MAX_QUERY_BYTES, model_form, normal_form
from shelfsense.understander import Understander

_MUCH = Options(top_k=20, max_reformulations=8, include_refused=True, precise=True)
_FRAME = 3  # <s>, the locale's token, </s>


def target(folder: Path) -> Target:  # noqa: ARG001 -- as every target
    """Return the target."""
    understander = load(Bundle.open(ROOT / "bundles" / "starter"))
    return Target(lambda data: _check(understander, data), _seeds(), _elsewhere)


def _seeds() -> list[bytes]:
    texts = [b"de\n" + text.encode("utf-8", "surrogatepass") for text in HOSTILE_TEXTS]
    return texts + [locale.encode("utf-8", "surrogatepass") + b"\n42 mm cable 2 m" for locale in HOSTILE_LOCALES]


def _elsewhere(data: bytes, seed: int) -> bytes:
    """Return the same text in another locale."""
    locale = hostile_locale(random.Random(seed)).encode("utf-8", "surrogatepass")
    return locale + b"\n" + data.partition(b"\n")[2]


def _check(understander: Understander, data: bytes) -> None:
    locale, _, text = (text_of(part) for part in data.partition(b"\n"))
    for truncate in (False, True):
        try:
            prepared = understander.prepare(Query(text, locale, truncate))
        except InvalidQuery as error:
            if error.field not in {"text", "locale"}:
                raise Unexpected(f"refused the field {error.field}") from error
            continue
        _check_forms(text, prepared.locale)
        if not 0 <= len(prepared.token_ids) - _FRAME <= understander.bundle.manifest["backbone"]["max_tokens"]:
            raise Unexpected(f"{len(prepared.token_ids)} tokens")
        if len(prepared.query.text.encode("utf-8", "surrogatepass")) > MAX_QUERY_BYTES:
            raise Unexpected("too long a text was let in")
        if not truncate:
            understander.answer_all([prepared], understander.infer([prepared]), _MUCH)


def _check_forms(text: str, locale: str) -> None:
    for language in {"und", language_of(locale)}:
        once = model_form(text, language)
        if model_form(once, language) != once:
            raise Unexpected(f"the model form in {language} of a text's model form is another")
    once = normal_form(text)
    if normal_form(once) != once:
        raise Unexpected("the normal form of a text's normal form is another")
