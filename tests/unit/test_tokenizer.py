"""The query tokenizer: locale tokens no text can spell, special tokens no shopper can type."""

from __future__ import annotations

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import models, pre_tokenizers

from shelfsense.errors import InputRefused, InvalidQuery
from shelfsense.locales import Locales
from shelfsense.text import model_form
from shelfsense.tokenizer import QueryTokenizer

LOCALES = Locales(["de", "en"])
PIECES = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "▁",
    "▁red",
    "▁shoes",
    *"abcdefghijklmnopqrstuvwxyz0123456789",
    *"</>ß",
    "<mask>",
]


def tokenizer_json(pieces: list[str]) -> bytes:
    """Return a Unigram tokenizer of the given pieces, as XLM-R lays it out: special tokens are pieces too."""
    vocabulary = [(piece, 0.0 if piece.startswith("<") and len(piece) > 1 else -5.0) for piece in pieces]
    tokenizer = tokenizers.Tokenizer(models.Unigram(vocabulary, unk_id=pieces.index("<unk>")))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens([piece for piece in pieces if piece.startswith("<") and len(piece) > 1])
    return tokenizer.to_str().encode()


JSON = tokenizer_json(PIECES)
TOKENIZER = QueryTokenizer.from_json(JSON, LOCALES)
V = len(PIECES)


def test_the_input_is_bos_locale_tokens_eos() -> None:
    tokens = TOKENIZER.network_input("red shoes", "en")
    assert tokens.ids == (0, V + 1, 5, 6, 2)
    assert not tokens.truncated
    assert tokens.known


def test_special_ids_are_read_from_the_vocabulary() -> None:
    assert (TOKENIZER.bos, TOKENIZER.pad, TOKENIZER.eos, TOKENIZER.unk) == (0, 1, 2, 3)
    moved = QueryTokenizer.from_json(tokenizer_json(["<unk>", "</s>", "<pad>", "<s>", "▁", "a"]), LOCALES)
    assert (moved.bos, moved.pad, moved.eos, moved.unk) == (3, 2, 1, 0)


def test_locale_tokens_stand_behind_the_vocabulary_with_und_last() -> None:
    assert TOKENIZER.vocabulary_size == V
    assert [TOKENIZER.locale_id(tag) for tag in ("de", "en", "und")] == [V, V + 1, V + 2]
    assert TOKENIZER.embedding_rows == V + 3


@pytest.mark.parametrize("special", ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
@pytest.mark.parametrize("text", ["{}", "red{}", "red {} shoes", "{}{}", " {}red"])
def test_a_special_token_typed_by_a_shopper_is_text(special: str, text: str) -> None:
    ids = TOKENIZER.encode(text.replace("{}", special))
    assert {PIECES.index(token) for token in ("<s>", "<pad>", "</s>", "<mask>")}.isdisjoint(ids)


@given(st.text(alphabet=st.sampled_from("<s>/padunkm ▁red🎉é")))
def test_no_text_reaches_a_special_or_a_locale_token(text: str) -> None:
    ids = TOKENIZER.encode(model_form(text))
    assert all(3 <= i < V - 1 for i in ids)


def test_a_template_padding_and_truncation_of_the_file_are_not_used() -> None:
    tokenizer = tokenizers.Tokenizer.from_str(JSON.decode())
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=16)
    assert QueryTokenizer.from_json(tokenizer.to_str().encode(), LOCALES).encode("red shoes red") == [5, 6, 5]


def test_a_text_at_the_limit_is_whole() -> None:
    tokens = TOKENIZER.network_input(" ".join(["red"] * 64), "de")
    assert len(tokens.ids) == 67
    assert not tokens.truncated


def test_a_text_over_the_limit_is_refused() -> None:
    with pytest.raises(InvalidQuery, match="65 tokens long, over 64; shorten it, or set truncate") as caught:
        TOKENIZER.network_input(" ".join(["red"] * 65), "de")
    assert caught.value.field == "text"


def test_a_text_over_the_limit_is_cut_when_asked() -> None:
    tokens = TOKENIZER.network_input(" ".join(["red"] * 65), "de", truncate=True)
    assert tokens.ids == (0, V, *[5] * 64, 2)
    assert tokens.truncated


@pytest.mark.parametrize(
    ("text", "known"), [("🎉", False), ("🎉 🎊", False), ("日本", False), ("red 🎉", True), ("x", True)]
)
def test_a_text_is_known_when_any_token_is(text: str, *, known: bool) -> None:
    assert TOKENIZER.network_input(text, "de").known is known


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"model": {}}'])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InputRefused, match="not the JSON of a tokenizer"):
        QueryTokenizer.from_json(data, LOCALES)


def test_a_vocabulary_without_a_special_token_is_refused() -> None:
    with pytest.raises(InputRefused, match="lacks <pad>"):
        QueryTokenizer.from_json(tokenizer_json(["<s>", "</s>", "<unk>", "a"]), LOCALES)


def test_ids_with_a_gap_that_a_locale_would_fall_into_are_refused() -> None:
    words = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "▁a": 9}
    gapped = tokenizers.Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    with pytest.raises(InputRefused, match="gaps"):
        QueryTokenizer(gapped, LOCALES)
