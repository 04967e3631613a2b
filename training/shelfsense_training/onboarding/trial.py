"""What a locale would be answered, by the engine that will serve it: a throw-away bundle with several at once.

Weights learned with a fold held out answer that fold's queries under a locale of their own, so one bundle
serves all folds. N queries, L types.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.query import Query
from shelfsense.thresholds import THRESHOLDS, Thresholds
from shelfsense.understander import Understander
from shelfsense_training.bundle_building import MODEL, answer_queries, rewrite_bundle
from shelfsense_training.evaluation.labelled_queries import LabelledQuery
from shelfsense_training.export.locale_graft import LocaleWeights, graft_locales
from shelfsense_training.onboarding.cross_fitting import CrossFit
from shelfsense_training.onboarding.locale_place import LocalePlace


def held_out_probabilities(
    bundle: Bundle, place: LocalePlace, weights: LocaleWeights, fit: CrossFit, queries: Sequence[LabelledQuery]
) -> NDArray[np.float32]:
    """Return (N, L) the network's probabilities of each query by weights that have not learned from it.

    Args:
        bundle: the old one.
        place: of the locale.
        weights: of all locales, before anything was learned.
        fit: what was learned; where nothing is adopted the old bundle answers.
        queries: those of the fit.
    """
    if not fit.passes:
        asked = [Query(query.text, place.start, truncate=True) for query in queries]
        return answer_queries(Understander.load(bundle), asked).probabilities
    language = place.tag.partition("-")[0]
    tags = [f"{language}-x-fold{fold}" for fold in range(len(fit.learned))]
    with tempfile.TemporaryDirectory() as folder:
        trial = _trial_bundle(bundle, place, weights, fit, tags, Path(folder) / "trial")
        asked = [Query(q.text, tags[fold], truncate=True) for q, fold in zip(queries, fit.folds.tolist(), strict=True)]
        return answer_queries(Understander.load(trial), asked).probabilities


def _trial_bundle(
    bundle: Bundle, place: LocalePlace, weights: LocaleWeights, fit: CrossFit, tags: Sequence[str], out: Path
) -> Bundle:
    """Write a bundle that has a locale for the weights of every fold, behind its own."""
    before = len(weights.tokens) - 1  # und is the last
    many = LocaleWeights(
        np.insert(weights.tokens, before, np.stack([each.token for each in fit.learned]), axis=0),
        np.insert(weights.rows, before, len(weights.up) + np.arange(len(fit.learned))),
        np.concatenate([weights.down, np.stack([each.down for each in fit.learned])]),
        np.concatenate([weights.up, np.stack([each.up for each in fit.learned])]),
    )
    thresholds = Thresholds.from_json(bundle.read(THRESHOLDS))
    entry = thresholds.by_locale[place.start]
    table = Thresholds({**thresholds.by_locale, **dict.fromkeys((place.tag, *tags), entry)})
    files = {MODEL: graft_locales(bundle.read(MODEL), many), THRESHOLDS: table.to_json()}
    return rewrite_bundle(bundle, out, files=files, facts={"locales": [*place.locales, *tags]})
