"""Golden pairs: whether a query's own head comes first, and where it does not, what came between.

The order is the service's without its thresholds, so that this says what gates and vectors do and
`acceptance` what the thresholds add.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shelfsense.text import normal_form
from shelfsense_training.reformulation_evaluation.golden_files import GoldenFile, GoldenPair
from shelfsense_training.reformulation_evaluation.head_pool import Offer
from shelfsense_training.reformulation_evaluation.measured import mean_figure
from shelfsense_training.reformulation_evaluation.refusal_kinds import refusal_kind
from shelfsense_training.reformulation_evaluation.setting import Setting

DEPTH = 10
_SYSTEMS = ("hit@1", "hit@1 normalisation off", "hit@1 gates off", "recall@10 of vectors")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one pair.

    Attributes:
        pair: the pair.
        hits: of each of `_SYSTEMS`.
        fault: why the head is not first, empty where it is.
    """

    pair: GoldenPair
    hits: tuple[bool, ...]
    fault: str


def golden(setting: Setting) -> Mapping[str, Any]:
    """Return hit@1 and recall per golden file and over all, faults by cause, and hits by phenomenon."""
    outcomes = {file.name: _outcomes(setting, file) for file in setting.golden_files}
    every = [outcome for each in outcomes.values() for outcome in each]
    figures = {name: _figures(each) for name, each in [*outcomes.items(), ("all", every)]}
    heads = {file.name: len(setting.golden_pool(file).texts) for file in setting.golden_files}
    return {**figures, "heads": heads, "phenomena": _by_phenomenon(outcomes)}


def is_head(offer: Offer | None, head: str) -> bool:
    """Return whether an offer is a head."""
    return offer is not None and normal_form(offer.query) == normal_form(head)


def _outcomes(setting: Setting, file: GoldenFile) -> list[Outcome]:
    pool = setting.golden_pool(file)
    answered = setting.answers.of([pair.query for pair in file.pairs], file.locale)
    found = []
    for pair, asked in zip(file.pairs, answered, strict=True):
        offer = pool.offered(asked)
        ungated = pool.ungated(asked)
        hits = (
            is_head(offer, pair.head),
            is_head(pool.offered(asked, normalised=False), pair.head),
            is_head(ungated[0] if ungated else None, pair.head),
            pool.row(pair.head) in pool.nearest(asked.embedding, DEPTH),
        )
        refusal = pool.refusal(asked, pair.head)
        found.append(Outcome(pair, hits, "" if hits[0] else _fault(pair, offer, refusal)))
    return found


def _fault(pair: GoldenPair, offer: Offer | None, refusal: str) -> str:
    if refusal:
        return f"refused: {refusal_kind(refusal)}"
    if offer is None:
        return "not among the neighbours"
    near = normal_form(offer.query) in map(normal_form, pair.near)
    return "a near head first" if near else "another head first"


def _figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    columns = list(zip(*(outcome.hits for outcome in outcomes), strict=True))
    return {
        **{name: mean_figure(column) for name, column in zip(_SYSTEMS, columns, strict=True)},
        "normalisation adds": _difference(columns[0], columns[1]),
        "gates add": _difference(columns[0], columns[2]),
        "faults": dict(Counter(outcome.fault for outcome in outcomes if outcome.fault).most_common()),
    }


def _difference(one: Sequence[bool], other: Sequence[bool]) -> dict[str, Any]:
    return mean_figure([float(a) - float(b) for a, b in zip(one, other, strict=True)])


def _by_phenomenon(outcomes: Mapping[str, Sequence[Outcome]]) -> dict[str, dict[str, list[int]]]:
    """Return (hits, pairs) by file and phenomenon."""
    found: dict[str, dict[str, list[int]]] = {}
    for name, each in outcomes.items():
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for outcome in each:
            counts[outcome.pair.phenomenon][0] += outcome.hits[0]
            counts[outcome.pair.phenomenon][1] += 1
        found[name] = dict(counts)
    return found
