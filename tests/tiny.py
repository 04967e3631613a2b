"""What the tiny bundle of the tests is made of."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace
from transformers import DistilBertConfig

from shelfsense.locales import Locales
from shelfsense.models.backbone import Backbone
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.tokenizer import QueryTokenizer

LOCALES = ("en", "de", "es", "pt-BR", "ja", "zh-CN", "zh-TW", "tr", "hi-IN", "ar-SA")

TINY_TREE = (
    {"id": "sh", "parent_id": "", "name": "Shoes"},
    {"id": "ho", "parent_id": "", "name": "Home"},
    {"id": "el", "parent_id": "", "name": "Electronics"},
    {"id": "sh-1", "parent_id": "sh", "name": "Running Shoes"},
    {"id": "sh-2", "parent_id": "sh", "name": "Boots"},
    {"id": "ho-1", "parent_id": "ho", "name": "Coffee Machines"},
    {"id": "el-1", "parent_id": "el", "name": "Cables"},
)

_LETTERS = (
    "abcdefghijklmnopqrstuvwxyzäöüßéèñçãıığşあいうランニグシューズ一二人大小中国手机鞋コヒ0123456789कखगजतन्ािीसوابتسمنر"
)
_WORDS = ("▁running", "▁shoes", "▁laufschuhe", "▁coffee", "▁kaffee", "maschine", "▁machine", "▁usb", "▁cable", "▁red")


def tiny_tokenizer_json() -> bytes:
    """A Unigram tokenizer of a few words and single letters, in the XLM-R order of specials."""
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [*specials, "▁", *_WORDS, *dict.fromkeys(_LETTERS)]
    vocabulary = [(piece, 0.0 if piece in specials else -1.0 - i / 100) for i, piece in enumerate(pieces)]
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=3))
    tokenizer.pre_tokenizer = Metaspace()
    tokenizer.add_special_tokens(specials)
    return json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False).encode()


def tiny_model(
    tokenizer_json: bytes, *, labels: int, embedding: int = 16, levels: Sequence[int] | None = None
) -> UnderstanderModel:
    """A network of two layers, 32 wide, over the tiny vocabulary; seed torch before."""
    tokenizer = QueryTokenizer.from_json(tokenizer_json, Locales(LOCALES))
    config = DistilBertConfig(
        vocab_size=tokenizer.vocabulary_size,
        max_position_embeddings=tokenizer.max_tokens + 3,
        n_layers=2,
        n_heads=4,
        dim=32,
        hidden_dim=64,
        pad_token_id=1,
    )
    backbone = Backbone.from_config(config)
    backbone.add_locale_tokens(len(LOCALES))
    return UnderstanderModel(backbone, labels, embedding, levels).eval()
