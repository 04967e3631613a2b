"""Real misspelt queries (English): whether the correction comes first among thousands of real queries.

The clean query's rate is 1: written as the head is, it is found by its words. So the misspelt query's rate
is the ratio.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shelfsense.reformulation.writing.match_form import match_form
from shelfsense.text import model_form, normal_form
from shelfsense_training.reformulation_evaluation.golden import is_head
from shelfsense_training.reformulation_evaluation.head_pool import HeadPool
from shelfsense_training.reformulation_evaluation.measured import mean_figure
from shelfsense_training.reformulation_evaluation.setting import PartSkipped, Setting
from shelfsense_training.retrieval.meaning_pairs import read_spellings
from shelfsense_training.sources.splits import Split, hash_bucket

HEADS = 5000
_LOCALE = "en"


def spelling(setting: Setting) -> Mapping[str, Any]:
    """Return hit@1 of misspelt queries in the service's order, without written-alike look-up, and without gates."""
    if _LOCALE not in setting.answers.understander.locales.tags:
        raise PartSkipped("the bundle has no locale en")
    pairs = read_spellings(setting.data_file("spelling_en", "pairs.tsv"), Split.TEST)
    pairs = sorted(pairs, key=lambda pair: hash_bucket(f"{setting.seed}|{pair[0]}", 2**31))[: setting.limit]
    heads = HEADS if setting.limit is None else setting.heads
    texts = _heads(pairs, setting.data_file("esci_us", "queries.tsv"), heads)
    pool = HeadPool(setting.answers, texts, _LOCALE, typed=setting.typed)
    answered = setting.answers.of([wrong for wrong, _ in pairs], _LOCALE)
    corrections = [right for _, right in pairs]
    asked = list(zip(answered, corrections, strict=True))
    ungated = [pool.ungated(wrong) for wrong in answered]
    return {
        "hit@1": mean_figure([is_head(pool.offered(wrong), right) for wrong, right in asked]),
        "hit@1 normalisation off": mean_figure(
            [is_head(pool.offered(wrong, normalised=False), right) for wrong, right in asked]
        ),
        "hit@1 gates off": mean_figure(
            [is_head(found[0] if found else None, right) for found, right in zip(ungated, corrections, strict=True)]
        ),
        "recall@10 of vectors": mean_figure(
            [pool.row(right) in pool.nearest(wrong.embedding, 10) for wrong, right in asked]
        ),
        "correction refused by a gate": mean_figure([bool(pool.refusal(wrong, right)) for wrong, right in asked]),
        "heads": len(texts),
    }


def _heads(pairs: list[tuple[str, str]], queries: Path, count: int) -> list[str]:
    """Return the corrections and other real queries, none of them one of the misspelt."""
    found = {normal_form(right): right for _, right in pairs}
    taken = {match_form(text, _LOCALE) for pair in pairs for text in pair}
    with queries.open(encoding="utf-8", newline="") as file:
        others = [
            model_form(row["query"], _LOCALE) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]
    for text in sorted(set(others), key=lambda text: hash_bucket(f"head|{text}", 2**31)):
        if len(found) >= count:
            break
        if text and match_form(text, _LOCALE) not in taken:
            found.setdefault(normal_form(text), text)
    return list(found.values())
