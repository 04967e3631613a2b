"""Fits a bundle's network to another tree: the marketplace's own categories, from its judged queries alone.

The same encoder, a fresh head, in two parts. The first learns the judged queries and the categories'
names, as plainly as such a network is fine-tuned. It then judges queries of the project's own writing together with two judges
that learn nothing by heart (`own_tree_teacher`), and the second part, from fresh weights again, learns
from what they say and from the judged queries. What comes out is a bundle that `evaluate` measures
like any other, beside fastText trained on the same rows. This is the experiment of design section 8.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from shelfsense.bundle import Bundle
from shelfsense.locales import UNDETERMINED, Locales, language_of
from shelfsense.models.onnx_weights import load_int8
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.text import model_form
from shelfsense.thresholds import NEVER, LocaleThresholds, Thresholds
from shelfsense.tokenizer import QueryTokenizer
from shelfsense.understander import Understander
from shelfsense_training.bundle_building import MODEL, TOKENIZER, BundleParts, build_bundle
from shelfsense_training.calibration.locale_thresholds import fix_locale_thresholds
from shelfsense_training.calibration.platt import apply_calibration, fit_level
from shelfsense_training.checkpoints import load_checkpoint, save_checkpoint
from shelfsense_training.evaluation.labelled_queries import group_rows
from shelfsense_training.evaluation.labelled_rows import write_labelled_rows
from shelfsense_training.fine_tuning import FineTuning, FineTuningSettings, TeacherVectors
from shelfsense_training.head_initialisation import initialise_head
from shelfsense_training.marketplace_tree import (
    category_names,
    marketplace_judgements,
    marketplace_rows,
    marketplace_tree,
)
from shelfsense_training.own_tree_student import judged_labels, soft_examples, written_queries
from shelfsense_training.own_tree_teacher import LabelledNeighbours, StartAnswers
from shelfsense_training.progress import CONSOLE
from shelfsense_training.sampling import SamplingSettings
from shelfsense_training.sources.judged_queries import read_judged_queries
from shelfsense_training.sources.splits import Split
from shelfsense_training.training_rows import write_rows
from shelfsense_training.validation import ValidationQuery, log_odds_of, logits_of, top1
from shelfsense_training.variants.query_set import Example, QuerySet, StudyData, query_set
from shelfsense_training.variants.recipe import Recipe, Variant
from shelfsense_training.variants.variant_training import VariantTraining, Vocabulary

ROWS, VALIDATION, TEST = "rows.parquet", "validation.csv", "test.csv"

TUNING = FineTuningSettings(
    steps=300,
    batch=128,
    pairs=0,
    encoder_rate=1e-4,
    head_rate=5e-4,
    level_weights=(0.5, 0.5),
    wrong_weight=0.1,
    encoder_dropout=0.1,
    lowest_rate=0.02,
    sampling=SamplingSettings(judged_share=0.85, asked_share=0.0, own_share=0.0, nothing_share=0.0),
)


STUDENT = Recipe(encoder_rate=1.5e-4, head_rate=6e-4, batch=256, passes=1.6, patience=0, dropout=0.1)


@dataclass(frozen=True, slots=True)
class OwnTreeSettings:
    """How the network is fitted.

    Attributes:
        tuning: of the first part.
        student: of the second part.
        written: queries of our own that the second part hears.
        repeats: how often a judged query or a category's name stands beside them.
        trust: share of a judged query's target that is its judgement; the rest are its neighbours'.
        seed: of the weights and draws.
    """

    tuning: FineTuningSettings = field(default_factory=lambda: TUNING)
    student: Recipe = STUDENT
    written: int = 40_000
    repeats: int = 2
    trust: float = 0.6
    seed: int = 0


def fit_own_tree(start: Bundle, data: Path, work: Path, out: Path, settings: OwnTreeSettings) -> Bundle:
    """Write a bundle over the marketplace's tree, and beside it what `evaluate` needs.

    Args:
        start: the bundle whose encoder is taken, its int8 weights read back.
        data: the folder of public data.
        work: gets the training rows, the validation and the test file, and the training state.
        out: folder of the new bundle.
        settings: how.
    """
    fitting = _OwnTreeFitting(start, data, work, settings)
    model = fitting.student(fitting.first())
    thresholds = _calibrated(model, fitting.tokenizer, fitting.validation, fitting.tree, fitting.locales)
    facts = {
        "metrics": {},
        "training_data": ["judged queries, by their own categories", "queries of the project's own writing"],
        "licences": [],
    }
    version = f"own-tree-{settings.seed}"
    tree, locales = fitting.tree, fitting.locales
    return build_bundle(BundleParts(version, model, start.read(TOKENIZER), tree, locales, thresholds, facts), out)


class _OwnTreeFitting:
    """The two parts, each kept in the work folder once it is done."""

    def __init__(self, start: Bundle, data: Path, work: Path, settings: OwnTreeSettings) -> None:
        work.mkdir(parents=True, exist_ok=True)
        self._start, self._work, self._settings = start, work, settings
        self._judged = read_judged_queries(data)
        self.tree = marketplace_tree(self._judged)
        self._rows = [*marketplace_rows(self._judged, self.tree), *category_names(self._judged, self.tree)]
        write_rows(self._rows, work / ROWS)
        sides = {s: marketplace_judgements(self._judged, self.tree, s) for s in (Split.VALIDATION, Split.TEST)}
        write_labelled_rows(sides[Split.VALIDATION], work / VALIDATION)
        write_labelled_rows(sides[Split.TEST], work / TEST)
        self.locales = tuple(start.manifest["locales"])
        self.tokenizer = QueryTokenizer.from_json(start.read(TOKENIZER), Locales(self.locales))
        self.validation = [
            ValidationQuery(
                model_form(query.text, language_of(query.locale)),
                query.locale,
                tuple(self.tree.nodes[i].id for i in query.positives),
            )
            for query in group_rows(sides[Split.VALIDATION], self.tree).queries
        ]

    def first(self) -> UnderstanderModel:
        """Return the network after the first part: fine-tuned on the judged queries."""
        nobody = TeacherVectors({}, np.zeros((0, 0), dtype=np.float16))
        model = self._fresh()
        tuning = FineTuning(model, self.tokenizer, self.tree, self._rows, nobody, self._settings.tuning)
        file = self._work / f"own_tree_{self._settings.seed}.pt"
        tuning.run(file, lambda m: _figures(m, self.tokenizer, self.validation, self.tree), every=100)
        return model.eval()

    def student(self, first: UnderstanderModel) -> UnderstanderModel:
        """Return the network after the second part: taught by the first and two judges beside it."""
        model = self._fresh()
        file = self._work / f"own_tree_student_{self._settings.seed}.pt"
        state = load_checkpoint(file)
        if state:
            model.load_state_dict(state["model"])
            return model.eval()
        tokenizer = self.tokenizer
        vocabulary = Vocabulary(tokenizer.bos, tokenizer.eos, tokenizer.vocabulary_size, len(self.locales))
        recipe, seed = self._settings.student, self._settings.seed
        training = VariantTraining(model, vocabulary, self._lessons(first), Variant.AWARE, recipe, seed=seed)
        training.run(lambda step, steps, figure: CONSOLE.log(f"student: step {step} of {steps}, figure {figure:.4f}"))
        save_checkpoint(file, {"model": model.state_dict()})
        return model

    def _fresh(self) -> UnderstanderModel:
        model = _with_fresh_head(load_int8(self._start.read(MODEL)), self.tree, self._settings.seed)
        initialise_head(model, self.tokenizer, self.tree, self._rows, seed=self._settings.seed)
        return model

    def _lessons(self, first: UnderstanderModel) -> StudyData:
        settings = self._settings
        texts, labels = judged_labels(self._rows, self.tree)
        written = written_queries(self._judged, settings.written, seed=settings.seed)
        understander = Understander.load(self._start, threads=torch.get_num_threads())
        answers = StartAnswers.of(understander, texts)
        judges = LabelledNeighbours(answers, labels)
        trust = np.float32(settings.trust)
        own = trust * labels + (1 - trust) / 2 * judges.scores(answers, themselves=True)
        asked = [ValidationQuery(text, locale, ()) for text, locale in written]
        odds = torch.from_numpy(log_odds_of(first, self.tokenizer, asked))
        learned = self.tree.coherent(torch.sigmoid(odds).numpy())
        theirs = (judges.scores(StartAnswers.of(understander, written)) + learned) / np.float32(3)
        lessons = [
            *soft_examples(texts, own, self.tree, self.locales) * settings.repeats,
            *soft_examples(written, theirs, self.tree, self.locales),
        ]
        held = [
            Example(q.text, self.locales.index(q.locale), {self.tree.index[t]: 1.0 for t in q.types})
            for q in self.validation
        ]
        nothing = self._set([])
        return StudyData(
            "own tree",
            self.locales,
            tuple(node.id for node in self.tree.nodes),
            self.tree.level,
            tuple(node.name for node in self.tree.nodes),
            self._set(lessons),
            self._set(held),
            nothing,
            nothing,
        )

    def _set(self, examples: list[Example]) -> QuerySet:
        return query_set(examples, [self.tokenizer.encode(example.text) for example in examples])


def _with_fresh_head(model: UnderstanderModel, tree: ProductTypes, seed: int) -> UnderstanderModel:
    torch.manual_seed(seed)
    fresh = UnderstanderModel(model.backbone, len(tree), model.embedding.linear.out_features, tree.level.tolist())
    fresh.embedding = model.embedding
    return fresh


def _figures(
    model: UnderstanderModel, tokenizer: QueryTokenizer, queries: list[ValidationQuery], tree: ProductTypes
) -> str:
    logits = logits_of(model, tokenizer, queries)
    return ", ".join(f"level {level} {top1(logits, queries, tree, level):.3f}" for level in (1, 2))


def _calibrated(
    model: UnderstanderModel,
    tokenizer: QueryTokenizer,
    queries: list[ValidationQuery],
    tree: ProductTypes,
    locales: tuple[str, ...],
) -> Thresholds:
    """Calibrate the model in place and return the thresholds of every locale."""
    log_odds = log_odds_of(model, tokenizer, queries)
    right = np.zeros((len(queries), len(tree)), dtype=bool)
    for row, query in zip(right, queries, strict=True):
        row[[tree.index[identifier] for identifier in query.types]] = True
    levels = {level: fit_level(log_odds[:, members], right[:, members]) for level, members in tree.by_level.items()}
    apply_calibration(model, tree, levels)
    head = model.classification
    probabilities = torch.sigmoid(torch.from_numpy(log_odds) * head.scale + head.shift).numpy()
    known = np.flatnonzero(right.any(1))  # figures of design section 8 are over queries with a right type
    found = fix_locale_thresholds(
        probabilities[known],
        right[known],
        [queries[i].locale for i in known.tolist()],
        tree,
        tags=(*locales, UNDETERMINED),
    )
    return Thresholds(
        {
            tag: LocaleThresholds(
                each.product_types, "real" if each.own else "fallback", NEVER, "fallback", types=each.types
            )
            for tag, each in found.items()
        }
    )
