"""What the rules for one query make of the product types of its answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shelfsense.overrides.override import Action
from shelfsense.overrides.override_targets import OverrideTargets
from shelfsense.overrides.rule import Rule
from shelfsense.understanding import ProductType

Probability = Callable[[str], float]
"""What the network says of a type of the answered tree, by its id."""


@dataclass(frozen=True, slots=True)
class OverriddenTypes:
    """The types that come first and those that do not come at all.

    Attributes:
        added: the name of the rule by type, in the order in which a level has them; ancestors are among them.
        removed: the name of the rule by type.
        spare: most removed types of one level: as many more have to be asked for to fill their places.
    """

    added: Mapping[str, str]
    removed: Mapping[str, str]
    spare: int

    @classmethod
    def of(cls, rules: Sequence[Rule], targets: OverrideTargets) -> OverriddenTypes:
        """Let rules speak in turn: what a later one says of a type replaces what an earlier one said.

        Args:
            rules: those in force, from the general to the particular.
            targets: of the bundle.
        """
        adding: list[Rule] = []
        removed: dict[str, str] = {}
        for rule in rules:
            if rule.action is Action.REMOVE_TYPE:
                adding = [each for each in adding if each.override.value not in rule.types]
                removed.update(dict.fromkeys(rule.types, rule.name))
            elif rule.action is Action.ADD_TYPE:
                adding.append(rule)
                for type_id in rule.types:
                    removed.pop(type_id, None)
        added: dict[str, str] = {}
        for rule in sorted(adding, key=lambda each: not each.locale):  # a locale's own come before every locale's
            for type_id in rule.types:
                added.setdefault(type_id, rule.name)
        levels = Counter(targets.level(type_id) for type_id in removed)
        return cls(added, removed, max(levels.values(), default=0))

    def apply(
        self, found: Sequence[ProductType], top_k: int, locale: str, targets: OverrideTargets, probability: Probability
    ) -> tuple[tuple[ProductType, ...], set[str]]:
        """Return the types that are answered, and the names of the rules that made a difference.

        Args:
            found: the answer's, deepest level first, `spare` more of each level than are wanted where there are.
            top_k: types of each level.
            locale: that answers.
            targets: of the bundle.
            probability: of any type.
        """
        answer: list[ProductType] = []
        names: set[str] = set()
        there = {each.id: each for each in found}
        for level in range(targets.product_types.depth, 0, -1):
            before = [each for each in found if each.level == level]
            put = [
                there[type_id]._replace(accepted=True)
                if type_id in there
                else targets.answered(type_id, locale, probability(type_id))
                for type_id in self.added
                if targets.level(type_id) == level
            ][:top_k]
            rest = [each for each in before if each.id not in self.added and each.id not in self.removed]
            now, before = (put + rest)[:top_k], before[:top_k]
            names |= {self.removed[each.id] for each in before if each.id in self.removed}
            names |= {self.added[each.id] for i, each in enumerate(put) if before[i : i + 1] != [each]}
            answer += now
        return tuple(answer), names
