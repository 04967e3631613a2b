"""One run of a study: a variant, a recipe and a seed on some data, from fresh weights to answers on the test side.

What is kept of a run is its course and its best answers, so that figures can be computed again without training.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense.errors import InputRefused
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.progress import CONSOLE
from shelfsense_training.variants.flipped_labels import with_flipped
from shelfsense_training.variants.locale_learning import LABELS, learn_locale
from shelfsense_training.variants.neighbours import neighbour_targets
from shelfsense_training.variants.new_models import SMALL, NewModels
from shelfsense_training.variants.query_set import QuerySet, StudyData
from shelfsense_training.variants.recipe import Recipe, Variant
from shelfsense_training.variants.top_answers import TopAnswers
from shelfsense_training.variants.variant_training import Course, VariantTraining, ask


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run does; its name is its file.

    Attributes:
        data: name of the study data.
        variant: which of the three.
        recipe: how it is trained.
        seed: of weights and draws.
        flipped: share of training queries whose types are replaced by a random one.
        share: share of the training queries that are used.
        left_out: a locale that training does not see; empty for none. It is asked as `und` then.
        kept: labels of the left-out locale that training sees all the same; it is asked by its own token then.
        layers: of the pretrained teacher that the network keeps.
        distilled: start from the distilled student, whole, in place of layers of its teacher.
        only: locales whose models are trained, of one model per locale; all where empty.
        label: what the report calls the recipe.
    """

    data: str
    variant: Variant
    recipe: Recipe
    seed: int = 0
    flipped: float = 0.0
    share: float = 1.0
    left_out: str = ""
    kept: int = 0
    layers: tuple[int, ...] = SMALL
    distilled: bool = False
    only: tuple[str, ...] = ()
    label: str = "ours"

    @property
    def name(self) -> str:
        """A file name that no other plan of a study has."""
        parts = [self.data.replace(", ", "_"), self.variant.value, self.label, f"seed{self.seed}"]
        parts += [f"flipped{self.flipped:g}"] if self.flipped else []
        parts += [f"share{self.share:g}"] if self.share < 1 else []
        parts += [f"without_{self.left_out}"] if self.left_out else []
        parts += [f"but_{self.kept}"] if self.kept else []
        return "-".join(parts).replace(" ", "_")


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run found.

    Attributes:
        answers: side to answers of each level: "test", "conflicts", "validation"; of a locale that was left
            out also "labels50" and so on, its own test queries after so many of its labels.
        courses: of each model; one, or one per locale.
    """

    answers: dict[str, list[TopAnswers]]
    courses: list[Course]


def run(plan: RunPlan, data: StudyData, models: NewModels, folder: Path) -> RunResult | None:
    """Do a run, or read it where it was done; None where another process is doing it now."""
    kept = folder / plan.name
    if (kept / "course.json").exists():
        return load_run(plan, data, folder)
    with _claimed(folder / f"{plan.name}.lock") as ours:
        if not ours:
            return None
        if (kept / "course.json").exists():
            return load_run(plan, data, folder)
        result = _train(plan, data, models)
        for side, answers in result.answers.items():
            for level, found in enumerate(answers, start=1):
                found.save(kept / f"{side}_{level}.npz")
        record: dict[str, Any] = {
            "plan": {**asdict(plan), "recipe": asdict(plan.recipe)},
            "courses": [asdict(course) for course in result.courses],
        }
        staging = kept / "course.part"
        staging.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        staging.replace(kept / "course.json")
        return result


def load_run(plan: RunPlan, data: StudyData, folder: Path) -> RunResult | None:
    """Read a finished run, None where there is none.

    Raises:
        InputRefused: when the folder holds a run of that name that was trained by another recipe.
    """
    kept = folder / plan.name
    if not (kept / "course.json").exists():
        return None
    record = json.loads((kept / "course.json").read_text(encoding="utf-8"))
    if Recipe(**record["plan"]["recipe"]) != plan.recipe:
        raise InputRefused(
            f"{kept}: was trained by another recipe than this study's; move it away or name another folder"
        )
    levels = range(1, len(data.members) + 1)
    answers = {
        side: [TopAnswers.load(kept / f"{side}_{level}.npz") for level in levels]
        for side in sorted(path.stem.removesuffix("_1") for path in kept.glob("*_1.npz"))
    }
    return RunResult(answers, [Course(**course) for course in record["courses"]])


def _train_side(plan: RunPlan, data: StudyData) -> StudyData:
    """Return the data as the plan wants it trained on."""
    train, validation = data.train, data.validation
    if plan.left_out:
        place = data.locales.index(plan.left_out)
        few = _own_labels(plan, data)[: plan.kept]
        train = train.take(np.concatenate([np.flatnonzero(train.locale != place), few]))
        validation = validation.take(np.flatnonzero(validation.locale != place))
    if plan.share < 1:
        drawn = np.random.default_rng((plan.seed, 11)).random(len(train)) < plan.share
        train = train.take(np.flatnonzero(drawn))
    if plan.flipped:
        train = with_flipped(train, plan.flipped, seed=plan.seed)
    return replace(data, train=train, validation=validation)


def _own_labels(plan: RunPlan, data: StudyData) -> NDArray[np.intp]:
    """Return the training queries of the left-out locale, in the order in which it comes to label them."""
    rows = np.flatnonzero(data.train.locale == data.locales.index(plan.left_out))
    shuffled: NDArray[np.intp] = rows[np.random.default_rng((plan.seed, 19)).permutation(len(rows))]
    return shuffled


def _train(plan: RunPlan, whole: StudyData, models: NewModels) -> RunResult:
    data = _train_side(plan, whole)
    if plan.variant is not Variant.NON_UNIFIED:
        model = models.new(data, plan.recipe, seed=plan.seed, layers=plan.layers)
        targets = None
        if plan.recipe.neighbours:
            queries, recipe = data.train, plan.recipe
            vectors = models.vectors(queries)
            targets = neighbour_targets(queries, vectors, len(data.labels), recipe.neighbours, soft=recipe.soft)
        training = VariantTraining(
            model, models.vocabulary(data), data, plan.variant, plan.recipe, targets=targets, seed=plan.seed
        )
        course = training.run(_reporter(plan.name))
        hidden = data.locales.index(plan.left_out) if plan.left_out and not plan.kept else None
        answers = {
            side: ask(
                model, models.vocabulary(data), queries, plan.variant, data.members, hidden=_mask(queries, hidden)
            )
            for side, queries in _sides(data).items()
        }
        if plan.left_out and plan.variant is Variant.AWARE and not plan.kept:
            answers |= _after_labels(plan, data, whole, model, models)
        return RunResult(answers, [course])
    courses: list[Course] = []
    parts: dict[str, list[list[tuple[NDArray[np.intp], TopAnswers]]]] = {
        side: [[] for _ in data.members] for side in _sides(data)
    }
    for place, tag in enumerate(data.locales):
        if plan.only and tag not in plan.only:
            continue
        model = models.new(data, plan.recipe, seed=plan.seed, layers=plan.layers)
        training = VariantTraining(
            model, models.vocabulary(data), data, plan.variant, plan.recipe, locale=place, seed=plan.seed
        )
        courses.append(training.run(_reporter(f"{plan.name} {tag}")))
        for side, queries in _sides(data).items():
            rows = np.flatnonzero(queries.locale == place)
            if len(rows):
                found = ask(model, models.vocabulary(data), queries.take(rows), plan.variant, data.members)
                for level, level_answers in enumerate(found):
                    parts[side][level].append((rows, level_answers))
    answers = {
        side: [TopAnswers.join(level, len(_sides(data)[side])) for level in levels]
        for side, levels in parts.items()
        if all(levels)
    }
    return RunResult(answers, courses)


def _after_labels(
    plan: RunPlan, data: StudyData, whole: StudyData, model: UnderstanderModel, models: NewModels
) -> dict[str, list[TopAnswers]]:
    """Return the answers to the left-out locale's own test queries after it gave so many labels."""
    place = data.locales.index(plan.left_out)
    own = _own_labels(plan, whole)
    return {
        f"labels{count}": learn_locale(
            model, models.vocabulary(data), data, place, whole.train.take(own[:count]), plan.recipe, seed=plan.seed
        )
        for count in LABELS
        if count <= len(own)
    }


def _sides(data: StudyData) -> dict[str, QuerySet]:
    sides = {"test": data.test, "conflicts": data.conflicts, "validation": data.validation}
    return {side: queries for side, queries in sides.items() if len(queries)}


def _mask(queries: QuerySet, place: int | None) -> NDArray[np.bool_]:
    if place is None:
        return np.zeros(len(queries), dtype=np.bool_)
    hidden: NDArray[np.bool_] = queries.locale == place
    return hidden


def _reporter(name: str) -> Any:
    return lambda step, steps, figure: CONSOLE.log(f"{name}: step {step} of {steps}, validation {figure:.4f}")


@contextmanager
def _claimed(path: Path) -> Iterator[bool]:
    """Hold a run; the lock goes with the process, so a crash leaves nothing behind that blocks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
