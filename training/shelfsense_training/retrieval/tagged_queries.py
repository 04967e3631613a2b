"""Queries whose tokens are told to be part of an attribute or of none: human spans, and composed ones.

Human spans are English. For every other locale an attribute word of a known kind is put beside a head
of the project's own writing, on the side where its language has it.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shelfsense.locales import language_of
from shelfsense.models.heads import ATTRIBUTES
from shelfsense.text import model_form
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.composition.attribute_words import AttributeTerm, read_attribute_terms
from shelfsense_training.sources.lexicon import ANY_LOCALE, LexiconEntry, read_asked, read_heads
from shelfsense_training.sources.taxonomy import attribute_values

UNTOLD = -100
"""Of a token that nothing is known of."""

# Tag ids of the human spans, the first of each B/I pair.
_KIND_OF_TAG = {1: "unit", 3: "color", 11: "brand", 15: "material", 27: "product number", 29: "quantity"}
_KIND_OF_WORD = {"color": "color", "material": "material", "size": "unit"}
_KIND_OF_FAMILY = {"Color": "color", "Material": "material", "Fabric": "material", "Size": "unit"}
_UNSPACED = {"ja", "zh", "th"}
_LONGEST_VALUE = 20


@dataclass(frozen=True, slots=True)
class TaggedQuery:
    """A query in pieces, each with what it is.

    Attributes:
        pieces: in model form; together, with `space` between them, they are the query.
        kinds: index into `ATTRIBUTES` of each piece, `UNTOLD` where nothing is known.
        locale: a bundle locale.
        space: what stands between pieces.
    """

    pieces: tuple[str, ...]
    kinds: tuple[int, ...]
    locale: str
    space: str = " "

    @property
    def text(self) -> str:
        """The query, in model form."""
        return self.space.join(self.pieces)


def tagged_tokens(query: TaggedQuery, tokenizer: QueryTokenizer, *, most: int) -> tuple[list[int], list[int]]:
    """Return the network's input and the kind of every token of it, `UNTOLD` for those that are not text.

    Args:
        query: any.
        tokenizer: with the locales.
        most: text tokens kept.
    """
    ids: list[int] = []
    kinds: list[int] = []
    bounds = []
    end = 0
    for piece in query.pieces:
        bounds.append((end, end + len(piece)))
        end += len(piece) + len(query.space)
    tokens = tokenizer.network_input(query.text, query.locale, truncate=True).ids
    offsets = tokenizer.offsets(query.text)[: len(tokens) - 3]
    for token, (first, last) in zip(tokens[2:-1][:most], offsets[:most], strict=True):
        shares = [max(0, min(last, b) - max(first, a)) for a, b in bounds]
        best = max(range(len(shares)), key=shares.__getitem__)
        ids.append(token)
        kinds.append(query.kinds[best] if shares[best] else UNTOLD)
    return [*tokens[:2], *ids, tokens[-1]], [UNTOLD, UNTOLD, *kinds, UNTOLD]


def read_human_spans(path: Path) -> list[TaggedQuery]:
    """Return the queries of a file of human spans (QueryNER)."""
    found = []
    for example in json.loads(path.read_text(encoding="utf-8"))["examples"]:
        pieces, kinds = [], []
        for word, tag in zip(example["tokens"], example["ner_tags"], strict=True):
            piece = model_form(word, "en")
            if piece:
                pieces.append(piece)
                kinds.append(ATTRIBUTES.index(_KIND_OF_TAG.get(tag - 1 + tag % 2, "other") if tag else "other"))
        if pieces:
            found.append(TaggedQuery(tuple(pieces), tuple(kinds), "en"))
    return found


class ComposedSpans:
    """Puts attribute words beside heads, in every locale.

    Args:
        data: the folder of public data, whose localized attribute values join the project's own words.
    """

    def __init__(self, data: Path) -> None:
        self._words: dict[str, list[tuple[str, str, bool]]] = {}
        values = attribute_values(data)
        for locale, terms in read_attribute_terms().items():
            own = [(_KIND_OF_WORD[t.kind], t.word, t.before) for t in terms if t.kind in _KIND_OF_WORD]
            before = sum(t.before for t in terms[:6]) >= 3
            others = [
                (kind, model_form(value, language_of(locale)), before)
                for family, kind in _KIND_OF_FAMILY.items()
                for value in values.get(locale, {}).get(family, ())
                if len(value) <= _LONGEST_VALUE
            ]
            self._words[locale] = own * 3 + others
        self._plain = {
            locale: [t for t in terms if t.kind not in _KIND_OF_WORD]
            for locale, terms in read_attribute_terms().items()
        }
        self._heads: dict[str, list[LexiconEntry]] = defaultdict(list)
        for head in read_heads():
            self._heads[head.locale].append(head)
        self._brands: dict[str, list[str]] = defaultdict(list)
        for asked in read_asked():
            if asked.locale == ANY_LOCALE and len(asked.text.split()) <= 2:
                for root in {identifier.split("-")[0] for identifier in asked.type_ids}:
                    self._brands[root].append(model_form(asked.text))
        self._locales = sorted(self._heads)

    def draw(self, random: random.Random) -> TaggedQuery:
        """Return one query: a head, and one to three words beside it."""
        locale = random.choice(self._locales)
        head = random.choice(self._heads[locale])
        space = "" if language_of(locale) in _UNSPACED and random.random() < 0.6 else " "
        other = ATTRIBUTES.index("other")
        pieces, kinds = [model_form(head.text, language_of(locale))], [other]
        for _ in range(random.choice((1, 1, 2, 3))):
            word, kind, before = self._word(locale, head, random)
            at = 0 if before else len(pieces)
            pieces.insert(at, word)
            kinds.insert(at, ATTRIBUTES.index(kind))
        return TaggedQuery(tuple(pieces), tuple(kinds), locale, space)

    def _word(self, locale: str, head: LexiconEntry, random: random.Random) -> tuple[str, str, bool]:
        spin = random.random()
        brands = self._brands.get(head.type_id.split("-")[0], ())
        if spin < 0.35 and brands:
            return random.choice(brands), "brand", random.random() < 0.7
        plain: Sequence[AttributeTerm] = self._plain.get(locale, ())
        if spin < 0.5 and plain:
            term = random.choice(plain)
            return model_form(term.word, language_of(locale)), "other", term.before
        if spin < 0.62:
            return _code(random), "product number", random.random() < 0.3
        kind, word, before = random.choice(self._words[locale])
        return word, kind, before if random.random() < 0.85 else not before


def _code(random: random.Random) -> str:
    """Return something like a product number."""
    letters = "".join(random.choices("abcdefghklmnprstvwxz", k=random.randint(1, 3)))
    digits = str(random.randint(10, 99999))
    return random.choice((f"{letters}{digits}", f"{letters}-{digits}", f"{digits}{letters[0]}", f"{letters} {digits}"))
