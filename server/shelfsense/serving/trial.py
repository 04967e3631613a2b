"""A second bundle beside the serving one: who reads it, and how its answers compare."""

from __future__ import annotations

import enum
import zlib
from dataclasses import dataclass, field

from shelfsense.serving.loaded_bundle import LoadedBundle
from shelfsense.understanding import Understanding

_HASHES = 1 << 32


class Role(enum.Enum):
    """What a second bundle is for."""

    CANARY = "canary"
    SHADOW = "shadow"


@dataclass(slots=True)
class Differences:
    """How two bundles' answers to the same queries compare.

    Attributes:
        compared: queries that both have answered.
        other_first_type: those with another first product type at level 1.
        other_accepted_types: those with another set of accepted product types.
        other_reformulation: those with another first accepted reformulation, or where only one has any.
    """

    compared: int = 0
    other_first_type: int = 0
    other_accepted_types: int = 0
    other_reformulation: int = 0

    def count(self, serving: Understanding, trial: Understanding) -> None:
        """Compare two answers to one query."""
        self.compared += 1
        self.other_first_type += _first_type(serving) != _first_type(trial)
        self.other_accepted_types += _accepted_types(serving) != _accepted_types(trial)
        self.other_reformulation += _reformulation(serving) != _reformulation(trial)


@dataclass(slots=True)
class Trial:
    """A second bundle that is tried on a share of the queries, always the same ones.

    Attributes:
        loaded: the bundle.
        role: a canary's answers are sent, a shadow's are only compared.
        share: of the queries, above 0 to 1.
        differences: from the serving bundle.
    """

    loaded: LoadedBundle
    role: Role
    share: float
    differences: Differences = field(default_factory=Differences)

    def reads(self, normal_form: str) -> bool:
        """Return whether a query is among those it is tried on; by its text, so that a shopper sees one of both."""
        return zlib.crc32(normal_form.encode("utf-8", "surrogatepass")) < self.share * _HASHES


def _first_type(answer: Understanding) -> str | None:
    return next((each.id for each in answer.product_types if each.level == 1), None)


def _accepted_types(answer: Understanding) -> frozenset[str]:
    return frozenset(each.id for each in answer.product_types if each.accepted)


def _reformulation(answer: Understanding) -> str | None:
    return next((each.query for each in answer.reformulations if each.accepted), None)
