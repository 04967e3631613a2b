"""Onboards one locale: asks the old bundle, adapts, calibrates, indexes, asks the new one, writes both down.

The old bundle is only read. The new one appears last, by one rename, when everything else is done.
N judged queries, L types.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.errors import InputRefused
from shelfsense.locales import Locales
from shelfsense.models.onnx_weights import load_int8
from shelfsense.query import Query
from shelfsense.thresholds import THRESHOLDS, LocaleThresholds, Thresholds
from shelfsense.tokenizer import MAX_TOKENS, QueryTokenizer
from shelfsense.understander import Understander
from shelfsense_training.bundle_building import MODEL, MODEL_CARD, TOKENIZER, answer_queries, rewrite_bundle
from shelfsense_training.evaluation.labelled_queries import LabelledQuery
from shelfsense_training.export.locale_graft import LocaleWeights, graft_locales
from shelfsense_training.onboarding.adaptation import LocaleAdaptation
from shelfsense_training.onboarding.cross_fitting import CrossFit, cross_fit
from shelfsense_training.onboarding.locale_place import LocalePlace, with_own_adapter
from shelfsense_training.onboarding.onboarded import FEWEST_TO_ADAPT, Onboarded, OnboardingSettings, Store
from shelfsense_training.onboarding.promise import Judged, Promise, fit_promise
from shelfsense_training.onboarding.serving_figures import Served, labels_of, serve
from shelfsense_training.onboarding.store_heads import head_files, store_heads
from shelfsense_training.onboarding.store_queries import Judgements, QueryLog, StoreReader
from shelfsense_training.onboarding.store_sample import StoreSample
from shelfsense_training.onboarding.trial import held_out_probabilities
from shelfsense_training.progress import CONSOLE

_PRIOR_QUERIES = 1000


class Onboarding:
    """One locale on its way into a bundle.

    Args:
        bundle: the old one, verified.
        store: what the store brings.
        report: folder of the report.
        settings: how.

    Raises:
        BundleRefused: when the bundle cannot be served.
        InputRefused: when the locale is not BCP 47, or the bundle is mapped onto a tree of the shop's own.
    """

    def __init__(self, bundle: Bundle, store: Store, report: Path, settings: OnboardingSettings) -> None:
        self._bundle = bundle
        self._old = Understander.load(bundle)
        if self._old.mapped is not None:
            raise InputRefused(
                "the bundle carries a map onto a shop's own tree, whose thresholds this cannot fix; "
                "onboard into the bundle without the map, then map the result"
            )
        self._store = store
        self._report = report
        self._settings = settings
        self._types = self._old.product_types
        self.place = LocalePlace.find(store.locale, self._old.locales)
        self._thresholds = Thresholds.from_json(bundle.read(THRESHOLDS))

    def run(self, out: Path) -> Onboarded:
        """Write the new bundle.

        Raises:
            InputRefused: when there is something at `out`, or the files have no good row.
        """
        if out.exists():
            raise InputRefused(f"{out} is there already; name a new folder with --out, or remove it")
        began = time.monotonic()
        log, judgements = self._reader().read(self._store.queries, self._store.labels)
        sample = self._sample(log)
        old = serve(self._old, sample.texts, self.place.start, "asking the old bundle", heads=True)
        judged = [*judgements.fitted, *judgements.test]
        judged_old = self._served(self._old, judged, self.place.start, "its judged queries")
        weights, fit = self._learn(judgements)
        promise = self._promise(judgements, weights, fit, sample)
        if fit is not None and fit.final is not None:
            weights = fit.final.within(weights, self.place.index)
        version = self._settings.version or f"{self._bundle.version}+{self.place.tag}"
        with tempfile.TemporaryDirectory() as folder:
            bare = self._bundle_with(Path(folder) / "bare", weights, promise.entry, version)
            answering = Understander.load(bare)
            served = serve(answering, sample.texts, self.place.tag, "embedding the heads", heads=False)
            heads, vectors = store_heads(sample, served, self._meant(judged), self.place.tag, self._types)
            files = head_files(self._bundle, heads, vectors, self.place.tag)
            whole = rewrite_bundle(bare, Path(folder) / "whole", files=files)
            new_understander = Understander.load(whole)
            new = serve(new_understander, sample.texts, self.place.tag, "asking the new bundle", heads=True)
            test_new = self._served(new_understander, judgements.test, self.place.tag, "its judged queries")
            rewrite_bundle(whole, out, files={})
        return Onboarded(
            self.place, log, judgements, sample, fit, promise, self._entry(), old, new, judged_old, test_new,
            len(heads), self._bundle, self._old, version, time.monotonic() - began,
        )  # fmt: skip

    def _reader(self) -> StoreReader:
        return StoreReader(
            self.place.tag,
            self._types,
            lambda text: self._old.prepare(Query(text, self.place.start)),
            self._report,
            stop=self._settings.stop_at_bad_row,
        )

    def _sample(self, log: QueryLog) -> StoreSample:
        settings = self._settings
        return StoreSample.draw(
            log.queries,
            head_volume=settings.head_volume,
            most_heads=settings.most_heads,
            most_tail=settings.most_tail,
            seed=settings.seed,
        )

    def _served(
        self, understander: Understander, queries: Sequence[LabelledQuery], locale: str, what: str
    ) -> Served | None:
        if not queries:
            return None
        return serve(understander, [query.text for query in queries], locale, what, heads=False)

    def _learn(self, judgements: Judgements) -> tuple[LocaleWeights, CrossFit | None]:
        """Return the weights that adapting starts from, or those that stay, and how it went."""
        graph, settings = self._bundle.read(MODEL), self._settings.adaptation
        plain = self.place.weights(load_int8(graph), self._old.locales)
        passes = settings.passes(len(judgements.fitted))
        if len(judgements.fitted) < FEWEST_TO_ADAPT or not passes:
            return plain, None
        weights = with_own_adapter(plain, self.place.index, rank=settings.rank, seed=settings.seed)
        locales = Locales(self.place.locales)
        tokenizer = QueryTokenizer.from_json(self._bundle.read(TOKENIZER), locales, max_tokens=MAX_TOKENS)
        adaptation = LocaleAdaptation(graph, weights, self.place.index, tokenizer, self._types, settings)
        fit = cross_fit(adaptation, judgements.fitted, settings)
        return (weights if fit.passes else plain), fit

    def _promise(
        self, judgements: Judgements, weights: LocaleWeights, fit: CrossFit | None, sample: StoreSample
    ) -> Promise:
        before = self._entry()
        if not judgements.fitted:
            return Promise(before, ())
        CONSOLE.print("calibrating", highlight=False)
        queries = judgements.fitted
        asked = [Query(text, self.place.start, truncate=True) for text in sample.texts[:_PRIOR_QUERIES]]
        judged = Judged(self._held_out(queries, weights, fit), labels_of(queries, len(self._types)))
        return fit_promise(
            self.place.tag,
            judged,
            answer_queries(self._old, asked).probabilities,
            before,
            self._types,
            self._thresholds.product_type_target_precision,
        )

    def _held_out(
        self, queries: Sequence[LabelledQuery], weights: LocaleWeights, fit: CrossFit | None
    ) -> NDArray[np.float32]:
        if fit is not None and fit.passes:
            return held_out_probabilities(self._bundle, self.place, weights, fit, queries)
        asked = [Query(query.text, self.place.start, truncate=True) for query in queries]
        return answer_queries(self._old, asked).probabilities

    def _entry(self) -> LocaleThresholds:
        """Return what held for the locale so far; another locale's is a fallback for a new one."""
        found = self._thresholds.by_locale[self.place.start]
        return replace(found, evidence="fallback", reformulation_evidence="fallback") if self.place.is_new else found

    def _bundle_with(self, out: Path, weights: LocaleWeights, entry: LocaleThresholds, version: str) -> Bundle:
        table = {**self._thresholds.by_locale, self.place.tag: entry}
        graph = self._bundle.read(MODEL)
        files = {
            MODEL: graft_locales(graph, weights),
            THRESHOLDS: replace(self._thresholds, by_locale=table).to_json(),
            MODEL_CARD: self._card(entry),
        }
        done = {"locale": self.place.tag, "from": self._bundle.version, "start": self.place.start}
        facts: dict[str, Any] = {
            "bundle_version": version,
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "locales": list(self.place.locales),
            "onboarded": [*self._bundle.manifest.get("onboarded", []), done],
        }
        return rewrite_bundle(self._bundle, out, files=files, facts=facts)

    def _card(self, entry: LocaleThresholds) -> bytes:
        card = self._bundle.read(MODEL_CARD) if self._bundle.has(MODEL_CARD) else b""
        levels = ", ".join(f"level {k} {value:.3f}" for k, value in enumerate(entry.product_types, start=1))
        told = (
            f"\n## {self.place.tag}, onboarded\n\nInto {self._bundle.version}, from the weights of "
            f"{self.place.start}. Thresholds ({entry.evidence}): {levels}.\n"
        )
        return card.rstrip() + b"\n" + told.encode()

    def _meant(self, judged: Sequence[LabelledQuery]) -> dict[str, int]:
        """Return the one deepest type of each judged query that has just one."""
        found = {}
        for query in judged:
            levels = self._types.level[list(query.positives)]
            deepest = [i for i, level in zip(query.positives, levels, strict=True) if level == levels.max(initial=0)]
            if len(deepest) == 1:
                found[query.text] = deepest[0]
        return found
