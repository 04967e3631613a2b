"""The graph of the re-ranker against the class it came from, its words borrowed from the model beside it.

Tolerances are those of a 32-wide random network.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.engines.onnx import MODEL
from shelfsense.engines.onnx_reranker import OnnxReranker
from shelfsense.engines.reranker import RERANKER, load_reranker
from shelfsense.errors import BundleRefused, InputRefused
from shelfsense.models.cross_encoder import CrossEncoder, pair_input
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import LocaleThresholds, Thresholds
from shelfsense_training.batches import pad_batch
from shelfsense_training.bundle_building import BundleParts, build_bundle, rewrite_bundle
from shelfsense_training.export.cross_encoder_export import export_cross_encoder
from shelfsense_training.export.onnx_export import export_int8
from tiny import LOCALES, TINY_TREE, tiny_model, tiny_tokenizer_json
from tiny_reranker import tiny_cross_encoder

TREE = ProductTypes.from_table("tiny", TINY_TREE)


def new_models(*, four_bit: bool = False) -> tuple[UnderstanderModel, CrossEncoder]:
    """Return a network and a re-ranker on the same words, seeded."""
    torch.manual_seed(5)
    model = tiny_model(tiny_tokenizer_json(), labels=len(TREE))
    if four_bit:
        words = model.backbone.encoder.embeddings.word_embeddings.weight.data
        nibbles = np.random.default_rng(5).integers(0, 16, tuple(words.shape))
        nibbles[:, 3] = 0  # the largest magnitude of a block is always -8 of its scale
        words.copy_(torch.from_numpy((nibbles - 8).astype(np.float32) * np.float32(0.0078125)))
    return model, tiny_cross_encoder(model)


def bundle_of(model: UnderstanderModel, reranker: CrossEncoder | None, out: Path) -> Bundle:
    entry = LocaleThresholds((0.5, 0.5), "composed", 0.9, "composed")
    thresholds = Thresholds(dict.fromkeys((*LOCALES, "und"), entry))
    parts = BundleParts("t-1", model, tiny_tokenizer_json(), TREE, LOCALES, thresholds, {}, reranker=reranker)
    return build_bundle(parts, out)


def pairs_of(model: UnderstanderModel) -> list[list[int]]:
    """Return forty pairs of 1 to 40 text tokens a side, in every locale and none."""
    random = np.random.default_rng(23)
    first = model.backbone.text_vocabulary

    def query(i: int) -> list[int]:
        return [0, first + i % (len(LOCALES) + 1), *random.integers(4, first, 1 + i % 41).tolist(), 2]

    return [pair_input(query(i), query(40 - i)) for i in range(40)]


@torch.no_grad()
def torch_logits(model: CrossEncoder, pairs: list[list[int]]) -> NDArray[np.float32]:
    logits: NDArray[np.float32] = model(pad_batch(pairs, 1)).numpy()
    return logits


@pytest.mark.parametrize("four_bit", [False, True])
def test_the_graph_says_what_the_torch_class_says(tmp_path: Path, *, four_bit: bool) -> None:
    model, cross = new_models(four_bit=four_bit)
    found = OnnxReranker.load(bundle_of(model, cross, tmp_path / "bundle")).scores(pairs_of(model))
    expected = torch_logits(cross, pairs_of(model))
    assert expected.std() > 1.0  # the comparison would be idle on answers that are all alike
    # Rounding 32-wide weights shifts all logits alike by up to a tenth of their spread.
    np.testing.assert_allclose(found, expected, atol=0.35 * expected.std())
    assert np.corrcoef(found, expected)[0, 1] > 0.995


def test_a_pair_gets_the_same_logit_alone_and_in_a_batch_of_mixed_lengths(tmp_path: Path) -> None:
    model, cross = new_models()
    reranker = OnnxReranker.load(bundle_of(model, cross, tmp_path / "bundle"))
    pairs = pairs_of(model)
    alone = np.concatenate([reranker.scores([pair]) for pair in pairs])
    np.testing.assert_allclose(reranker.scores(pairs), alone, atol=1e-3)


def test_the_longest_pair_fits_the_positions_of_a_query() -> None:
    longest = pair_input([0, 99, *[7] * 64, 2], [0, 99, *[8] * 64, 2])
    assert longest == [0, 99, *[7] * 30, 2, 2, *[8] * 30, 2]
    assert len(longest) <= 64 + 3


@pytest.mark.parametrize("four_bit", [False, True])
def test_no_word_is_stored_twice(tmp_path: Path, *, four_bit: bool) -> None:
    model, cross = new_models(four_bit=four_bit)
    graph = onnx.load_from_string(bundle_of(model, cross, tmp_path / "bundle").read(RERANKER)).graph
    words = {name for name in (x.name for x in graph.input) if name.startswith("word.")}
    assert len(words) == 2
    assert not words & {constant.name for constant in graph.initializer}


def test_a_re_ranker_with_other_words_is_not_exported() -> None:
    model, cross = new_models()
    other = copy.deepcopy(cross)
    other.backbone.encoder.embeddings.word_embeddings.weight.data[4, 0] += 1e-3
    with pytest.raises(InputRefused, match="word table"):
        export_cross_encoder(other, model, LOCALES)


def test_a_re_ranker_needs_a_token_for_every_locale_and_none() -> None:
    model, cross = new_models()
    with pytest.raises(InputRefused, match=f"has {len(LOCALES) + 1} locale tokens"):
        export_cross_encoder(cross, model, LOCALES[1:])


def test_a_bundle_with_a_re_ranker_has_format_2_and_one_without_loads_none(tmp_path: Path) -> None:
    model, cross = new_models()
    assert bundle_of(model, cross, tmp_path / "with").manifest["format_version"] == 2
    without = bundle_of(model, None, tmp_path / "without")
    assert without.manifest["format_version"] == 1
    assert load_reranker(without) is None


def test_it_knows_the_locales_it_was_exported_with(tmp_path: Path) -> None:
    assert OnnxReranker.load(bundle_of(*new_models(), tmp_path / "bundle")).locales.tags == LOCALES


def refusal(bundle: Bundle, out: Path, file: str, data: bytes) -> str:
    with pytest.raises(BundleRefused) as raised:
        load_reranker(rewrite_bundle(bundle, out, files={file: data}))
    assert raised.value.file == RERANKER
    return str(raised.value)


def test_a_re_ranker_that_does_not_fit_is_refused_by_name(tmp_path: Path) -> None:
    model, cross = new_models()
    bundle, out = bundle_of(model, cross, tmp_path / "bundle"), tmp_path / "other"
    assert "no graph ONNX Runtime can load" in refusal(bundle, out, RERANKER, b"no graph")
    assert "as no re-ranker does" in refusal(bundle, out, RERANKER, bundle.read(MODEL))
    fewer = onnx.load_from_string(bundle.read(RERANKER))
    fewer.metadata_props[0].value = json.dumps([*LOCALES, "fr"])  # more than there are tokens for
    assert "does not run" in refusal(bundle, out, RERANKER, fewer.SerializeToString())
    del fewer.metadata_props[:]
    assert "which locales it knows" in refusal(bundle, out, RERANKER, fewer.SerializeToString())


def test_a_re_ranker_of_other_words_than_the_models_is_refused(tmp_path: Path) -> None:
    model, cross = new_models()
    bundle, out = bundle_of(model, cross, tmp_path / "bundle"), tmp_path / "other"
    blocks, _ = new_models(four_bit=True)
    assert "which model.onnx does not give" in refusal(bundle, out, MODEL, export_int8(blocks))
    larger = onnx.load_from_string(bundle.read(RERANKER))
    larger.graph.input[1].type.tensor_type.shape.dim[0].dim_value += 1
    assert "model.onnx gives" in refusal(bundle, out, RERANKER, larger.SerializeToString())
