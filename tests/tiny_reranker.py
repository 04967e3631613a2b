"""A tiny re-ranker on the words of a tiny network, and copies of bundles that have one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from shelfsense.bundle import Bundle
from shelfsense.engines.onnx import MODEL
from shelfsense.engines.reranker import RERANKER
from shelfsense.models.cross_encoder import CrossEncoder
from shelfsense.models.onnx_weights import load_int8
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.precise_score import PreciseScore
from shelfsense.thresholds import THRESHOLDS, Thresholds
from shelfsense_training.backbones import keep_layers
from shelfsense_training.bundle_building import rewrite_bundle
from shelfsense_training.export.cross_encoder_export import export_cross_encoder

SURE = PreciseScore(scale=1.0, shift=0.0, threshold=0.5)
"""Accepts where the logit is 0 or more."""


def tiny_cross_encoder(beside: UnderstanderModel) -> CrossEncoder:
    """A re-ranker of one layer on another network's words, its logits spread; seed torch before."""
    model = CrossEncoder(keep_layers(beside.backbone, (1,))).eval()
    for name, weight in model.named_parameters():
        if "word_embeddings" not in name and weight.dim() == 2:
            weight.data += 0.3 * torch.randn_like(weight)
    model.linear.weight.data *= 20
    return model


def with_reranker(bundle: Bundle, out: Path, **precise: PreciseScore) -> Bundle:
    """Return a copy of a bundle with a re-ranker, and with precise scores of some locales."""
    model = load_int8(bundle.read(MODEL))
    torch.manual_seed(11)
    graph = export_cross_encoder(tiny_cross_encoder(model), model, bundle.manifest["locales"])
    thresholds = Thresholds.from_json(bundle.read(THRESHOLDS))
    table = {tag: dataclasses.replace(entry, precise=precise.get(tag)) for tag, entry in thresholds.by_locale.items()}
    changed = dataclasses.replace(thresholds, by_locale=table)
    return rewrite_bundle(bundle, out, files={RERANKER: graph, THRESHOLDS: changed.to_json()})
