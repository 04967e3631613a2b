"""Everything a study found, as one table for people and `study.json` for the evaluation page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shelfsense_training.variants.locale_learning import LABELS
from shelfsense_training.variants.promise import promise
from shelfsense_training.variants.recipe import Variant
from shelfsense_training.variants.study import FLIPS, PLAIN, ROBUST, Study
from shelfsense_training.variants.study_figures import StudyFigures, conflict_top1, recall_of_locale
from shelfsense_training.variants.top_answers import Judged, by_locale
from shelfsense_training.variants.trained_run import RunPlan, RunResult

FIGURES, PAGE = "figures.json", "study.json"


def write_report(study: Study, out: Path) -> dict[str, Any]:
    """Write `FIGURES` and `PAGE` from the runs there are; what has not been run is left out."""
    found: dict[str, Any] = {}
    for name, data in study.data.items():
        runs = {variant: [r for r in map(study.result, _of(study, name, variant)) if r] for variant in Variant}
        if all(runs.values()):
            found[name] = StudyFigures(data, runs).report()
            found[name]["promise"] = promise(data, runs[Variant.AWARE])
    found["flipped"] = _flipped(study)
    found["ablations"] = [row for name in study.data for row in _ablations(study, name)]
    found["cold_start"] = [row for name in study.settings.left_out if name in study.data for row in _cold(study, name)]
    found["cold_start_six_layers"] = list(_cold_six(study))
    found["twelve_layers"] = _twelve(study)
    found["adapters"] = _adapters(study)
    out.mkdir(parents=True, exist_ok=True)
    _write(out / FIGURES, found)
    _write(out / PAGE, {"variants": _bars(found), "gains": _gains(found), "cold_start": found["cold_start"]})
    return found


def _of(study: Study, data: str, variant: Variant) -> list[RunPlan]:
    return [plan for plan in study.main_plans(data) if plan.variant is variant]


def recall_everywhere(study: Study, name: str, result: RunResult, level: int = 0) -> float:
    """Return R@P0.8 of a run, mean over locales."""
    data = study.data[name]
    judged = Judged(result.answers["test"][level], data.test, data.members[level])
    return float(np.mean([judged.recall_at_precision(rows) for rows in by_locale(data.test, judged.rows).values()]))


def recall_together(study: Study, name: str, result: RunResult, level: int) -> float:
    """Return R@P0.8 of a run over all test queries at one threshold."""
    data = study.data[name]
    return Judged(result.answers["test"][level], data.test, data.members[level]).recall_at_precision()


def _flipped(study: Study) -> list[dict[str, Any]]:
    """Return recall by recipe and share of flipped labels, and what of the clean recall is lost."""
    found = []
    for name in (n for n in ("real", "simulated") if n in study.data):
        for label in (PLAIN, *ROBUST):
            clean: list[float] = []
            for flipped in (0.0, *FLIPS):
                plans = [study.flipped_plan(name, label, flipped, seed) for seed in study.settings.seeds]
                runs = [study.result(plan) for plan in plans if plan]
                recalls = [recall_together(study, name, run, 0) for run in runs if run]
                if not recalls:
                    continue
                clean = clean or recalls
                found.append(
                    {
                        "data": name,
                        "recipe": label,
                        "flipped": flipped,
                        "recalls": [round(r, 4) for r in recalls],
                        "recall": round(float(np.mean(recalls)), 4),
                        "lost": round(float(np.mean(clean) - np.mean(recalls)), 4),
                    }
                )
    return found


def _ablations(study: Study, name: str) -> Iterator[dict[str, Any]]:
    for plan in study.ablation_plans(name, seeds=study.settings.seeds):
        run = study.result(plan)
        if run:
            yield {
                "data": name,
                "recipe": plan.label,
                "seed": plan.seed,
                "recall_mean_over_locales": round(recall_everywhere(study, name, run), 4),
                "validation": round(study.validation_figure(run), 4),
            }


def _cold(study: Study, name: str) -> Iterator[dict[str, Any]]:
    full = [r for r in map(study.result, _of(study, name, Variant.AWARE)) if r]
    return _cold_rows(study, name, list(study.left_out_plans(name)), full)


def _cold_six(study: Study) -> Iterator[dict[str, Any]]:
    data = study.data.get("real")
    if data is None:
        return
    plans = list(study.six_layer_plans())
    full = [r for r in (study.result(plan) for plan in plans if not plan.left_out) if r]
    yield from _cold_rows(study, "real", plans, full)
    for plan in study.retrained_plans():
        if run := study.result(plan):
            figure = recall_of_locale(data, 0, data.locales.index(plan.left_out), [run.answers["test"][0]])
            cell = {"data": "real", "locale": plan.left_out, "system": "retrained", "labels": plan.kept}
            yield cell | {"metric": "R@P0.8", **figure.plain()}


def _cold_rows(
    study: Study, name: str, plans: Sequence[RunPlan], full: Sequence[RunResult]
) -> Iterator[dict[str, Any]]:
    data = study.data[name]
    for tag in study.settings.left_out[name]:
        place = data.locales.index(tag)
        rows: list[tuple[str, int | None, Sequence[RunResult], str]] = [("full data", None, full, "test")]
        runs: Sequence[RunResult]
        for variant, system in ((Variant.AGNOSTIC, "agnostic"), (Variant.AWARE, "aware")):
            runs = [r for p in plans if p.left_out == tag and p.variant is variant and (r := study.result(p))]
            rows.append((system, 0, runs, "test"))
            rows += [("aware", n, runs, f"labels{n}") for n in LABELS if variant is Variant.AWARE]
        if not any(row[2] for row in rows[1:]):
            continue  # nothing was left out yet: full data alone is no curve
        for system, labels, runs, side in rows:
            answers = [run.answers[side][0] for run in runs if side in run.answers]
            if answers:
                yield {
                    "data": name,
                    "locale": tag,
                    "system": system,
                    "labels": labels,
                    "metric": "R@P0.8",
                    **recall_of_locale(data, 0, place, answers).plain(),
                }


def _adapters(study: Study) -> list[dict[str, float]]:
    """Return, seed by seed, what an adapter per locale gives where a query's meaning hangs on its store."""
    found = []
    for name, data in study.data.items():
        if not len(data.conflicts):
            continue
        whole = np.ones(len(data.conflicts), dtype=np.bool_)
        others = {plan.seed: study.result(plan) for plan in _of(study, name, Variant.AGNOSTIC)}
        for seed in study.settings.seeds:
            plan = study.adapter_plan(name, seed)
            run, agnostic = (study.result(plan) if plan else None), others.get(seed)
            if run and agnostic:
                difference = conflict_top1(data, [run], whole) - conflict_top1(data, [agnostic], whole)
                found.append(
                    {
                        "seed": seed,
                        "conflict_top_1": round(float(conflict_top1(data, [run], whole)[0]), 4),
                        "conflict_top_1_taught": round(float(conflict_top1(data, [run], data.taught)[0]), 4),
                        "over_agnostic": round(float(difference[0]), 4),
                        "over_agnostic_low": round(float(np.quantile(difference[1:], 0.025)), 4),
                        "over_agnostic_high": round(float(np.quantile(difference[1:], 0.975)), 4),
                        "recall_mean_over_locales": round(recall_everywhere(study, name, run), 4),
                    }
                )
    return found


def _twelve(study: Study) -> list[dict[str, float]]:
    if "real" not in study.data:
        return []
    runs = [study.result(plan) for plan in study.twelve_layer_plans()]
    return [
        {f"level_{level + 1}": round(recall_together(study, "real", run, level), 4) for level in range(2)}
        for run in runs
        if run
    ]


def _bars(found: dict[str, Any]) -> list[dict[str, Any]]:
    bars = []
    for name, report in found.items():
        if isinstance(report, dict):
            for scope, key in (("global", "recall"), ("smallest quartile", "recall_smallest_quartile")):
                for variant, figure in report["levels"][0][key].items():
                    bars.append({"data": name, "metric": "R@P0.8", "scope": scope, "variant": variant, **figure})
            for variant in ("aware", "agnostic"):
                if "conflict_top_1" in report:
                    figure = report["conflict_top_1"][variant]
                    bars.append(
                        {"data": name, "metric": "top-1", "scope": "conflict set", "variant": variant, **figure}
                    )
    return bars


def _gains(found: dict[str, Any]) -> list[dict[str, Any]]:
    gains = []
    for name, report in found.items():
        if isinstance(report, dict):
            for locale, cell in report["levels"][0]["locales"].items():
                gain = cell["gain"]
                if gain["value"] is not None:
                    # In some resamples one model per locale reaches nothing: no finite interval then.
                    whole = gain["low"] is not None and gain["high"] is not None
                    gains.append(
                        {
                            "data": name,
                            "locale": locale,
                            "training_queries": cell["training_queries"],
                            "gain": gain["value"],
                            "low": gain["low"] if whole else None,
                            "high": gain["high"] if whole else None,
                            "seeds": gain["seeds"],
                        }
                    )
    return gains


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
