"""A bundle of a few types, heads and letters that loads in a millisecond, with every kind of file there is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace

from shelfsense.attribute_kinds import ATTRIBUTES
from shelfsense.bundle import Bundle, write_bundle
from shelfsense.mapped_tree import TYPE_MAP, MappedTree
from shelfsense.product_types import ProductTypeNode, ProductTypes
from shelfsense.reformulation.head import Head
from shelfsense.reformulation.head_files import head_index_files
from shelfsense.thresholds import THRESHOLDS, AgreementWeights, LocaleThresholds, Thresholds
from shelfsense.type_map import MapEntry, TypeMap

WIDTH = 8
_LOCALES = ["en", "de", "pt-BR"]
_SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]
_OURS = (("sh", "", "Shoes"), ("sh-1", "sh", "Boots"), ("ho", "", "Home"), ("ho-1", "ho", "Kettles"))
_THEIRS = (("1", "", "Footwear"), ("2", "1", "Boots"))
_HEADS = (
    Head("red boots", "en", 9.0, product_type="sh-1", attributes='[["color","red"]]'),
    Head("kettle 2 l", "en", 5.0, volume_is_estimate=True, product_type="ho-1"),
    Head("rote stiefel", "de", 7.0, product_type="sh-1"),
)


def write_small_bundle(folder: Path) -> Bundle:
    """Write the bundle, and return it verified."""
    ours = ProductTypes("small", [ProductTypeNode(*row) for row in _OURS])
    theirs = ProductTypes("shop", [ProductTypeNode(*row) for row in _THEIRS])
    entry = LocaleThresholds((0.5, 0.6), "real", 0.9, "composed", ((1.0, 0.1), (0.9, 0.0)), {"sh-1": 0.4})
    weights = AgreementWeights(4.0, 1.0, 0.5, -1.0, 0.1, -2.0)
    thresholds = Thresholds(dict.fromkeys((*_LOCALES, "und"), entry), agreement=weights)
    of_theirs = Thresholds(dict.fromkeys((*_LOCALES, "und"), LocaleThresholds((0.5, 0.6), "real", 0.9, "composed")))
    type_map = TypeMap(ours, theirs, [MapEntry("sh", "1", 0.9), MapEntry("sh-1", "2")])
    vectors = np.random.default_rng(0).standard_normal((len(_HEADS), WIDTH))
    manifest = {
        "bundle_version": "small-1",
        "label_space": "small",
        "locales": _LOCALES,
        "backbone": {"layers": 1, "width": WIDTH, "vocabulary": 50, "max_tokens": 64},
        "embedding": {"width": WIDTH},
        "attributes": list(ATTRIBUTES),
    }
    files = {
        "product_types.json": ours.to_json(),
        THRESHOLDS: thresholds.to_json(),
        TYPE_MAP: MappedTree(type_map, of_theirs).to_json(),
        "tokenizer.json": _tokenizer(),
        **head_index_files(_HEADS, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)),
    }
    return write_bundle(folder, manifest, files)


def _tokenizer() -> bytes:
    pieces = [*_SPECIALS, "▁", "▁red", "▁boots", *"abcdefghijklmnopqrstuvwxyz0123456789"]
    tokenizer = Tokenizer(Unigram([(piece, 0.0 if piece in _SPECIALS else -2.0) for piece in pieces], unk_id=3))
    tokenizer.pre_tokenizer = Metaspace()
    tokenizer.add_special_tokens(_SPECIALS)
    return json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False).encode()
