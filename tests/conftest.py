"""A tiny real bundle: a seeded network of two thin layers, exported, with a small tree and heads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch

from shelfsense.product_types import ProductTypes
from shelfsense.reformulation.head_index import Head
from shelfsense.thresholds import LocaleThresholds, Thresholds
from shelfsense_training.bundle_building import BundleParts, build_bundle, index_heads
from tiny import LOCALES, TINY_TREE, tiny_model, tiny_tokenizer_json

# No test is timed: floors of speed live in benchmarks, and a busy machine is no fault of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

HEADS = (
    ("running shoes", "en", "sh-1"),
    ("coffee machine", "en", "ho-1"),
    ("usb cable 2m", "en", "el-1"),
    ("laufschuhe", "de", "sh-1"),
    ("kaffeemaschine", "de", "ho-1"),
    ("ランニングシューズ", "ja", "sh-1"),
)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny tensors gain nothing from threads, and waiting ones spin."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def denormal_numbers() -> Iterator[None]:
    """Give back what a training command turned off for its whole process: other tests draw denormal numbers."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path to a verified bundle that answers in milliseconds; its weights are random but seeded."""
    torch.manual_seed(7)
    folder = tmp_path_factory.mktemp("bundles")
    tokenizer_json = tiny_tokenizer_json()
    product_types = ProductTypes.from_table("tiny", TINY_TREE)
    entry = LocaleThresholds((0.5, 0.5), "composed", 0.9, "composed")
    parts = BundleParts(
        version="tiny-1",
        model=tiny_model(tokenizer_json, labels=len(product_types)),
        tokenizer_json=tokenizer_json,
        product_types=product_types,
        locales=LOCALES,
        thresholds=Thresholds(dict.fromkeys((*LOCALES, "und"), entry)),
        facts={"metrics": {}, "training_data": [], "licences": []},
        model_card="# Tiny\n",
    )
    bare = build_bundle(parts, folder / "bare")
    heads = [
        Head(query, locale, 100.0 - i, volume_is_estimate=True, product_type=kind)
        for i, (query, locale, kind) in enumerate(HEADS)
    ]
    return index_heads(bare, heads, folder / "tiny").path
