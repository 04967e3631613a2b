"""Misspelt queries: how often they still find the head that the same query without its slip finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shelfsense_training.reformulation_evaluation.golden import is_head
from shelfsense_training.reformulation_evaluation.measured import mean_figure, ratio_figure
from shelfsense_training.reformulation_evaluation.setting import PartSkipped, Setting


def typos(setting: Setting) -> Mapping[str, Any]:
    """Return hit@1 of misspelt and clean queries and their ratio, per locale and over all; thresholds ignored."""
    if not setting.typos:
        raise PartSkipped(f"{setting.golden} has no typos.tsv with a locale of the bundle")
    hits = {locale: _hits(setting, locale) for locale in setting.typos}
    every = [hit for each in hits.values() for hit in each]
    return {locale: _figures(each) for locale, each in [*hits.items(), ("all", every)]}


def _hits(setting: Setting, locale: str) -> list[tuple[bool, bool]]:
    """Return, typo by typo, whether the misspelt and the clean query find the head first."""
    typos, pool = setting.typos[locale], setting.lexicon_pool(locale)
    misspelt = setting.answers.of([typo.misspelt for typo in typos], locale)
    clean = setting.answers.of([typo.clean for typo in typos], locale)
    return [
        (is_head(pool.offered(wrong), typo.head), is_head(pool.offered(right), typo.head))
        for typo, wrong, right in zip(typos, misspelt, clean, strict=True)
    ]


def _figures(hits: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    wrong, right = [hit[0] for hit in hits], [hit[1] for hit in hits]
    return {"misspelt": mean_figure(wrong), "clean": mean_figure(right), "ratio": ratio_figure(wrong, right)}
