"""All parts of the evaluation of a bundle's reformulations, run one after the other."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from shelfsense.errors import InputRefused
from shelfsense_training.progress import progress_bar
from shelfsense_training.reformulation_evaluation.acceptance import acceptance
from shelfsense_training.reformulation_evaluation.consistency import consistency
from shelfsense_training.reformulation_evaluation.gates import gates
from shelfsense_training.reformulation_evaluation.golden import golden
from shelfsense_training.reformulation_evaluation.known_heads import known_heads
from shelfsense_training.reformulation_evaluation.setting import Part, PartSkipped, Setting
from shelfsense_training.reformulation_evaluation.spelling import spelling
from shelfsense_training.reformulation_evaluation.typos import typos

PARTS: Mapping[str, Part] = {
    "golden": golden,
    "acceptance": acceptance,
    "typos": typos,
    "spelling": spelling,
    "gates": gates,
    "consistency": consistency,
    "known heads": known_heads,
}


def evaluate_reformulation(setting: Setting, parts: Sequence[str] = ()) -> dict[str, Any]:
    """Return the report of a bundle: what was measured, and a part's figures under its name.

    A part that lacks what it needs is a text that says what.

    Args:
        setting: what is measured, and on what.
        parts: names of `PARTS`; all where none is given.

    Raises:
        InputRefused: when a name is none of them, or a file is not what it should be.
    """
    names = list(parts) or list(PARTS)
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise InputRefused(f"there is no part {unknown[0]!r}; choose of {', '.join(PARTS)}")
    found: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    with progress_bar() as progress:
        task = progress.add_task("parts", total=len(names), figure="")
        for name in names:
            progress.update(task, figure=name)
            start = time.process_time()
            try:
                found[name] = PARTS[name](setting)
            except PartSkipped as skipped:
                found[name] = f"skipped: {skipped}"
            seconds[name] = round(time.process_time() - start, 1)
            progress.advance(task)
    thresholds = setting.answers.thresholds.by_locale
    return {
        "bundle_version": setting.answers.understander.bundle.version,
        "attribute_head": setting.answers.has_attributes,
        "head_types": setting.typed,
        "limit": setting.limit,
        "least_heads": setting.heads,
        "seed": setting.seed,
        "thresholds": {tag: entry.reformulation for tag, entry in thresholds.items()},
        "processor_seconds": seconds,
        "parts": found,
    }
