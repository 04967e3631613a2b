"""The retrieval study: every tested query once, by a model that did not see its group, beside the baselines.

Runs are files; a second process on the same folder takes the runs that the first has not begun.
"""

from __future__ import annotations

import copy
import fcntl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.query import Query
from shelfsense.understander import Understander
from shelfsense_training.backbones import keep_layers
from shelfsense_training.bundle_building import answer_queries
from shelfsense_training.checkpoints import load_checkpoint, save_checkpoint
from shelfsense_training.distillation import teacher_vectors
from shelfsense_training.retrieval.cross_encoder_training import CrossEncoderSettings
from shelfsense_training.retrieval.domain_adaptation import AdaptationSettings, adapt
from shelfsense_training.retrieval.fold_run import FoldPlan, FoldRun
from shelfsense_training.retrieval.graded_queries import FOLDS, GradedQueries
from shelfsense_training.retrieval.grown_student import fit_embedding, grow
from shelfsense_training.retrieval.retriever_training import RetrieverSettings
from shelfsense_training.starter_recipe import StarterRecipe

_EMBEDDING_TEXTS = 20_000
_CUT = (0, 2, 4, 7, 9, 11)

ABLATIONS: Mapping[str, FoldPlan] = {
    plan.label: plan
    for plan in (
        FoldPlan(
            0, label="no weights", retriever=RetrieverSettings(weighted=False), cross_encoder=None, distillation=None
        ),
        FoldPlan(
            0,
            label="neighbours as positives",
            retriever=RetrieverSettings(neighbours_as_positives=True),
            cross_encoder=None,
            distillation=None,
        ),
        FoldPlan(
            0,
            label="no teacher",
            retriever=RetrieverSettings(teacher_weight=0.0),
            cross_encoder=None,
            distillation=None,
        ),
        FoldPlan(0, label="product type in the input", typed=True, cross_encoder=None, distillation=None),
        FoldPlan(0, label="pointwise loss", cross_encoder=CrossEncoderSettings(pairwise=False), distillation=None),
        FoldPlan(0, label="no cosines first", cross_encoder=CrossEncoderSettings(cosine_steps=0), distillation=None),
    )
}
"""Changes of the recipe, each on its own."""


@dataclass(frozen=True, slots=True)
class RetrievalPlans:
    """How much is done.

    Attributes:
        seeds: of the recipe, on every fold; the re-ranker and what it teaches are of the first alone.
        ablation_folds: folds that a change is tried on, with every seed; a re-ranker's change with the first.
    """

    seeds: tuple[int, ...] = (0,)
    ablation_folds: tuple[int, ...] = (0,)

    def main(self) -> Iterator[FoldPlan]:
        """Yield the runs of the recipe, the first seed's folds first."""
        for seed in self.seeds:
            for fold in range(FOLDS):
                plan = FoldPlan(fold, seed)
                yield replace(
                    plan,
                    retriever=replace(plan.retriever, seed=seed),
                    cross_encoder=plan.cross_encoder if seed == self.seeds[0] else None,
                    distillation=plan.distillation if seed == self.seeds[0] else None,
                )

    def ablations(self) -> Iterator[FoldPlan]:
        """Yield the runs that change one thing, the first seed's first."""
        for seed in self.seeds:
            for plan in ABLATIONS.values():
                if plan.cross_encoder is not None and seed != self.seeds[0]:
                    continue
                for fold in self.ablation_folds:
                    yield replace(plan, fold=fold, seed=seed, retriever=replace(plan.retriever, seed=seed))


class RetrievalStudy:
    """The study over one folder.

    Args:
        recipe: of the starter bundle: its teacher and its distilled student are what training starts from.
        folder: of the runs and of untuned vectors.
    """

    def __init__(self, recipe: StarterRecipe, folder: Path) -> None:
        self._recipe = recipe
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @cached_property
    def queries(self) -> GradedQueries:
        """The judged queries and all candidates."""
        return GradedQueries.read(self._recipe.data / "esci_us")

    @cached_property
    def teacher(self) -> NDArray[np.float16]:
        """Vectors (N, E) of the untuned twelve-layer network."""
        return teacher_vectors(
            self._recipe.teacher, self._recipe.tokenizer, self.queries.texts, self._folder / "teacher.npy"
        )

    @cached_property
    def cut_teacher(self) -> NDArray[np.float16]:
        """Vectors (N, E) of its plain six-layer cut, untuned."""
        cut = keep_layers(self._recipe.teacher, _CUT)
        return teacher_vectors(cut, self._recipe.tokenizer, self.queries.texts, self._folder / "cut.npy")

    @cached_property
    def _student(self) -> UnderstanderModel:
        """What every run starts from: the distilled student, adapted to the candidates' texts; it read no judgement."""
        path = self._folder / "start.pt"
        state = load_checkpoint(path)
        student = self._recipe.new_student() if state else self._recipe.distilled_student()
        grown = grow(student, self._recipe.taxonomy.product_types.level.tolist())
        grown.attributes = None
        if state:
            grown.load_state_dict(state["model"])
        else:
            fit_embedding(grown, self._recipe.tokenizer, self._recipe.teacher_vectors, texts=_EMBEDDING_TEXTS)
            save_checkpoint(path, {"model": grown.state_dict()})
        read = self._recipe.tokenizer.network_input
        tokens = [read(text, "en", truncate=True).ids for text in self.queries.texts]
        return adapt(grown, tokens, self.teacher, self._folder / "adapted.pt", AdaptationSettings())

    @cached_property
    def runs(self) -> FoldRun:
        """The runs."""
        return FoldRun(
            self.queries,
            self._recipe.tokenizer,
            self.teacher,
            lambda: copy.deepcopy(self._student),
            self._folder / "runs",
            lambda: self.typed_texts,
        )

    @cached_property
    def typed_texts(self) -> tuple[str, ...]:
        """The queries, each with the name of its likeliest level-2 product type behind it, by the recipe's network."""
        understander = Understander.load(Bundle.open(self._recipe.work / "bare"), threads=1)
        rows = [row for row, text in enumerate(self.queries.texts) if text]  # one of signs alone is empty in model form
        asked = [Query(self.queries.texts[row], "en", truncate=True) for row in rows]
        types = understander.network_types
        second = types.by_level[2]
        likeliest = second[answer_queries(understander, asked).probabilities[:, second].argmax(axis=1)].tolist()
        texts = list(self.queries.texts)
        for row, node in zip(rows, likeliest, strict=True):
            texts[row] = f"{texts[row]} {types.nodes[node].name.lower()}"
        return tuple(texts)

    def do(self, plans: Sequence[FoldPlan]) -> None:
        """Do the runs that nobody has begun."""
        (self._folder / "runs").mkdir(exist_ok=True)
        for plan in plans:
            lock = (self._folder / "runs" / f"{plan.name}.lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            with lock:
                self.runs.do(plan)

    def result(self, plan: FoldPlan) -> dict[str, Any] | None:
        """Return what a run kept, None where it has not been done."""
        path = self._folder / "runs" / f"{plan.name}.npz"
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
