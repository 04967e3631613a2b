"""Fits a bundle's network to any tree, from a shop's own labelled queries.

The encoder of the bundle, a fresh head: initialised from the labelled queries and the types' names,
fine-tuned with the encoder, calibrated on the validation side, its thresholds fixed there on the int8
answers that will be served, its figures taken on the test side. Sides are by normal form, so a query is
never on two of them. The new bundle has no heads: their vectors were the old encoder's and their types
another tree's; `shelfsense-train index` gives it some.

N queries, S types of the tree.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from shelfsense.bundle import Bundle
from shelfsense.errors import InputRefused
from shelfsense.locales import UNDETERMINED, Locales
from shelfsense.models.onnx_weights import load_int8
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import NEVER, LocaleThresholds, Thresholds
from shelfsense.tokenizer import QueryTokenizer
from shelfsense.understander import Understander
from shelfsense_training.bundle_building import MODEL, TOKENIZER, BundleParts, build_bundle
from shelfsense_training.calibration.platt import apply_calibration, fit_level
from shelfsense_training.evaluation.labelled_queries import LabelledQueries, group_rows
from shelfsense_training.evaluation.labelled_rows import LabelledRow, write_labelled_rows
from shelfsense_training.fine_tuning import FineTuning, FineTuningSettings, TeacherVectors
from shelfsense_training.head_initialisation import initialise_head
from shelfsense_training.progress import CONSOLE
from shelfsense_training.sampling import SamplingSettings
from shelfsense_training.shop_tree.tree_card import tree_card
from shelfsense_training.shop_tree.tree_figures import tree_figures
from shelfsense_training.shop_tree.tree_labels import ShopLabels
from shelfsense_training.shop_tree.tree_mapping import judged_scores
from shelfsense_training.shop_tree.tree_rows import label_rows, name_rows, refused_rows, validation_queries
from shelfsense_training.shop_tree.tree_thresholds import FEWEST_RIGHT, ThresholdSettings, fixed_thresholds
from shelfsense_training.sources.splits import Split
from shelfsense_training.training_rows import TrainingRow, write_rows
from shelfsense_training.validation import ValidationQuery, log_odds_of, logits_of, top1

ROWS, VALIDATION, TEST = "rows.parquet", "validation.csv", "test.csv"

TUNING = FineTuningSettings(
    batch=128,
    pairs=0,
    encoder_rate=1e-4,
    head_rate=5e-4,
    wrong_weight=0.1,
    lowest_rate=0.02,
    sampling=SamplingSettings(judged_share=0.93, asked_share=0.0, own_share=0.0, nothing_share=0.02),
)
"""As for the marketplace's own tree (`own_tree_recipe`), one query in fifteen a type's name."""

_PASSES = 5
_FEWEST_STEPS, _MOST_STEPS = 150, 4000


@dataclass(frozen=True, slots=True)
class TreeFittingSettings:
    """How a network is fitted to a tree.

    Attributes:
        steps: of fine-tuning; 0: five passes over the labelled queries, 150 to 4,000 steps.
        tuning: of the encoder and the fresh head.
        thresholds: how sure they have to be.
        seed: of the weights and draws.
    """

    steps: int = 0
    tuning: FineTuningSettings = field(default_factory=lambda: TUNING)
    thresholds: ThresholdSettings = field(default_factory=ThresholdSettings)
    seed: int = 0


def fit_tree(
    start: Bundle, tree: ProductTypes, labels: ShopLabels, work: Path, out: Path, settings: TreeFittingSettings
) -> Bundle:
    """Write a bundle whose network answers a shop's tree.

    Args:
        start: the bundle whose encoder is taken, its int8 weights read back.
        tree: the shop's.
        labels: its judged queries.
        work: gets the training state, so that a second run goes on from it, and the three sides as files
            that `evaluate` reads.
        out: folder of the new bundle.
        settings: how.

    Raises:
        InputRefused: when the training or the validation side has no query with a right type.
    """
    sides = {split: _side(labels, tree, split) for split in Split}
    taught = label_rows(sides[Split.TRAIN].queries, tree)
    rows = [*taught, *refused_rows(labels.side(Split.TRAIN), tree), *name_rows(tree)]
    _keep_sides(labels, rows, work)
    tokenizer_json = start.read(TOKENIZER)
    locales = tuple(start.manifest["locales"])
    tokenizer = QueryTokenizer.from_json(tokenizer_json, Locales(locales))
    model = with_fresh_head(load_int8(start.read(MODEL)), tree, settings.seed)
    initialise_head(model, tokenizer, tree, rows, seed=settings.seed)
    tuning = _tuning(settings, len(sides[Split.TRAIN].queries))
    validation = validation_queries(sides[Split.VALIDATION].queries, tree)
    nobody = TeacherVectors({}, np.zeros((0, 0), dtype=np.float16))
    run = FineTuning(model, tokenizer, tree, rows, nobody, tuning)
    checkpoint = work / f"fit_tree_{_fingerprint(start, tree, rows, tuning)}.pt"
    run.run(checkpoint, _validate(tokenizer, validation, tree), every=max(1, tuning.steps // 3))
    _calibrate(model, tokenizer, validation, tree)
    bare = LocaleThresholds((NEVER,) * tree.depth, "fallback", NEVER, "fallback")
    parts = BundleParts(
        version=f"{start.version}-fitted-{tree.label_space}",
        model=model,
        tokenizer_json=tokenizer_json,
        product_types=tree,
        locales=locales,
        thresholds=Thresholds(dict.fromkeys((*locales, UNDETERMINED), bare)),
        facts={"metrics": {}, "training_data": _training_data(start, tree), "licences": _facts(start, "licences")},
    )
    return _promised(parts, sides, work, out, settings)


def with_fresh_head(model: UnderstanderModel, tree: ProductTypes, seed: int) -> UnderstanderModel:
    """Return a model of the same encoder and embedding head with a new classification head for a tree."""
    torch.manual_seed(seed)
    fresh = UnderstanderModel(model.backbone, len(tree), model.embedding.linear.out_features, tree.level.tolist())
    fresh.embedding = model.embedding
    return fresh


def _side(labels: ShopLabels, tree: ProductTypes, split: Split) -> LabelledQueries:
    rows = labels.side(split)
    if split is Split.TEST and not any(row.relevant for row in rows):
        return LabelledQueries((), 0)
    try:
        return group_rows(rows, tree)
    except InputRefused:
        fact = f"the {split.value} side has no query with a right type; label more queries, some hundreds at least"
        raise InputRefused(f"labels: {fact}") from None


def _keep_sides(labels: ShopLabels, rows: list[TrainingRow], work: Path) -> None:
    write_rows(rows, work / ROWS)
    for split, name in ((Split.VALIDATION, VALIDATION), (Split.TEST, TEST)):
        kept: list[LabelledRow] = labels.side(split)
        write_labelled_rows(kept, work / name)


def _tuning(settings: TreeFittingSettings, queries: int) -> FineTuningSettings:
    steps = min(max(_PASSES * queries // settings.tuning.batch, _FEWEST_STEPS), _MOST_STEPS)
    return replace(settings.tuning, steps=settings.steps or steps, seed=settings.seed)


def _fingerprint(start: Bundle, tree: ProductTypes, rows: Sequence[TrainingRow], tuning: FineTuningSettings) -> str:
    """Return a name of everything that the training state depends on: other labels are another run."""
    digest = hashlib.sha256(start.read(MODEL))
    digest.update(tree.to_json())
    digest.update(json.dumps([asdict(row) for row in rows]).encode())
    digest.update(repr(tuning).encode())
    return digest.hexdigest()[:12]


def _validate(
    tokenizer: QueryTokenizer, queries: list[ValidationQuery], tree: ProductTypes
) -> Callable[[UnderstanderModel], str]:
    def figures(model: UnderstanderModel) -> str:
        logits = logits_of(model, tokenizer, queries)
        return ", ".join(f"level {level} {top1(logits, queries, tree, level):.3f}" for level in tree.by_level)

    return figures


def _calibrate(
    model: UnderstanderModel, tokenizer: QueryTokenizer, queries: list[ValidationQuery], tree: ProductTypes
) -> None:
    """Calibrate the model in place; a level with too few right answers keeps its own probabilities."""
    log_odds = log_odds_of(model, tokenizer, queries)
    right = np.zeros((len(queries), len(tree)), dtype=bool)
    for row, query in zip(right, queries, strict=True):
        row[[i for name in query.types for i in tree.ancestors(tree.index[name])]] = True
    levels = {}
    for level, members in tree.by_level.items():
        found = int(right[:, members].sum())
        if FEWEST_RIGHT <= found < right[:, members].size:
            levels[level] = fit_level(log_odds[:, members], right[:, members])
        else:
            CONSOLE.log(f"level {level} is not calibrated: validation has {found} right answers, {FEWEST_RIGHT} needed")
    apply_calibration(model, tree, levels)


def _promised(
    parts: BundleParts,
    sides: dict[Split, LabelledQueries],
    work: Path,
    out: Path,
    settings: TreeFittingSettings,
) -> Bundle:
    """Fix the thresholds on the int8 engine's answers, take the test figures, and write the bundle."""
    tree = parts.product_types
    draft = Understander.load(build_bundle(parts, work / "draft"))
    judged = judged_scores(draft, sides[Split.VALIDATION])
    thresholds = fixed_thresholds(tree, judged, parts.thresholds, settings.thresholds)
    figures: dict[str, Any] = {}
    if sides[Split.TEST].queries:
        figures = tree_figures(tree, judged_scores(draft, sides[Split.TEST]), thresholds)
    counts = {split.value: len(sides[split].queries) for split in Split}
    facts = {**parts.facts, "metrics": {"queries": counts, "levels": figures}}
    card = tree_card(parts.version, tree, facts, thresholds)
    made = build_bundle(replace(parts, thresholds=thresholds, facts=facts, model_card=card), out)
    Understander.load(made)
    return made


def _training_data(start: Bundle, tree: ProductTypes) -> list[str]:
    return [*_facts(start, "training_data"), f"judged queries and type names of {tree.label_space}"]


def _facts(start: Bundle, key: str) -> list[str]:
    return [str(line) for line in start.manifest.get(key, ())]
