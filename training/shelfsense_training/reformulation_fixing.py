"""A bundle's score of reformulations and its thresholds, fixed anew: after gates, synonyms or candidates changed.

The network, its tree, its types' thresholds and its heads stay as they are.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from shelfsense.bundle import Bundle
from shelfsense.thresholds import THRESHOLDS, Thresholds
from shelfsense.understander import Understander
from shelfsense_training.bundle_building import MODEL_CARD, rewrite_bundle
from shelfsense_training.calibration.level_thresholds import level_thresholds
from shelfsense_training.model_card import model_card
from shelfsense_training.reformulation_pairs import fit_agreement, held_out_phrasings, scored_phrasings
from shelfsense_training.threshold_fixing import SAID_ALIKE


def fix_reformulations(bundle: Bundle, out: Path, version: str, *, threads: int = 1) -> Bundle:
    """Write a copy of a bundle with its score and its reformulation thresholds fitted to held-out phrasings.

    Args:
        bundle: verified; it is not touched.
        out: folder of the new bundle.
        version: the new bundle's own.
        threads: of the engine.
    """
    phrasings = held_out_phrasings(Understander.load(bundle, threads=threads))
    weights = fit_agreement(phrasings)
    fixed = level_thresholds(scored_phrasings(phrasings, weights), SAID_ALIKE)
    before = Thresholds.from_json(bundle.read(THRESHOLDS))
    by_locale = {
        tag: replace(
            entry,
            reformulation=fixed.by_locale.get(tag, fixed.common),
            reformulation_evidence="composed" if tag in fixed.by_locale else "fallback",
        )
        for tag, entry in before.by_locale.items()
    }
    thresholds = replace(before, by_locale=by_locale, agreement=weights)
    card = model_card(version, bundle.manifest, tuple(by_locale), thresholds, bundle.manifest["backbone"])
    files = {THRESHOLDS: thresholds.to_json(), MODEL_CARD: card.encode()}
    return rewrite_bundle(bundle, out, files=files, facts={"bundle_version": version})
