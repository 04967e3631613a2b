"""Fits a bundle's network to another tree: the marketplace's own categories, from its judged queries alone.

The same encoder, a fresh head, a few minutes; what comes out is a bundle that `evaluate` measures like
any other, beside fastText trained on the same rows. This is the experiment of design section 8.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from shelfsense.bundle import Bundle
from shelfsense.locales import UNDETERMINED, Locales
from shelfsense.models.onnx_weights import load_int8
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import LocaleThresholds, Thresholds
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.bundle_building import MODEL, TOKENIZER, BundleParts, build_bundle
from shelfsense_training.calibration import apply_calibration, fit_level
from shelfsense_training.evaluation.labelled_queries import group_rows
from shelfsense_training.evaluation.labelled_rows import write_labelled_rows
from shelfsense_training.fine_tuning import FineTuning, FineTuningSettings, TeacherVectors
from shelfsense_training.head_initialisation import initialise_head
from shelfsense_training.marketplace_tree import marketplace_judgements, marketplace_rows, marketplace_tree
from shelfsense_training.sampling import SamplingSettings
from shelfsense_training.sources.judged_queries import read_judged_queries
from shelfsense_training.sources.splits import Split
from shelfsense_training.threshold_fixing import TYPE_PRECISION, ScoredPairs, least_threshold
from shelfsense_training.training_rows import write_rows
from shelfsense_training.validation import ValidationQuery, log_odds_of, logits_of, top1

ROWS, VALIDATION, TEST = "rows.parquet", "validation.csv", "test.csv"

TUNING = FineTuningSettings(
    steps=300,
    batch=128,
    pairs=0,
    encoder_rate=1e-4,
    head_rate=5e-4,
    level_weights=(0.5, 0.5),
    wrong_weight=0.1,
    encoder_dropout=0.1,
    lowest_rate=0.02,
    sampling=SamplingSettings(judged_share=1.0, asked_share=0.0, own_share=0.0, nothing_share=0.0),
)


@dataclass(frozen=True, slots=True)
class OwnTreeSettings:
    """How the network is fitted.

    Attributes:
        tuning: of the encoder and the fresh head.
        seed: of the weights and draws.
    """

    tuning: FineTuningSettings = field(default_factory=lambda: TUNING)
    seed: int = 0


def fit_own_tree(start: Bundle, data: Path, work: Path, out: Path, settings: OwnTreeSettings) -> Bundle:
    """Write a bundle over the marketplace's tree, and beside it what `evaluate` needs.

    Args:
        start: the bundle whose encoder is taken, its int8 weights read back.
        data: the folder of public data.
        work: gets the training rows, the validation and the test file, and the training state.
        out: folder of the new bundle.
        settings: how.
    """
    work.mkdir(parents=True, exist_ok=True)
    judged = read_judged_queries(data)
    tree = marketplace_tree(judged)
    rows = marketplace_rows(judged, tree)
    write_rows(rows, work / ROWS)
    sides = {split: marketplace_judgements(judged, tree, split) for split in (Split.VALIDATION, Split.TEST)}
    write_labelled_rows(sides[Split.VALIDATION], work / VALIDATION)
    write_labelled_rows(sides[Split.TEST], work / TEST)
    tokenizer_json = start.read(TOKENIZER)
    locales = tuple(start.manifest["locales"])
    tokenizer = QueryTokenizer.from_json(tokenizer_json, Locales(locales))
    model = _with_fresh_head(load_int8(start.read(MODEL)), tree, settings.seed)
    initialise_head(model, tokenizer, tree, rows, seed=settings.seed)
    nobody = TeacherVectors({}, np.zeros((0, 0), dtype=np.float16))
    validation = [
        ValidationQuery(query.text, query.locale, tuple(tree.nodes[i].id for i in query.positives))
        for query in group_rows(sides[Split.VALIDATION], tree).queries
    ]
    tuning = FineTuning(model, tokenizer, tree, rows, nobody, settings.tuning)
    tuning.run(work / f"own_tree_{settings.seed}.pt", lambda m: _figures(m, tokenizer, validation, tree), every=100)
    thresholds = _calibrated(model, tokenizer, validation, tree, locales)
    facts = {"metrics": {}, "training_data": ["judged queries, by their own categories"], "licences": []}
    version = f"own-tree-{settings.seed}"
    return build_bundle(BundleParts(version, model, tokenizer_json, tree, locales, thresholds, facts), out)


def _with_fresh_head(model: UnderstanderModel, tree: ProductTypes, seed: int) -> UnderstanderModel:
    torch.manual_seed(seed)
    fresh = UnderstanderModel(model.backbone, len(tree), model.embedding.linear.out_features, tree.level.tolist())
    fresh.embedding = model.embedding
    return fresh


def _figures(
    model: UnderstanderModel, tokenizer: QueryTokenizer, queries: list[ValidationQuery], tree: ProductTypes
) -> str:
    logits = logits_of(model, tokenizer, queries)
    return ", ".join(f"level {level} {top1(logits, queries, tree, level):.3f}" for level in (1, 2))


def _calibrated(
    model: UnderstanderModel,
    tokenizer: QueryTokenizer,
    queries: list[ValidationQuery],
    tree: ProductTypes,
    locales: tuple[str, ...],
) -> Thresholds:
    """Calibrate the model in place and return thresholds, one per level for all locales."""
    log_odds = log_odds_of(model, tokenizer, queries)
    right = np.zeros((len(queries), len(tree)), dtype=bool)
    for row, query in zip(right, queries, strict=True):
        row[[tree.index[identifier] for identifier in query.types]] = True
    levels = {level: fit_level(log_odds[:, members], right[:, members]) for level, members in tree.by_level.items()}
    apply_calibration(model, tree, levels)
    head = model.classification
    probabilities = torch.sigmoid(torch.from_numpy(log_odds) * head.scale + head.shift).numpy()
    cuts = tuple(
        least_threshold(ScoredPairs(probabilities[:, m].ravel(), right[:, m].ravel()), TYPE_PRECISION)
        for m in tree.by_level.values()
    )
    entry = LocaleThresholds(cuts, "real", 1.0, "fallback")
    return Thresholds(dict.fromkeys((*locales, UNDETERMINED), entry))
