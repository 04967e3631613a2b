"""Trims a Unigram vocabulary to the pieces that shopping queries use, and the embedding with it.

Kept: special tokens; every single-character piece of the scripts served, so that any word can
still be spelt; every piece the corpus uses; every Arabic piece; then the likeliest remaining pieces of those scripts
until the budget is full, because unseen queries will want them.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

SCRIPTS = (
    "LATIN", "CYRILLIC", "GREEK", "ARABIC", "DEVANAGARI", "THAI", "HANGUL", "HIRAGANA", "KATAKANA", "CJK", "DIGIT",
)  # fmt: skip
_META = "▁"

# Little Arabic text is at hand while its words are many, and these letters leave out Persian's
# and Urdu's own: every piece spelt with them is kept.
_ARABIC_LETTERS = frozenset("ابتثجحخدذرزسشصضطظعغفقكلمنهوىيءآأؤإئة")


@dataclass(frozen=True, slots=True)
class TrimmedVocabulary:
    """A smaller tokenizer and where its tokens come from.

    Attributes:
        tokenizer_json: the tokenizer's file.
        source_ids: (V,) the old id of every new id.
    """

    tokenizer_json: bytes
    source_ids: NDArray[np.int64]


def count_pieces(tokenizer_json: bytes, texts: Iterable[str]) -> Counter[int]:
    """Count how often each token id occurs in the texts, special tokens aside."""
    tokenizer = Tokenizer.from_str(tokenizer_json.decode())
    counts: Counter[int] = Counter()
    batch: list[str] = []
    for text in (*texts, None):
        if text is not None:
            batch.append(text)
        if batch and (text is None or len(batch) == 4096):
            for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
                counts.update(encoding.ids)
            batch = []
    return counts


def trim_vocabulary(tokenizer_json: bytes, counts: Counter[int], *, budget: int) -> TrimmedVocabulary:
    """Return the tokenizer cut to a number of pieces.

    Args:
        tokenizer_json: a Unigram tokenizer, pieces ordered by falling likelihood after the specials.
        counts: what `count_pieces` gave for the corpus.
        budget: pieces to keep; more are kept where the corpus and the single characters need it.
    """
    table: dict[str, Any] = json.loads(tokenizer_json)
    vocabulary: list[list[Any]] = table["model"]["vocab"]
    special = {token["id"] for token in table["added_tokens"]}
    keep = {i for i in special if i < len(vocabulary)}
    keep.update(i for i in counts if i < len(vocabulary))
    keep.update(i for i, (piece, _) in enumerate(vocabulary) if len(piece.lstrip(_META)) <= 1 and _is_served(piece))
    keep.update(i for i, (piece, _) in enumerate(vocabulary) if _ARABIC_LETTERS.issuperset(piece.lstrip(_META)))
    for i, (piece, _) in enumerate(vocabulary):
        if len(keep) >= budget:
            break
        if i not in keep and _is_served(piece) and piece == piece.lower():
            keep.add(i)
    # Special tokens keep their ids (0 <s>, 1 <pad>, 2 </s>, 3 <unk>); <mask> moves to the end.
    source_ids = np.array(sorted(keep), dtype=np.int64)
    new_id = {int(old): new for new, old in enumerate(source_ids)}
    table["model"]["vocab"] = [vocabulary[i] for i in source_ids]
    table["model"]["unk_id"] = new_id[table["model"]["unk_id"]]
    table["added_tokens"] = [{**t, "id": new_id[t["id"]]} for t in table["added_tokens"] if t["id"] in new_id]
    # Queries are framed by the network's own code (locale token included), not by the tokenizer.
    table["post_processor"] = None
    table["truncation"] = table["padding"] = None
    return TrimmedVocabulary(json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode(), source_ids)


def equal_token_share(old_json: bytes, new: TrimmedVocabulary, texts: Sequence[str]) -> float:
    """Return the share of texts that both tokenizers cut into the same pieces."""
    old, trimmed = Tokenizer.from_str(old_json.decode()), Tokenizer.from_str(new.tokenizer_json.decode())
    equal = 0
    for before, after in zip(
        old.encode_batch_fast(list(texts), add_special_tokens=False),
        trimmed.encode_batch_fast(list(texts), add_special_tokens=False),
        strict=True,
    ):
        equal += before.ids == new.source_ids[after.ids].tolist()
    return equal / max(1, len(texts))


def _is_served(piece: str) -> bool:
    """Return whether all of a piece's letters belong to scripts of the locales served."""
    for character in piece.lstrip(_META):
        if unicodedata.category(character)[0] in "LM" and not unicodedata.name(character, "").startswith(SCRIPTS):
            return False
        if unicodedata.category(character) in {"So", "Cn", "Co"}:
            return False
    return True
