"""What the rules for one query make of the reformulations of its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shelfsense.overrides.override import Action
from shelfsense.overrides.rule import Rule
from shelfsense.query import Options
from shelfsense.text import normal_form
from shelfsense.understanding import Reformulation


@dataclass(frozen=True, slots=True)
class OverriddenHeads:
    """The heads that come first and those that do not come at all.

    Attributes:
        pinned: the head and the name of its rule by normal form, in the order in which they are answered.
        blocked: the name of the rule by normal form.
        everywhere: rules that block a head for every query of the locale, by normal form.
        now: Unix seconds, at which the rules of `everywhere` have to be in force.
    """

    pinned: Mapping[str, tuple[Reformulation, str]]
    blocked: Mapping[str, str]
    everywhere: Mapping[str, Rule]
    now: float

    @classmethod
    def of(cls, rules: Sequence[Rule], locale: str, everywhere: Mapping[str, Rule], now: float) -> OverriddenHeads:
        """Let rules speak in turn: what a later one says of a head replaces what an earlier one said.

        Args:
            rules: those in force, from the general to the particular.
            locale: that answers.
            everywhere: as the attribute.
            now: as the attribute.
        """
        pinning: dict[str, Rule] = {}
        blocked: dict[str, str] = {}
        for rule in rules:
            form = rule.override.value
            if rule.action is Action.BLOCK_HEAD:
                pinning.pop(form, None)
                blocked[form] = rule.name
            elif rule.action is Action.PIN_HEAD and locale in rule.heads:
                blocked.pop(form, None)
                pinning[form] = rule
        ordered = sorted(pinning.items(), key=lambda each: not each[1].locale)  # a locale's own come first
        return cls({form: (rule.heads[locale], rule.name) for form, rule in ordered}, blocked, everywhere, now)

    def apply(self, found: Sequence[Reformulation], options: Options) -> tuple[tuple[Reformulation, ...], set[str]]:
        """Return the reformulations that are answered, and the names of the rules that made a difference.

        Args:
            found: the answer's, best first, and more than are wanted where there are.
            options: how much to answer.
        """
        most = options.max_reformulations
        before = _first(found, most, options)
        pinned = list(self.pinned.values())[:most]
        rest = [each for each in found if not self._blocks(each) and not self._pins(each)]
        now = [head for head, _ in pinned] + _first(rest, most - len(pinned), options)
        names = {name for name in map(self._blocks, before) if name}
        names |= {name for i, (head, name) in enumerate(pinned) if before[i : i + 1] != [head]}
        return tuple(now), names

    def _blocks(self, head: Reformulation) -> str:
        """Return the name of the rule that blocks a head, empty where none does."""
        form = normal_form(head.query)
        if form in self.pinned:  # the shop wants it for this very query
            return ""
        rule = self.everywhere.get(form)
        return self.blocked.get(form, "") or (rule.name if rule and not rule.override.expired(self.now) else "")

    def _pins(self, head: Reformulation) -> bool:
        pinned = self.pinned.get(normal_form(head.query))
        return pinned is not None and pinned[0].locale == head.locale


def _first(found: Sequence[Reformulation], most: int, options: Options) -> list[Reformulation]:
    """Return the first of an answer, in their order; a refused one never takes an accepted one's place."""
    accepted = [each for each in found if each.accepted][:most]
    if not options.include_refused:
        return accepted
    refused = [each for each in found if not each.accepted][: most - len(accepted)]
    kept = {id(each) for each in (*accepted, *refused)}
    return [each for each in found if id(each) in kept]
