"""From queries to answers, in plain Python: no protobuf, no gRPC, no threads.

Three steps, so that a batcher can put its queue between them: `prepare` (cheap, one query, raises
what is wrong with it), `infer` (the network, a batch), `answer` (cheap, one query). Where an answer is to be
precise, two more stand before the last: `shortlist` (cheap, one query) and `rerank` (the network, a batch).
T tokens, K kinds of attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.engines.engine import Engine, EngineOutput, EngineRow, load_engine
from shelfsense.engines.reranker import Reranker, load_reranker
from shelfsense.errors import BundleRefused, EngineUnavailable, InputRefused
from shelfsense.locale_calibration import LocaleCalibration
from shelfsense.locales import UNDETERMINED, language_of
from shelfsense.manifest_values import manifest_locales, manifest_number
from shelfsense.mapped_ranking import MappedRanking
from shelfsense.mapped_tree import MappedTree
from shelfsense.model_description import LocaleDescription, ModelDescription
from shelfsense.prepared import Normalised, Prepared
from shelfsense.product_types import ProductTypes
from shelfsense.query import Options, Query
from shelfsense.reformulation.attribute_spans import (
    LEAST_PROBABILITY,
    LEAST_UNMARKED,
    Spans,
    SpansOnce,
    attribute_spans,
)
from shelfsense.reformulation.head_index import HeadIndex
from shelfsense.reformulation.precise_reformulator import PreciseReformulator
from shelfsense.reformulation.reformulator import Asked, Reformulator
from shelfsense.reformulation.span_gate import MARKED_BY_PEOPLE
from shelfsense.reranking import Reranked, Reranking, Shortlist
from shelfsense.thresholds import THRESHOLDS, Thresholds
from shelfsense.tokenizer import QueryTokenizer
from shelfsense.type_ranking import RankedTypes, TypeRanking, TypesAsked
from shelfsense.understanding import Reformulation, Understanding

__all__ = ["Normalised", "Prepared", "Understander"]

_PRODUCT_TYPES = "product_types.json"
_TOKENIZER = "tokenizer.json"
_REMEDY = "use a bundle whose files were written together"
_DEFAULT_OPTIONS = Options()

_Parsed = TypeVar("_Parsed")


class Understander:
    """Everything one bundle answers with. `infer` and `rerank` take one caller at a time; the rest any number.

    Args:
        bundle: the verified bundle everything else was read from.
        engine: runs its network.
        tokenizer: with the bundle's locales.
        product_types: the tree, in the order of the network's outputs.
        thresholds: for every locale, ``und`` and level.
        heads: the head index.
        mapped: a shop's own tree to answer in place of the network's, None where the bundle has none.
        reranker: None where the bundle has none, and precise mode no effect.

    Attributes:
        product_types: the tree that is answered.
        thresholds: of the tree that is answered.
        network_types: the tree of the network's outputs and of the heads; the same one unless a map is there.
        calibration: of the network's probabilities, per locale.
        mapped: as given.
        heads: as given.
        tokenizer: as given.
        padding: what a token of padding costs the engine, as a share of a real one.
    """

    def __init__(
        self,
        bundle: Bundle,
        engine: Engine,
        tokenizer: QueryTokenizer,
        product_types: ProductTypes,
        thresholds: Thresholds,
        heads: HeadIndex,
        *,
        mapped: MappedTree | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        self.bundle = bundle
        self.network_types = product_types
        self.mapped = mapped
        self.product_types = mapped.type_map.theirs if mapped else product_types
        self.thresholds = mapped.thresholds if mapped else thresholds
        self.calibration = LocaleCalibration(product_types, thresholds)
        self.locales = tokenizer.locales
        self._engine = engine
        self.padding = engine.padding
        self.tokenizer = tokenizer
        self.heads = heads
        self._ranking = (
            MappedRanking(product_types, thresholds, mapped) if mapped else TypeRanking(product_types, thresholds)
        )
        self._reformulator = Reformulator(heads, thresholds, product_types)
        self._precise = PreciseReformulator(self._reformulator, thresholds)
        self._reranking = Reranking(reranker, tokenizer) if reranker else None

    @classmethod
    def load(
        cls, bundle: Bundle, *, engine: str = "onnx", threads: int = 1, beside: Understander | None = None
    ) -> Understander:
        """Read a verified bundle and start its engine.

        Args:
            bundle: a verified bundle.
            engine: the name of an engine, as in ``onnx`` or ``torch``.
            threads: threads of one run of the network.
            beside: of another bundle, loaded already; what both hold alike is read into memory once.

        Raises:
            BundleRefused: naming the file that is not what it should be.
            EngineUnavailable: when the engine cannot start.
            MissingExtra: when the engine's library is not installed.
        """
        product_types = _parsed(_PRODUCT_TYPES, lambda: ProductTypes.from_json(bundle.read(_PRODUCT_TYPES)))
        locales = manifest_locales(bundle)
        most = manifest_number(bundle, "backbone", "max_tokens")
        manifest_number(bundle, "embedding", "width")
        vocabulary = bundle.read(_TOKENIZER)  # in any case: it is what checks the file against its digest
        if beside and beside.bundle.digest(_TOKENIZER) == bundle.digest(_TOKENIZER):
            tokenizer = beside.tokenizer.before(locales, max_tokens=most)
        else:
            tokenizer = _parsed(_TOKENIZER, lambda: QueryTokenizer.from_json(vocabulary, locales, max_tokens=most))
        thresholds = Thresholds.from_json(bundle.read(THRESHOLDS))
        thresholds.require((*locales.tags, UNDETERMINED), product_types.depth)
        mapped = MappedTree.load(bundle, product_types, thresholds)
        heads = HeadIndex.load(bundle)
        loaded = load_engine(engine, bundle, threads=threads)
        reranker = load_reranker(bundle, threads=threads)
        return cls(bundle, loaded, tokenizer, product_types, thresholds, heads, mapped=mapped, reranker=reranker)

    def normalise(self, query: Query) -> Normalised:
        """Check a query and bring it into the forms that its answer depends on.

        Raises:
            InvalidQuery: naming the field at fault, ``text`` or ``locale``.
        """
        return Normalised.from_query(query, self.locales)

    def prepare(self, query: Query) -> Prepared:
        """Check a query and turn it into what the network reads.

        Raises:
            InvalidQuery: naming the field at fault, ``text`` or ``locale``.
        """
        return self.tokenise(self.normalise(query))

    def tokenise(self, normalised: Normalised) -> Prepared:
        """Turn a query that was checked into what the network reads.

        Raises:
            InvalidQuery: on field ``text``, when it has too many tokens.
        """
        return Prepared.from_normalised(normalised, self.tokenizer)

    def infer(self, prepared: Sequence[Prepared]) -> EngineOutput:
        """Run the network on 1 or more queries.

        Raises:
            EngineUnavailable: when it fails, or answers what is no number.
        """
        output = self._engine.run([each.token_ids for each in prepared])
        if not all(np.isfinite(x).all() for x in (output.probabilities, output.embeddings, *(output.attributes or ()))):
            raise EngineUnavailable("the network answered a value that is no number; load another bundle")
        return output

    def answer(
        self,
        prepared: Prepared,
        row: EngineRow,
        options: Options,
        *,
        product_types: bool = True,
        reformulations: bool = True,
        ranked: RankedTypes | None = None,
        reranked: Reranked | None = None,
    ) -> Understanding:
        """Make one query's answer of the network's.

        A type is accepted when its probability reaches its level's threshold and its parent is accepted
        too. A query of which the vocabulary knows nothing (emoji, an unknown script) gets an honest answer:
        no type is accepted, and no reformulation but a head of the very same words.

        Args:
            prepared: the query.
            row: its row of the engine's output.
            options: how much to answer.
            product_types: answer product types; they are empty otherwise.
            reformulations: answer reformulations; they are empty otherwise.
            ranked: what `rank_all` made of the row, with the same `top_k`; without it the row is ranked here.
            reranked: what `rerank` made of the query's shortlist, with the same options; without it the cosine decides.
        """
        if ranked is None and (product_types or reformulations):
            ranked = self._rank(prepared, row, options)
        found: list[Reformulation] = []
        if reformulations and reranked:
            found = self._precise.choose(reranked.shortlist.tiers, reranked.logits.tolist(), options)
        elif reformulations and ranked:
            asked = self._asked(prepared, row)
            found = self._reformulator.reformulate(asked, row.embedding, ranked.probabilities, options)
        return Understanding(
            product_types=ranked.best if product_types and ranked else (),
            reformulations=tuple(found),
            locale_used=prepared.locale,
            truncated=prepared.truncated,
            bundle_version=self.bundle.version,
        )

    def answer_all(self, prepared: Sequence[Prepared], output: EngineOutput, options: Options) -> list[Understanding]:
        """Make the answers of the network's to 1 or more queries, re-ranked where that is asked for.

        Raises:
            EngineUnavailable: when the re-ranker fails.
        """
        together = list(
            zip(
                prepared,
                output.rows(),
                self.rank_all(prepared, output.probabilities, [options.top_k] * len(prepared)),
                strict=True,
            )
        )
        shortlists = [self.shortlist(each, row, options, ranked) for each, row, ranked in together]
        reranked = iter(self.rerank([shortlist for shortlist in shortlists if shortlist]))
        return [
            self.answer(each, row, options, ranked=ranked, reranked=next(reranked) if shortlist else None)
            for (each, row, ranked), shortlist in zip(together, shortlists, strict=True)
        ]

    def rank_all(
        self, prepared: Sequence[Prepared], probabilities: NDArray[np.float32], top_k: Sequence[int]
    ) -> list[RankedTypes]:
        """Return the product types of 1 or more queries; together they cost less than one by one.

        Args:
            prepared: the queries.
            probabilities: (B, L) as the engine gives them.
            top_k: types of each level, query by query.
        """
        asked = [TypesAsked(each.locale, k, each.known) for each, k in zip(prepared, top_k, strict=True)]
        return self._ranking.rank_all(probabilities, asked)

    def shortlist(
        self, prepared: Prepared, row: EngineRow, options: Options, ranked: RankedTypes | None = None
    ) -> Shortlist | None:
        """Return what the re-ranker is to choose from, None where `options.precise` is not set or has no effect.

        It has none where the bundle has no re-ranker, or no precise score for any locale that is searched.

        Args:
            prepared: the query.
            row: its row of the engine's output.
            options: how much to answer.
            ranked: what `rank_all` made of the row; without it the row is ranked here.
        """
        if self._reranking is None or not self._precise.applies(prepared.locale, options):
            return None
        ranked = ranked or self._rank(prepared, row, options)
        tiers = self._precise.shortlist(self._asked(prepared, row), row.embedding, ranked.probabilities, options)
        heads = [candidate.match for tier in tiers for candidate in tier.candidates]
        return Shortlist(tiers, self._reranking.pairs(prepared.token_ids, prepared.locale, heads))

    def rerank(self, shortlists: Sequence[Shortlist]) -> list[Reranked]:
        """Run the re-ranker on any number of shortlists.

        Raises:
            EngineUnavailable: when it fails, or answers what is no number.
        """
        return self._reranking.rerank(shortlists) if self._reranking and shortlists else []

    def attribute_spans(self, prepared: Prepared, attributes: NDArray[np.float32]) -> Spans:
        """Return the colours, brands, materials and units that a query names.

        Args:
            prepared: the query.
            attributes: (T, K) what the engine says of its tokens.
        """
        marked = language_of(prepared.locale) in MARKED_BY_PEOPLE
        least = LEAST_PROBABILITY if marked else LEAST_UNMARKED
        return attribute_spans(prepared.model_text, self.tokenizer.offsets(prepared.model_text), attributes, least)

    def describe(self) -> ModelDescription:
        """Return what the bundle is and promises."""
        return ModelDescription(
            bundle_version=self.bundle.version,
            label_space=self.product_types.label_space,
            locales=tuple(self._describe(tag) for tag in (*self.locales.tags, UNDETERMINED)),
            embedding_width=self.bundle.manifest["embedding"]["width"],
            product_type_target_precision=self.thresholds.product_type_target_precision,
            reformulation_target_precision=self.thresholds.reformulation_target_precision,
        )

    def understand(self, queries: Sequence[Query], options: Options = _DEFAULT_OPTIONS) -> list[Understanding]:
        """Answer queries in one batch, in their order.

        Raises:
            InvalidQuery: for the first query that cannot be answered as it stands.
            EngineUnavailable: when the network fails.
        """
        if not queries:
            return []
        prepared = [self.prepare(query) for query in queries]
        return self.answer_all(prepared, self.infer(prepared), options)

    def type_probability(self, prepared: Prepared, row: EngineRow) -> Callable[[str], float]:
        """Return what gives the probability of any product type of the answered tree, for one query's row."""

        @cache
        def probabilities() -> dict[str, float]:
            everything = len(self.product_types)
            ranked = self._ranking.rank(row.probabilities, prepared.locale, everything, known=prepared.known)
            return {each.id: each.probability for each in ranked.best}

        return lambda name: probabilities()[name]

    def _rank(self, prepared: Prepared, row: EngineRow, options: Options) -> RankedTypes:
        return self._ranking.rank(row.probabilities, prepared.locale, options.top_k, known=prepared.known)

    def _asked(self, prepared: Prepared, row: EngineRow) -> Asked:
        spans = None if row.attributes is None else SpansOnce(partial(self.attribute_spans, prepared, row.attributes))
        return Asked(prepared.normal_form, prepared.model_text, prepared.locale, prepared.known, spans)

    def _describe(self, tag: str) -> LocaleDescription:
        entry = self.thresholds.by_locale[tag]
        return LocaleDescription(
            locale=tag,
            evidence=entry.evidence,
            thresholds=entry.product_types,
            reformulation_threshold=entry.reformulation,
            reformulation_evidence=entry.reformulation_evidence,
            heads=self.heads.heads(tag),
        )


def _parsed(file: str, parse: Callable[[], _Parsed]) -> _Parsed:
    try:
        return parse()
    except InputRefused as error:
        raise BundleRefused(file, str(error), _REMEDY) from error
