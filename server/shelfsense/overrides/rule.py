"""An override with what it names looked up in a bundle, so that answering needs no look-up."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from shelfsense.overrides.override import Action, Override
from shelfsense.understanding import Reformulation


@dataclass(frozen=True, slots=True)
class Rule:
    """An override of one bundle.

    Attributes:
        override: as the file states it.
        locale: a tag of the bundle or ``und``; empty for every locale.
        types: ids; of an added type its own and its ancestors', deepest first; of a removed one its own and all below.
        heads: the pinned head by locale, as it is answered.
    """

    override: Override
    locale: str
    types: Collection[str] = ()
    heads: Mapping[str, Reformulation] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What answers call it."""
        return self.override.name

    @property
    def action(self) -> Action:
        """What it does."""
        return self.override.action

    def holds(self, locale: str, now: float) -> bool:
        """Return whether it is for a locale, at a time in Unix seconds."""
        return self.locale in ("", locale) and not self.override.expired(now)
