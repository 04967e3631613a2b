"""From query text to what the network reads: ``<s> [locale] tokens </s>``.

The one tokenizer of training and serving. Locale tokens are not part of ``tokenizer.json``: their ids
follow its last one, so no text can spell them. Knows nothing of bundles, engines or models.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import tokenizers

from shelfsense.errors import InputRefused, InvalidQuery
from shelfsense.locales import Locales

MAX_TOKENS = 64
"""Most text tokens of one query; the network's input is three longer."""

_BOS, _PAD, _EOS, _UNK = "<s>", "<pad>", "</s>", "<unk>"
_WORD_START = "▁"


@dataclass(frozen=True, slots=True)
class Tokens:
    """A query as the network reads it.

    Attributes:
        ids: ``<s>``, the locale's token, the text's tokens, ``</s>``.
        truncated: tokens past the limit were cut.
        known: at least one of the text's tokens stands for something the vocabulary has.
    """

    ids: tuple[int, ...]
    truncated: bool
    known: bool


class QueryTokenizer:
    """A `tokenizers` tokenizer with one token per locale behind its vocabulary.

    Args:
        tokenizer: the tokenizer, with ``<s> <pad> </s> <unk>`` in its vocabulary; its own templates,
            padding and truncation are not used.
        locales: the locales, in the order of their tokens; ``und`` is the last.
        max_tokens: most text tokens of one query.

    Raises:
        InputRefused: when one of the four special tokens is missing, or the ids have gaps that a
            locale's id would fall into.
    """

    def __init__(self, tokenizer: tokenizers.Tokenizer, locales: Locales, *, max_tokens: int = MAX_TOKENS) -> None:
        self.locales = locales
        self.max_tokens = max_tokens
        self._tokenizer = tokenizer
        # Without this, "</s>" typed by a shopper would be taken out of the text and become the real one.
        tokenizer.encode_special_tokens = True
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.bos, self.pad, self.eos, self.unk = (self._id(token) for token in (_BOS, _PAD, _EOS, _UNK))
        _try(tokenizer)
        self.vocabulary_size = int(tokenizer.get_vocab_size())
        # One by one: the whole vocabulary as a dictionary takes 20 MB, and the interpreter from every other thread.
        if any(tokenizer.id_to_token(i) is None for i in range(self.vocabulary_size)):
            raise InputRefused("tokenizer: its ids have gaps; number the tokens from 0 without one")
        added = tokenizer.get_added_tokens_decoder()
        self._special = {i for i, token in added.items() if token.special} | {self.bos, self.pad, self.eos}
        self._unknown = {self.unk, tokenizer.token_to_id(_WORD_START)}

    @classmethod
    def from_json(cls, data: bytes, locales: Locales, *, max_tokens: int = MAX_TOKENS) -> QueryTokenizer:
        """Read the bytes of a ``tokenizer.json``.

        Raises:
            InputRefused: when they are no tokenizer, or one that lacks a special token.
        """
        try:
            tokenizer = tokenizers.Tokenizer.from_str(data.decode("utf-8"))
        except Exception as error:  # the library raises bare Exception
            raise InputRefused(f"tokenizer: not the JSON of a tokenizer ({error})") from error
        return cls(tokenizer, locales, max_tokens=max_tokens)

    def before(self, locales: Locales, *, max_tokens: int) -> QueryTokenizer:
        """Return the same vocabulary before other locales, in the memory of this one.

        Args:
            locales: in the order of their tokens.
            max_tokens: most text tokens of one query.
        """
        other = copy.copy(self)
        other.locales, other.max_tokens = locales, max_tokens
        return other

    @property
    def embedding_rows(self) -> int:
        """Rows of the network's token embedding: the vocabulary, every locale, and ``und``."""
        return self.vocabulary_size + len(self.locales.tags) + 1

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text's tokens, any number of them and none of them special.

        Args:
            text: in `shelfsense.text.model_form`.
        """
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        # A Unigram vocabulary still holds "</s>" as a piece like any other: what spells one is unknown.
        return ids if self._special.isdisjoint(ids) else [self.unk if i in self._special else i for i in ids]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of `encode` stands in the text: its first character and the one after its last."""
        found: list[tuple[int, int]] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return found

    def locale_id(self, tag: str) -> int:
        """Return the id of a resolved locale's token."""
        return self.vocabulary_size + self.locales.token(tag)

    def network_input(self, text: str, locale: str, *, truncate: bool = False) -> Tokens:
        """Return what the network reads for one query.

        Args:
            text: in `shelfsense.text.model_form`.
            locale: a tag of the locales, or ``und``.
            truncate: cut a text over the limit instead of refusing it.

        Raises:
            InvalidQuery: on field ``text``, when it is over the limit and may not be cut.
        """
        ids = self.encode(text)
        truncated = len(ids) > self.max_tokens
        if truncated and not truncate:
            raise InvalidQuery(
                "text", f"is {len(ids)} tokens long, over {self.max_tokens}; shorten it, or set truncate to have it cut"
            )
        ids = ids[: self.max_tokens]
        known = not self._unknown.issuperset(ids)
        return Tokens((self.bos, self.locale_id(locale), *ids, self.eos), truncated, known)

    def _id(self, token: str) -> int:
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise InputRefused(f"tokenizer: its vocabulary lacks {token}; use one with <s> <pad> </s> <unk>")
        return int(found)


def _try(tokenizer: tokenizers.Tokenizer) -> None:
    """Meet a text that no vocabulary has before a shopper does: some tokenizers can be loaded, and not that."""
    try:
        tokenizer.encode("\U0010fffd a", add_special_tokens=False)
    except Exception as error:  # the library raises bare Exception
        raise InputRefused(f"tokenizer: fails on a character it does not know ({error}); set its unk_id") from error
