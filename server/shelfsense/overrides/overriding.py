"""All that a shop's rules say of one query, ready to be put on its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shelfsense.overrides.overridden_heads import OverriddenHeads
from shelfsense.overrides.overridden_types import OverriddenTypes, Probability
from shelfsense.overrides.override_targets import OverrideTargets
from shelfsense.overrides.rule import Rule
from shelfsense.query import MAX_REFORMULATIONS, MAX_TOP_K, Options
from shelfsense.understanding import Understanding

# Eight heads are found at the price of three: 32 neighbours are looked at either way.
_SPARE_HEADS = 5


@dataclass(frozen=True, slots=True)
class Overriding:
    """The rules for one query, weighed against each other.

    Attributes:
        locale: that answers.
        names: of the rules that this query has of its own, in the file's order.
        types: what they make of the product types.
        heads: what they make of the reformulations.
        targets: of the bundle.
    """

    locale: str
    names: tuple[str, ...]
    types: OverriddenTypes
    heads: OverriddenHeads
    targets: OverrideTargets

    @classmethod
    def of(
        cls, rules: Sequence[Rule], everywhere: Mapping[str, Rule], locale: str, now: float, targets: OverrideTargets
    ) -> Overriding:
        """Weigh rules against each other.

        Args:
            rules: of the query, in force, from the general to the particular.
            everywhere: what is blocked for every query of the locale, by normal form.
            locale: a tag of the bundle, or ``und``.
            now: Unix seconds.
            targets: of the bundle.
        """
        names = tuple(rule.name for rule in sorted(rules, key=lambda rule: rule.override.row))
        types = OverriddenTypes.of(rules, targets)
        return cls(locale, names, types, OverriddenHeads.of(rules, locale, everywhere, now), targets)

    def widened(self, options: Options) -> Options:
        """Return the options to answer with, so that the next ones are there to take the places of what goes.

        Args:
            options: as the caller sent them, valid as they stand.
        """
        heads = min(len(self.heads.blocked) + len(self.heads.everywhere), _SPARE_HEADS)
        if not (self.types.spare or (heads and options.max_reformulations)):
            return options
        most = min(options.max_reformulations + heads, MAX_REFORMULATIONS) if options.max_reformulations else 0
        return replace(options, top_k=min(options.top_k + self.types.spare, MAX_TOP_K), max_reformulations=most)

    def apply(
        self,
        answer: Understanding,
        options: Options,
        probability: Probability,
        *,
        product_types: bool = True,
        reformulations: bool = True,
    ) -> Understanding:
        """Return the answer as the shop wants it, the rules that made a difference named in it.

        Args:
            answer: what the model says, asked with `widened` options.
            options: as the caller sent them.
            probability: what the network says of any type of the answered tree; asked only of added types that
                the answer lacks.
            product_types: whether the answer has them.
            reformulations: whether the answer has them.

        Returns:
            The very same object where nothing changes.
        """
        types, heads, names = answer.product_types, answer.reformulations, set[str]()
        if product_types:
            types, names = self.types.apply(types, options.top_k, self.locale, self.targets, probability)
        if reformulations:
            heads, of_heads = self.heads.apply(heads, options)
            names |= of_heads
        if not names and len(types) == len(answer.product_types) and len(heads) == len(answer.reformulations):
            return answer
        own = tuple(name for name in self.names if name in names)
        overrides = (*own, *sorted(names.difference(own)))
        return replace(answer, product_types=types, reformulations=heads, overrides=overrides)
