"""What every part of an evaluation is given: the bundle's answers, where test data lies, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from shelfsense.errors import InputRefused
from shelfsense_training.reformulation_evaluation.answered import Answers
from shelfsense_training.reformulation_evaluation.golden_files import GoldenFile, Typo, read_golden, read_typos
from shelfsense_training.reformulation_evaluation.head_pool import HeadPool
from shelfsense_training.reformulation_evaluation.pool_texts import HEADS, pool_texts
from shelfsense_training.sources.data_folder import data_folder


class PartSkipped(InputRefused):
    """A part cannot be measured with what was given; says what it needs."""


@dataclass(frozen=True)
class Setting:
    """What is measured, and on what.

    Attributes:
        answers: of the bundle.
        golden: folder of golden pairs and typos.
        data: folder of public data; None: where `data_folder` finds it.
        teacher: work folder of the starter recipe, whose teacher is the untuned network.
        needs: needs.parquet of a simulation.
        simulation_heads: heads that were mined from the same simulation.
        scratch: folder for vectors that are expensive to make again.
        limit: queries of each sample at most; None for all.
        heads: least heads of an index.
        typed: heads have product types.
        seed: of every draw.
    """

    answers: Answers
    golden: Path
    data: Path | None = None
    teacher: Path | None = None
    needs: Path | None = None
    simulation_heads: Path | None = None
    scratch: Path | None = None
    limit: int | None = None
    heads: int = HEADS
    typed: bool = True
    seed: int = 0
    _pools: dict[str, HeadPool] = field(default_factory=dict)

    @cached_property
    def golden_files(self) -> list[GoldenFile]:
        """The golden pairs of the bundle's locales."""
        tags = set(self.answers.understander.locales.tags)
        return [file for file in read_golden(self.golden, self.limit) if file.locale in tags]

    @cached_property
    def typos(self) -> dict[str, list[Typo]]:
        """The typos of the bundle's locales."""
        tags = set(self.answers.understander.locales.tags)
        return {locale: typos for locale, typos in read_typos(self.golden, self.limit).items() if locale in tags}

    def golden_pool(self, file: GoldenFile) -> HeadPool:
        """Return the index that a golden file is asked of."""
        name = f"golden {file.name}"
        if name not in self._pools:
            wanted = [text for pair in file.pairs for text in (pair.head, *pair.near)]
            asked = [pair.query for pair in file.pairs]
            texts = pool_texts(file.locale, wanted, asked, heads=self.heads, seed=self.seed)
            self._pools[name] = HeadPool(self.answers, texts, file.locale, typed=self.typed)
        return self._pools[name]

    def lexicon_pool(self, locale: str) -> HeadPool:
        """Return the index that a locale's typos and groups are asked of: the lexicon's heads and composed ones."""
        name = f"lexicon {locale}"
        if name not in self._pools:
            typos = self.typos.get(locale, [])
            asked = [text for typo in typos for text in (typo.clean, typo.misspelt)]
            wanted = list(dict.fromkeys(typo.head for typo in typos))
            texts = pool_texts(locale, wanted, asked, heads=self.heads, seed=self.seed)
            self._pools[name] = HeadPool(self.answers, texts, locale, typed=self.typed)
        return self._pools[name]

    def data_file(self, *names: str) -> Path:
        """Return a file of the public data.

        Raises:
            PartSkipped: when it is not there.
        """
        try:
            path = (self.data or data_folder()).joinpath(*names)
        except InputRefused as error:
            raise PartSkipped(str(error)) from error
        if not path.is_file():
            raise PartSkipped(f"{path} is not there; name the data folder with --data")
        return path


Part: TypeAlias = Callable[[Setting], Mapping[str, Any]]
"""Measures one thing; what it returns holds figures, by any names and depth."""
