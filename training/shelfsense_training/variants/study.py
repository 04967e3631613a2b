"""The study: which runs there are, in which order, and which rates each variant is tuned to.

Every run is kept in a file of its own. A second process on the same folder takes the runs that the
first has not begun; a study that was stopped goes on where it stood.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from shelfsense_training.progress import CONSOLE
from shelfsense_training.variants.new_models import NewModels
from shelfsense_training.variants.query_set import StudyData
from shelfsense_training.variants.recipe import OURS, PAPER, Objective, Recipe, Variant
from shelfsense_training.variants.trained_run import RunPlan, RunResult, load_run, run

RATES = (6e-4, 1.2e-3, 2.4e-3)
"""Encoder rates that every variant is tuned over; the head learns `HEAD_RATIO` times as fast."""

HEAD_RATIO = 4.0
FLIPS = (0.2, 0.4)
TWELVE_LAYER_RATE = 1e-4
SIX = 6
SIX_LAYERS = replace(
    OURS, encoder_rate=1.5e-4, head_rate=6e-4, batch=128, passes=5.0, patience=0, names_first=True, held_out_passes=True
)
"""The distilled student, at the rates of `own-tree`."""
RETRAINED = 200
"""Labels of a new locale with which the whole network is trained again."""
ROBUST_CORRECTION = 0.3
PLAIN = "plain"
ROBUST: dict[str, Callable[[Recipe], Recipe]] = {
    "robust": lambda r: replace(r, correction=ROBUST_CORRECTION, correct_from=1.0),
    "learnt noise": lambda r: replace(r, learn_noise=True),
    "names first, whole": lambda r: replace(r, names_first=True),
    "neighbours": lambda r: replace(r, neighbours=0.7),
    "names first, gently": lambda r: _gently(replace(r, names_first=True)),
}
"""Changes of our recipe against wrong labels, by label."""


@dataclass(frozen=True, slots=True)
class StudySettings:
    """How much is done.

    Attributes:
        seeds: of every main figure.
        tuning_passes: of a run that only chooses a rate.
        passes: of a main run of a unified model, by data.
        own_passes: of one model per locale; each makes `FEWEST_STEPS` at least, so that all together read
            more queries than a unified model does.
        ablation_passes: of a run that tries one change.
        left_out: locales left out one at a time, by data.
        left_out_seeds: of those runs.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    tuning_passes: float = 2.0
    passes: dict[str, float] = field(default_factory=lambda: {"simulated": 8.0, "real": 5.0})
    own_passes: float = 5.0
    ablation_passes: float = 2.0
    left_out_seeds: tuple[int, ...] = (0,)
    left_out: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            "simulated": ("en-AU", "es-MX", "nl-NL", "pl-PL"),
            "real": ("de", "ja", "pt-BR", "ko"),
        }
    )


ABLATIONS: dict[str, Callable[[Recipe], Recipe]] = {
    "masked negatives": lambda r: replace(r, objective=Objective.MASKED),
    "binary": lambda r: replace(r, objective=Objective.BINARY),
    "asymmetric loss": lambda r: replace(r, objective=Objective.ASYMMETRIC),
    "recall at precision (Lagrangian)": lambda r: replace(r, objective=Objective.LAGRANGIAN),
    "logit adjustment": lambda r: replace(r, adjust=0.5),
    "hard labels": lambda r: replace(r, soft=False),
    "names first": lambda r: replace(r, names_first=True),
    "locale sampling 0.5": lambda r: replace(r, locale_power=0.5),
    "adapters per locale": lambda r: replace(r, adapters=8),
    "no locale dropout": lambda r: replace(r, und_share=0.0),
    "moving targets": lambda r: replace(r, correction=ROBUST_CORRECTION),
}
"""Changes of our recipe, each tried on its own."""


class Study:
    """Runs, done or to be done.

    Args:
        data: study data by name.
        models: makes networks.
        folder: of the runs.
        settings: how much.
        distilled: the same from the distilled student; asked for when the first run that starts there is to be done,
            for distilling one takes an hour.
    """

    def __init__(
        self,
        data: dict[str, StudyData],
        models: NewModels,
        folder: Path,
        settings: StudySettings | None = None,
        *,
        distilled: Callable[[], NewModels],
    ) -> None:
        self.data = data
        self._distilled = distilled
        self.settings = settings or StudySettings()
        self._models = models
        self._folder = folder

    def result(self, plan: RunPlan) -> RunResult | None:
        """Return what a run found, None where it has not been done."""
        return load_run(plan, self.data[plan.data], self._folder)

    def do(self, plans: Sequence[RunPlan]) -> list[RunResult]:
        """Do all runs, waiting for those that another process has begun."""
        found: dict[str, RunResult] = {}
        while len(found) < len(plans):
            for plan in plans:
                if plan.name not in found:
                    models = self._distilled() if plan.distilled else self._models
                    result = run(plan, self.data[plan.data], models, self._folder)
                    if result:
                        found[plan.name] = result
            if len(found) < len(plans):
                time.sleep(2)
        return [found[plan.name] for plan in plans]

    def tuning_plans(self, data: str, variant: Variant) -> list[RunPlan]:
        """Return the runs that choose a variant's rate; of one model per locale, every fourth model by size."""
        short = replace(OURS, passes=self.settings.tuning_passes)
        only = self._every_fourth(data) if variant is Variant.NON_UNIFIED else ()
        return [RunPlan(data, variant, _with_rate(short, rate), only=only, label=f"rate{rate:g}") for rate in RATES]

    def _every_fourth(self, data: str) -> tuple[str, ...]:
        counts = np.bincount(self.data[data].train.locale, minlength=len(self.data[data].locales))
        return tuple(self.data[data].locales[i] for i in np.argsort(-counts, kind="stable")[1::4])

    def tuned(self, data: str, variant: Variant) -> Recipe | None:
        """Return our recipe at the rate with the best validation figure; None while a run is missing."""
        results = [self.result(plan) for plan in self.tuning_plans(data, variant)]
        if any(result is None for result in results):
            return None
        figures = [self.validation_figure(result) for result in results if result]
        best = RATES[int(np.argmax(figures))]
        own = variant is Variant.NON_UNIFIED
        passes = self.settings.own_passes if own else self.settings.passes[data]
        return _with_rate(replace(OURS, passes=passes), best)

    @staticmethod
    def validation_figure(result: RunResult) -> float:
        """Return the best validation figure, as `VariantTraining.figure` has it, mean over the models."""
        return float(np.mean([max(course.validation) for course in result.courses]))

    def main_plans(self, data: str) -> Iterator[RunPlan]:
        """Yield the three variants at every seed, once they are tuned."""
        source = "real" if data.startswith("real") else data
        for seed in self.settings.seeds:
            for variant in (Variant.AWARE, Variant.AGNOSTIC, Variant.NON_UNIFIED):
                recipe = self.tuned(source, variant)
                if recipe:
                    yield RunPlan(data, variant, recipe, seed)

    def flipped_plan(self, data: str, label: str, flipped: float, seed: int) -> RunPlan | None:
        """Return one run of plain cross-entropy or of a recipe of `ROBUST`; None before the rate is tuned."""
        tuned = self.tuned(data, Variant.AWARE)
        if not tuned:
            return None
        if label in ROBUST:
            return RunPlan(data, Variant.AWARE, ROBUST[label](tuned), seed, flipped, label=label)
        if not flipped and data == "real":
            return RunPlan(data, Variant.AWARE, tuned, seed)  # its types are wholly right: soft is plain
        return RunPlan(data, Variant.AWARE, replace(tuned, soft=False), seed, flipped, label=label)

    def flipped_plans(self, data: str) -> list[RunPlan]:
        """Return plain cross-entropy and the recipes of `ROBUST` with and without flips, the most flipped first."""
        order = (max(FLIPS), 0.0, *sorted(FLIPS)[:-1])
        plans = (
            self.flipped_plan(data, label, flipped, seed)
            for flipped in order
            for seed in self.settings.seeds
            for label in (PLAIN, *ROBUST)
        )
        return [plan for plan in plans if plan]

    def ablation_plans(self, data: str, seeds: Sequence[int] = (0,)) -> Iterator[RunPlan]:
        """Yield our recipe and its changes, all of them as short as the runs that chose the rate."""
        tuned = self.tuned(data, Variant.AWARE)
        if tuned:
            short = replace(tuned, passes=self.settings.ablation_passes)
            for seed in seeds:
                yield RunPlan(data, Variant.AWARE, short, seed, label=f"rate{short.encoder_rate:g}")
                for label, change in ABLATIONS.items():
                    yield RunPlan(data, Variant.AWARE, change(short), seed, label=label)

    def adapter_plan(self, data: str, seed: int = 0) -> RunPlan | None:
        """Return the aware variant with an adapter per locale, trained as long as the main runs."""
        tuned = self.tuned(data, Variant.AWARE)
        return RunPlan(data, Variant.AWARE, replace(tuned, adapters=8), seed, label="adapters") if tuned else None

    def paper_plan(self, data: str) -> RunPlan:
        """Return the paper's recipe, locale-aware."""
        return RunPlan(data, Variant.AWARE, PAPER, label="paper")

    def twelve_layer_plans(self) -> list[RunPlan]:
        """Return the whole teacher, plainly fine-tuned on the judged queries: cross-entropy at the usual rate."""
        recipe = replace(OURS, encoder_rate=TWELVE_LAYER_RATE, head_rate=1e-3, batch=128, passes=5.0)
        return [
            RunPlan("real", Variant.AWARE, recipe, seed, layers=tuple(range(12)), label="twelve layers")
            for seed in self.settings.seeds
        ]

    def left_out_plans(self, data: str) -> Iterator[RunPlan]:
        """Yield aware and agnostic models that one locale was kept from."""
        for seed in self.settings.left_out_seeds:
            for tag in self.settings.left_out[data]:
                for variant in (Variant.AWARE, Variant.AGNOSTIC):
                    recipe = self.tuned(data, variant)
                    if recipe:
                        yield RunPlan(data, variant, recipe, seed, left_out=tag)

    def six_layer_plans(self) -> Iterator[RunPlan]:
        """Yield the distilled student on real queries: whole, and aware and agnostic with one locale kept from it.

        What a new locale gets from the others hangs on what the encoder knows of its language; two layers know little.
        """
        for seed in self.settings.left_out_seeds:
            yield _six_layers(Variant.AWARE, seed)
            for tag in self.settings.left_out["real"]:
                for variant in (Variant.AWARE, Variant.AGNOSTIC):
                    yield _six_layers(variant, seed, left_out=tag)

    def retrained_plans(self) -> Iterator[RunPlan]:
        """Yield the same with a few labels of the locale among the training queries: all that they can teach."""
        for seed in self.settings.left_out_seeds:
            for tag in self.settings.left_out["real"]:
                yield _six_layers(Variant.AWARE, seed, left_out=tag, kept=RETRAINED)

    def run_all(self) -> None:
        """Do everything, what other runs rest on first."""
        for name in (n for n in ("simulated", "real") if n in self.data):
            for variant in (Variant.AWARE, Variant.AGNOSTIC, Variant.NON_UNIFIED):
                CONSOLE.log(f"{name}: tuning {variant.value}")
                self.do(self.tuning_plans(name, variant))
            self.do(list(self.main_plans(name)))
        if "real" in self.data:
            self.do(list(self.main_plans("real, skewed")))
            self.do(list(self.left_out_plans("real")))
            self.do(self.flipped_plans("real"))
            self.do(list(self.ablation_plans("real")))
            self.do(self.twelve_layer_plans())
            self.do(list(self.six_layer_plans()))
            self.do(list(self.retrained_plans()))
        if "simulated" in self.data:
            self.do(list(self.left_out_plans("simulated")))
            self.do(list(self.ablation_plans("simulated")))
            with_adapters = (self.adapter_plan("simulated", seed) for seed in self.settings.seeds)
            self.do([self.paper_plan("simulated"), *(plan for plan in with_adapters if plan)])


def _six_layers(variant: Variant, seed: int, *, left_out: str = "", kept: int = 0) -> RunPlan:
    layers = tuple(range(SIX))
    whole = RunPlan("real", variant, SIX_LAYERS, seed, layers=layers, distilled=True, label="six layers")
    return replace(whole, left_out=left_out, kept=kept)


def _gently(recipe: Recipe) -> Recipe:
    return replace(recipe, encoder_rate=recipe.encoder_rate / 4, head_rate=recipe.head_rate / 4)


def _with_rate(recipe: Recipe, rate: float) -> Recipe:
    return replace(recipe, encoder_rate=rate, head_rate=HEAD_RATIO * rate)
