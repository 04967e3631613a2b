"""First tiers measured beside the whole network: chosen on validation queries, reported on test queries.

    shelfsense-train first-tier-study --bundle bundles/starter --work work

N queries, L types.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.understander import Understander
from shelfsense_training.evaluation.labelled_queries import LabelledQueries, group_rows, judged_rows
from shelfsense_training.evaluation.labelled_rows import LabelledRow
from shelfsense_training.evaluation.report import plain
from shelfsense_training.first_tier.distillation_texts import distillation_texts
from shelfsense_training.first_tier.known_heads import known_shares, real_traffic
from shelfsense_training.first_tier.sureness import Sureness
from shelfsense_training.first_tier.tier_calibration import TierCalibration
from shelfsense_training.first_tier.tier_quality import Questions, mixed, token_share
from shelfsense_training.first_tier.tiers import Tier, Tiers, TierSettings, in_batches
from shelfsense_training.progress import CONSOLE
from shelfsense_training.sources.judged_queries import read_judged_queries
from shelfsense_training.sources.splits import Split
from shelfsense_training.validation import clean_queries

_CURVE = (0.5, 0.6, 0.7, 0.8, 0.9)
_CURVE_RESAMPLES = 100


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """Sizes of the study.

    Attributes:
        texts: that the tiers hear the network on.
        tiers: how they learn.
        resamples: of the test queries.
        seed: of every draw.
    """

    texts: int = 240_000
    tiers: TierSettings = field(default_factory=TierSettings)
    resamples: int = 1000
    seed: int = 0


class FirstTierStudy:
    """The tiers, each made once per work folder, and their figures.

    Args:
        bundle: verified, with a network whose embedding head reads every layer.
        data: the data folder.
        rows: the composed training rows, .parquet.
        unlabelled: texts, .parquet.
        work: folder of everything in between.
        plan: sizes.
    """

    def __init__(self, bundle: Bundle, data: Path, rows: Path, unlabelled: Path, work: Path, plan: StudyPlan) -> None:
        self._data, self._plan = data, plan
        self._understander = Understander.load(bundle)
        self._judged = read_judged_queries(data)
        asked = [query.text for query in self._judged if query.split is not Split.TRAIN]
        self._texts = distillation_texts(rows, unlabelled, asked, plan.texts, seed=plan.seed)
        self._tiers = Tiers(self._understander, self._texts, work, plan.tiers)

    def write(self, path: Path) -> Mapping[str, Any]:
        """Write the file of figures, and return them."""
        found = self.figures()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return found

    def figures(self) -> dict[str, Any]:
        """Return the content of the file of figures.

        Keys: ``bundle``, ``texts``, ``queries`` (of every set), ``whole`` (the network's own test figures),
        ``rows`` (each with ``name``, ``kind``, ``layers``, ``alone``, ``mixed``, ``curve`` and ``names``: held-out
        names of 31 locales, of which most have no real queries) and ``heads``.
        """
        types = self._understander.network_types
        validation, test = (
            self._questions(group_rows(judged_rows(self._judged, split), types))
            for split in (Split.VALIDATION, Split.TEST)
        )
        cells = clean_queries(self._data, Split.TEST)
        names = self._questions(
            group_rows([LabelledRow(each.text, each.locale, each.types[0], relevant=True) for each in cells], types)
        )
        sets = {"validation": validation, "test": test, "names": names}
        return {
            "bundle": self._understander.bundle.version,
            "texts": len(self._texts),
            "queries": {name: len(each.prepared) for name, each in sets.items()},
            "whole": {**test.quality(test.whole, resamples=0).values, "deployed": test.deployed(test.whole)},
            "rows": [self._measured(tier, validation, test, names) for tier in self._tiers.all()],
            "heads": {name: dict(known_shares(self._understander, asked)) for name, asked in real_traffic(self._data)},
        }

    def _questions(self, data: LabelledQueries) -> Questions:
        ask = in_batches(lambda part: self._understander.infer(part).probabilities)
        return Questions.asked(self._understander, data, ask)

    def _measured(self, tier: Tier, validation: Questions, test: Questions, names: Questions) -> dict[str, Any]:
        raw = tier.answers(validation.prepared)
        calibration = TierCalibration.fit(self._understander.network_types, raw, validation.network)
        chosen_on = validation.served(calibration.apply(raw))
        sureness = Sureness.fit(validation, chosen_on)
        in_validation = sureness.answers_alone(validation.sureness_features(chosen_on))
        asked = test.served(calibration.apply(tier.answers(test.prepared)))
        answered = sureness.answers_alone(test.sureness_features(asked))
        known = np.array([self._is_head(each.locale, each.normal_form) for each in test.prepared])
        alone, together = self._plain(test, asked), self._plain(test, mixed(asked, test.whole, answered))
        CONSOLE.log(
            f"{tier.name}: alone {alone['least_ratio']:.3f}, answers {answered.mean():.1%} at {together['least_ratio']:.3f}"
        )
        return {
            "name": tier.name,
            "kind": tier.kind,
            "layers": tier.layers,
            "alone": alone,
            "mixed": {
                "share_in_validation": float(in_validation.mean()),
                "share": float(answered.mean()),
                "tokens_passed_on": token_share(test.prepared, ~answered),
                "share_with_a_head_of_the_same_words": float((answered & known).mean()),
                **together,
            },
            "curve": _curve(test, asked, sureness, validation.sureness_features(chosen_on)),
            "names": _on_names(names, names.served(calibration.apply(tier.answers(names.prepared))), sureness),
        }

    def _is_head(self, locale: str, normal_form: str) -> bool:
        return bool(self._understander.heads.exact(locale, [normal_form]))

    def _plain(self, test: Questions, served: NDArray[np.float32]) -> dict[str, Any]:
        found = test.quality(served, resamples=self._plan.resamples, seed=self._plan.seed)
        return {
            "values": found.values,
            "ratios": {name: plain(each) for name, each in found.ratios.items()},
            "least_ratio": found.least,
            "same_accepted_types": found.agreement,
            "same_first_answers": found.first_agreement,
            "deployed": test.deployed(served),
        }


def _curve(
    test: Questions, served: NDArray[np.float32], sureness: Sureness, in_validation: NDArray[np.float64]
) -> list[dict[str, float]]:
    """Return what test shows where a tier answers other shares; nothing was chosen by it."""
    sure, features = sureness.of(in_validation), test.sureness_features(served)
    found = []
    for share in _CURVE:
        answered = sureness.of(features) >= np.quantile(sure, 1 - share)
        good = test.quality(mixed(served, test.whole, answered), resamples=_CURVE_RESAMPLES)
        found.append(
            {
                "share": float(answered.mean()),
                "tokens_passed_on": token_share(test.prepared, ~answered),
                "least_ratio": good.least,
                "least_ratio_smoothed": good.least_smoothed,
                "same_accepted_types": good.agreement,
            }
        )
    return found


def _on_names(names: Questions, served: NDArray[np.float32], sureness: Sureness) -> dict[str, float]:
    """Return what becomes of held-out names under a threshold chosen on queries of ten languages."""
    answered = sureness.answers_alone(names.sureness_features(served))
    alone = names.quality(served, resamples=0)
    together = names.quality(mixed(served, names.whole, answered), resamples=0)
    return {"share": float(answered.mean()), "alone_least_ratio": alone.least, "least_ratio": together.least}
