"""What the pictures of a study share: rows by a key, and the words on what they rest on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from shelfsense_training.evaluation.page.study import Estimate, Study

Row = TypeVar("Row")
Key = TypeVar("Key", bound=Hashable)

_COLOURS = {"non-unified": "c3", "agnostic": "c4", "aware": "c1"}
_SPARE = ("c2", "c5", "c6")


def grouped(rows: Iterable[Row], key: Callable[[Row], Key]) -> dict[Key, list[Row]]:
    """Return rows by key, keys and rows in their order."""
    groups: dict[Key, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def colours_of(names: Sequence[str]) -> dict[str, str]:
    """Return a colour class per variant or system; one that stands for a variant has its colour in every picture."""
    colours: dict[str, str] = {}
    spare = itertools.cycle(_SPARE)
    for name in dict.fromkeys(names):
        known = next((colour for variant, colour in _COLOURS.items() if name.startswith(variant)), None)
        taken = known is None or known in colours.values()
        colours[name] = next(spare) if taken or known is None else known
    return colours


def place_of(data: str) -> str:
    """Return what kind of data a name speaks of, in words."""
    return data if data.endswith("data") else f"{data} data"


def seeds_of(estimates: Sequence[Estimate]) -> str:
    """Return over how many training seeds figures are, and whether they have intervals, as sentences."""
    seeds = sorted({found.seeds for found in estimates})
    if seeds == [0]:
        spoken = "The number of training seeds is in the study's own report."
    elif len(seeds) == 1:
        spoken = f"{seeds[0]} training seeds each." if seeds[0] > 1 else "One training seed each."
    else:
        spoken = f"{seeds[0] or 'Not stated'} to {seeds[-1]} training seeds."
    without = sum(found.low is None for found in estimates)
    if not without:
        return f"{spoken} Whiskers: 95 % intervals."
    return f"{spoken} {without} of {len(estimates)} figures came without an interval; whiskers: 95 %."


def study_source(study: Study, data: str, words: str) -> str:
    """Return what a picture of a study rests on."""
    return f"Data: {study.name}, {data}. {words}"
