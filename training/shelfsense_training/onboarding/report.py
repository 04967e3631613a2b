"""What onboarding a locale found, as ``report.json`` for machines and ``report.html`` for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shelfsense.thresholds import LocaleThresholds
from shelfsense_training.evaluation.metrics import any_type
from shelfsense_training.onboarding.accepted_type import best_type
from shelfsense_training.onboarding.cross_fitting import CrossFit
from shelfsense_training.onboarding.onboarded import FEWEST_TO_ADAPT, Onboarded, OnboardingSettings
from shelfsense_training.onboarding.page import report_page
from shelfsense_training.onboarding.promise import FEWEST_JUDGED
from shelfsense_training.onboarding.serving_figures import coverage, gain, labels_of, quality
from shelfsense_training.onboarding.store_queries import reasons

JSON, PAGE = "report.json", "report.html"
_FORMAT = 1
_LISTED = 25


def write_report(done: Onboarded, settings: OnboardingSettings, folder: Path) -> None:
    """Write both forms into a folder, made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    report = report_of(done, settings)
    text = json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    (folder / JSON).write_text(text, encoding="utf-8")
    (folder / PAGE).write_text(report_page(report, done), encoding="utf-8")


def report_of(done: Onboarded, settings: OnboardingSettings) -> dict[str, Any]:
    """Return the content of ``report.json``."""
    return {
        "format": _FORMAT,
        "locale": done.place.tag,
        "start": done.place.start,
        "is_new": done.place.is_new,
        "old_bundle": done.bundle.version,
        "new_bundle": done.version,
        "seconds": round(done.seconds, 1),
        "seed": settings.seed,
        "resamples": settings.resamples,
        "queries": _queries(done, settings),
        "judgements": _judgements(done),
        "coverage": {
            side: coverage(served, done.sample, done.understander.product_types)
            for side, served in (("before", done.old), ("after", done.new))
        },
        "zero_shot": _zero_shot(done, settings),
        "test": _test(done, settings),
        "adaptation": _adaptation(done.fit, len(done.judgements.fitted)),
        "thresholds": {
            "before": _entry(done.before_entry),
            "after": _entry(done.promise.entry),
            "fitted_levels": list(done.promise.fitted),
            "fewest_judged": FEWEST_JUDGED,
        },
        "heads": done.heads,
        "uncovered": uncovered(done),
    }


def uncovered(done: Onboarded) -> list[dict[str, Any]]:
    """Return the most searched queries for which the new bundle accepts no type, most searched first."""
    types = done.understander.product_types
    nothing = ~any_type(done.new.accepted)
    found: list[dict[str, Any]] = []
    for i, text in enumerate(done.sample.texts):
        if nothing[i] and len(found) < _LISTED:
            best, probability = best_type(done.new, i, types)
            found.append(
                {
                    "query": text,
                    "volume": float(done.sample.volumes[i]),
                    "nearest_type": list(types.paths[best]),
                    "probability": round(probability, 4),
                    "head": done.new.heads[i],
                }
            )
    return found


def _queries(done: Onboarded, settings: OnboardingSettings) -> dict[str, Any]:
    log = done.log
    return {
        "rows": log.rows,
        "distinct": len(log.queries),
        "volume": sum(query.volume for query in log.queries),
        "merged_rows": log.merged,
        "personal_data_rows": dict(log.personal),
        "rejected_rows": len(log.rejected),
        "reasons": reasons((*log.rejected, *done.judgements.rejected)),
        "head_volume": settings.head_volume,
        "asked": len(done.sample.texts),
        "asked_of_tail": int((~done.sample.is_head).sum()),
    }


def _judgements(done: Onboarded) -> dict[str, Any] | None:
    found = done.judgements
    if not found:
        return None
    return {
        "rows": found.rows,
        "fitted_queries": len(found.fitted),
        "test_queries": len(found.test),
        "without_positive": found.without_positive,
        "personal_data_rows": dict(found.personal),
        "rejected_rows": len(found.rejected),
    }


def _zero_shot(done: Onboarded, settings: OnboardingSettings) -> dict[str, Any] | None:
    if done.judged_old is None:
        return None
    types = done.understander.product_types
    labels = labels_of([*done.judgements.fitted, *done.judgements.test], len(types))
    return quality(done.judged_old, labels, types, resamples=settings.resamples, seed=settings.seed)


def _test(done: Onboarded, settings: OnboardingSettings) -> dict[str, Any] | None:
    if done.test_new is None or done.judged_old is None:
        return None
    types = done.understander.product_types
    labels = labels_of(done.judgements.test, len(types))
    before = done.judged_old.part(slice(len(done.judgements.fitted), None))
    draws = {"resamples": settings.resamples, "seed": settings.seed}
    return {
        "before": quality(before, labels, types, **draws),
        "after": quality(done.test_new, labels, types, **draws),
        "difference": gain(before, done.test_new, labels, types, **draws),
    }


def _adaptation(fit: CrossFit | None, queries: int) -> dict[str, Any]:
    if fit is None:
        return {
            "tried": False,
            "adopted": False,
            "queries": queries,
            "fewest": FEWEST_TO_ADAPT,
        }
    return {
        "tried": True,
        "adopted": bool(fit.passes),
        "queries": queries,
        "passes": fit.passes,
        "held_out_loss": [round(value, 5) for value in fit.curve],
        "gain": round(fit.gain, 5),
        "gain_error": round(fit.error, 5),
    }


def _entry(entry: LocaleThresholds) -> dict[str, Any]:
    return {
        "product_types": list(entry.product_types),
        "evidence": entry.evidence,
        "calibration": [list(each) for each in entry.calibration],
        "types": dict(entry.types),
        "reformulation": entry.reformulation,
        "reformulation_evidence": entry.reformulation_evidence,
    }
