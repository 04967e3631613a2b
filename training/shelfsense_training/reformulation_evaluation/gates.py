"""What the gates refuse: of pairs of real queries whose marked attributes differ, and of golden near heads.

The threshold of attribute probability is chosen on the validation curve; the test figures are at the
constant that is served. Both directions are one pair: gates compare both ways.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shelfsense.reformulation.attribute_spans import LEAST_PROBABILITY, spans_to_text
from shelfsense.reformulation.head import Head
from shelfsense.reformulation.reformulator import Asked
from shelfsense.reformulation.word_gates import words_refusal
from shelfsense_training.reformulation_evaluation.answered import Answered, Answers
from shelfsense_training.reformulation_evaluation.head_pool import HeadPool, refusal
from shelfsense_training.reformulation_evaluation.human_spans import (
    MarkedQuery,
    differing_kinds,
    distinct,
)
from shelfsense_training.reformulation_evaluation.measured import mean_figure
from shelfsense_training.reformulation_evaluation.near_pairs import Pairs, chosen_rule, near_pairs
from shelfsense_training.reformulation_evaluation.refusal_kinds import refusal_kind
from shelfsense_training.reformulation_evaluation.setting import PartSkipped, Setting
from shelfsense_training.retrieval.tagged_queries import read_human_spans

CURVE = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_LOCALE = "en"


def gates(setting: Setting) -> Mapping[str, Any]:
    """Return shares refused, on human spans and on the golden pairs."""
    found: dict[str, Any] = {"golden": _golden(setting)}
    try:
        found["human spans"] = _human(setting)
    except PartSkipped as skipped:
        found["human spans"] = f"skipped: {skipped}"
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _MarkedSet:
    """Marked queries of one split, what the bundle makes of them, and the pairs near each other."""

    queries: Sequence[MarkedQuery]
    answered: Sequence[Answered]
    pairs: Mapping[str, Pairs]

    @classmethod
    def read(cls, setting: Setting, split: str) -> _MarkedSet:
        queries = distinct(read_human_spans(setting.data_file("query_ner_us", f"{split}.json")))[: setting.limit]
        answered = setting.answers.of([query.text for query in queries], _LOCALE)
        vectors = np.stack([each.embedding for each in answered])
        pool = HeadPool(setting.answers, [query.text for query in queries], _LOCALE, typed=setting.typed)
        least = setting.answers.thresholds.by_locale[_LOCALE].reformulation
        passed = [
            (i, pool.row(offer.query))
            for i, asked in enumerate(answered)
            for offer in pool.ungated(asked)
            if offer.score >= least
        ]
        return cls(queries, answered, near_pairs(vectors, passed))

    def parted(self, pairs: Pairs) -> tuple[Pairs, Pairs]:
        """Return the pairs that differ and those that do not."""
        differ = [pair for pair in pairs if self.kinds(pair)]
        return differ, [pair for pair in pairs if not self.kinds(pair)]

    def kinds(self, pair: tuple[int, int]) -> frozenset[str]:
        return differing_kinds(self.queries[pair[0]], self.queries[pair[1]])

    def digits(self, row: int) -> list[str]:
        return sorted(re.findall(r"\d+", self.queries[row].text))

    def rule(self) -> str:
        return chosen_rule(dict(self.pairs), [len(self.parted(pairs)[0]) for pairs in self.pairs.values()])


def _human(setting: Setting) -> dict[str, Any]:
    if _LOCALE not in setting.answers.understander.locales.tags:
        raise PartSkipped("the bundle has no locale en")
    test, validation = _MarkedSet.read(setting, "test"), _MarkedSet.read(setting, "validation")
    rule = test.rule()
    rules = {name: _refused(setting, test, name) for name in test.pairs if name != rule}
    return {
        "rule": rule,
        **_refused(setting, test, rule),
        "by kind": _by_kind(setting, test, rule),
        "other rules": rules,
        "curve on validation": _curve(setting.answers, validation),
    }


def _refused(setting: Setting, marked: _MarkedSet, rule: str) -> dict[str, Any]:
    differ, equal = marked.parted(marked.pairs[rule])
    found: dict[str, Any] = {}
    for types, name in ((False, ""), (True, ", types too")):
        found |= {
            f"differing refused{name}": mean_figure([_refuses(setting, marked, pair, types=types) for pair in differ]),
            f"equal lost{name}": mean_figure([_refuses(setting, marked, pair, types=types) for pair in equal]),
        }
    # A number outside the marked kinds (a model's, in its name) is another wish all the same.
    same = [pair for pair in equal if marked.digits(pair[0]) == marked.digits(pair[1])]
    found["equal lost, same numbers"] = mean_figure([_refuses(setting, marked, pair, types=False) for pair in same])
    lost = Counter(refusal_kind(_reason(setting, marked, pair, types=True)) for pair in equal)
    return {**found, "lost by": {kind: count for kind, count in lost.most_common() if kind}}


def _by_kind(setting: Setting, marked: _MarkedSet, rule: str) -> dict[str, Any]:
    """Return the share refused of pairs that differ in one kind alone."""
    only: dict[str, Pairs] = {}
    for pair in marked.pairs[rule]:
        kinds = marked.kinds(pair)
        if len(kinds) == 1:
            only.setdefault(next(iter(kinds)), []).append(pair)
    return {
        kind: mean_figure([_refuses(setting, marked, pair, types=False) for pair in only[kind]])
        for kind in sorted(only)
    }


def _refuses(setting: Setting, marked: _MarkedSet, pair: tuple[int, int], *, types: bool) -> bool:
    return bool(_reason(setting, marked, pair, types=types))


def _reason(setting: Setting, marked: _MarkedSet, pair: tuple[int, int], *, types: bool) -> str:
    asked, other = marked.answered[pair[0]], marked.answered[pair[1]]
    attributes = "" if other.spans is None else spans_to_text(other.spans)
    head = Head(other.text, _LOCALE, 1.0, product_type=other.type_id, attributes=attributes)
    return refusal(asked, head, setting.answers.understander.network_types, types=types)


def _curve(answers: Answers, marked: _MarkedSet) -> list[dict[str, float | None]] | str:
    """Return (least probability, refused, lost) on the validation split, product types aside."""
    if not answers.has_attributes:
        return "the bundle has no attribute head"
    differ, equal = marked.parted(marked.pairs[marked.rule()])
    points: list[dict[str, float | None]] = []
    for least in sorted({*CURVE, LEAST_PROBABILITY}):
        spans = [answers.spans(each, least) for each in marked.answered]
        asked = [replace(each, spans=found).asked for each, found in zip(marked.answered, spans, strict=True)]
        texts = [spans_to_text(found) for found in spans]

        points.append(
            {
                "least": least,
                "differing refused": _share(asked, texts, differ),
                "equal lost": _share(asked, texts, equal),
            }
        )
    return points


def _share(asked: Sequence[Asked], attributes: Sequence[str], pairs: Pairs) -> float | None:
    """Return the share of pairs that the gates of words refuse."""
    refused = [
        words_refusal(asked[i].text, _LOCALE, asked[j].text, _LOCALE, spans=asked[i].spans, attributes=attributes[j])
        for i, j in pairs
    ]
    return float(np.mean([bool(each) for each in refused])) if refused else None


def _golden(setting: Setting) -> dict[str, Any]:
    """Return the share of near heads refused (mean over queries), of right heads lost, and what refused them."""
    found: dict[str, Any] = {}
    every: list[tuple[float, bool]] = []
    for file in setting.golden_files:
        pool = setting.golden_pool(file)
        rows, near_by, lost_by = [], Counter[str](), Counter[str]()
        for pair, asked in zip(file.pairs, setting.answers.of([p.query for p in file.pairs], file.locale), strict=True):
            reasons = [pool.refusal(asked, text) for text in pair.near]
            lost = pool.refusal(asked, pair.head)
            near_by.update(refusal_kind(reason) for reason in reasons)
            lost_by.update([refusal_kind(lost)])
            rows.append((float(np.mean([bool(reason) for reason in reasons])), bool(lost)))
        every += rows
        found[file.name] = {**_shares(rows), "near refused by": dict(near_by), "head lost by": dict(lost_by)}
    return {**found, "all": _shares(every)}


def _shares(rows: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    return {
        "near refused": mean_figure([near for near, _ in rows]),
        "head lost": mean_figure([lost for _, lost in rows]),
    }
