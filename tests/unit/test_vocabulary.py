"""The trimmed vocabulary: what is always kept, what fills the budget, and how much queries notice."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from shelfsense_training.vocabulary import TrimmedVocabulary, count_pieces, equal_token_share, trim_vocabulary

SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]
# Likeliest first, as a Unigram model lists them; <mask> last, as XLM-R does.
PIECES = [
    *SPECIALS, "▁", "▁shoes", "▁the", "▁Shoes", "ing", "▁red", "▁கை", "▁قميص", "▁пальто", "▁rot",
    "a", "b", "d", "e", "h", "o", "r", "s", "t", "ж", "靴", "か", "கூ", "க", "ლ", "7", "-", "♥", "<mask>",
]  # fmt: skip
SERVED_SINGLES = {"▁", "a", "b", "d", "e", "h", "o", "r", "s", "t", "ж", "靴", "か", "7", "-"}


def tokenizer_json() -> bytes:
    specials = [*SPECIALS, "<mask>"]
    vocabulary = [(piece, 0.0 if piece in specials else -1.0 - i / 10) for i, piece in enumerate(PIECES)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens(specials)
    return tokenizer.to_str().encode()


OLD = tokenizer_json()


def trimmed(*texts: str, budget: int = 0) -> TrimmedVocabulary:
    return trim_vocabulary(OLD, count_pieces(OLD, texts), budget=budget)


def pieces(vocabulary: TrimmedVocabulary) -> list[str]:
    return [piece for piece, _ in json.loads(vocabulary.tokenizer_json)["model"]["vocab"]]


def test_pieces_of_a_corpus_are_counted_without_special_tokens() -> None:
    counts = count_pieces(OLD, ["red shoes", "shoes", ""])
    assert counts == Counter({PIECES.index("▁shoes"): 2, PIECES.index("▁red"): 1})


def test_special_tokens_keep_their_ids_and_mask_moves_to_the_end() -> None:
    tokenizer = Tokenizer.from_str(trimmed().tokenizer_json.decode())
    assert [tokenizer.token_to_id(token) for token in SPECIALS] == [0, 1, 2, 3]
    assert tokenizer.token_to_id("<mask>") == tokenizer.get_vocab_size() - 1


def test_an_unknown_character_is_still_unk() -> None:
    tokenizer = Tokenizer.from_str(trimmed().tokenizer_json.decode())
    assert 3 in tokenizer.encode("♥", add_special_tokens=False).ids


def test_single_characters_of_the_scripts_served_are_kept_and_no_others() -> None:
    kept = {piece for piece in pieces(trimmed()) if len(piece) == 1}
    assert kept == SERVED_SINGLES  # no Tamil, no Georgian, no symbol


def test_the_pieces_of_the_corpus_are_kept_whatever_the_budget() -> None:
    kept = pieces(trimmed("rot", "கை", budget=0))
    assert {"▁rot", "▁கை"} <= set(kept)
    assert "▁red" not in kept


def test_arabic_pieces_are_kept_whatever_the_budget() -> None:
    kept = pieces(trimmed(budget=0))
    assert "▁قميص" in kept
    assert "▁пальто" not in kept


def test_the_likeliest_lower_case_pieces_of_served_scripts_fill_the_budget() -> None:
    bare = set(pieces(trimmed()))
    filled = pieces(trimmed(budget=len(bare) + 3))
    assert [piece for piece in filled if piece not in bare] == ["▁shoes", "▁the", "ing"]  # not ▁Shoes


def test_a_budget_over_the_vocabulary_keeps_all_that_is_served() -> None:
    assert set(PIECES) - set(pieces(trimmed(budget=1000))) == {"▁Shoes", "▁கை", "கூ", "க", "ლ", "♥"}


def test_source_ids_name_the_old_id_of_every_new_one() -> None:
    new = trimmed("red shoes")
    assert [PIECES[i] for i in new.source_ids] == pieces(new)


def test_framing_is_left_to_the_network() -> None:
    table = json.loads(trimmed().tokenizer_json)
    assert table["post_processor"] is None
    assert table["truncation"] is None
    assert table["padding"] is None


@pytest.mark.parametrize(
    ("texts", "share"),
    [(["shoes", "rot"], 0.5), (["shoes"], 1.0), (["rot"], 0.0), (["shoes", "shoes", "shoes", "red"], 0.75), ([], 0.0)],
)
def test_the_equal_share_counts_texts_cut_into_the_same_pieces(texts: list[str], share: float) -> None:
    # Without ▁rot and ▁red those words are spelt letter by letter.
    assert equal_token_share(OLD, trimmed("shoes"), texts) == share


def test_a_text_without_tokens_is_equal() -> None:
    assert equal_token_share(OLD, trimmed(), [""]) == 1.0


def test_every_word_of_served_letters_can_still_be_spelt() -> None:
    tokenizer = Tokenizer.from_str(trimmed().tokenizer_json.decode())
    ids = np.array(tokenizer.encode("bother shoes 7", add_special_tokens=False).ids)
    assert 3 not in ids
