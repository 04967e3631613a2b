"""What a bundle has that overrides may name: its locales, the tree it answers, and its heads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from shelfsense.bundle import Bundle
from shelfsense.errors import BundleRefused, InputRefused, InvalidQuery
from shelfsense.locales import UNDETERMINED, Locales, language_of
from shelfsense.manifest_values import manifest_locales
from shelfsense.mapped_tree import MappedTree
from shelfsense.overrides.override import Action, Override, RowFault
from shelfsense.overrides.rule import Rule
from shelfsense.product_types import ProductTypes
from shelfsense.reformulation.head_index import HeadIndex
from shelfsense.text import normal_form
from shelfsense.thresholds import THRESHOLDS, Thresholds
from shelfsense.type_ranking import type_thresholds
from shelfsense.understanding import ProductType, Reformulation

_PRODUCT_TYPES = "product_types.json"


@dataclass(frozen=True)
class OverrideTargets:
    """The parts of a bundle that overrides may name.

    Attributes:
        locales: of the bundle.
        product_types: the tree that is answered.
        thresholds: of the tree that is answered.
        heads: the head index.
    """

    locales: Locales
    product_types: ProductTypes
    thresholds: Thresholds
    heads: HeadIndex

    @classmethod
    def load(cls, bundle: Bundle) -> OverrideTargets:
        """Read the parts from a verified bundle, without its network.

        Raises:
            BundleRefused: naming the file that is not what it should be.
        """
        try:
            product_types = ProductTypes.from_json(bundle.read(_PRODUCT_TYPES))
        except InputRefused as error:
            raise BundleRefused(_PRODUCT_TYPES, str(error), "use another bundle") from error
        thresholds = Thresholds.from_json(bundle.read(THRESHOLDS))
        mapped = MappedTree.load(bundle, product_types, thresholds)
        if mapped:
            product_types, thresholds = mapped.type_map.theirs, mapped.thresholds
        return cls(manifest_locales(bundle), product_types, thresholds, HeadIndex.load(bundle))

    def rule(self, override: Override) -> Rule | RowFault:
        """Return an override with what it names, or why the bundle cannot obey it."""
        try:
            locale = self._locale(override.locale)
        except InvalidQuery as error:
            return RowFault(override.row, str(error))
        match override.action:
            case Action.ADD_TYPE | Action.REMOVE_TYPE:
                if override.value not in self.product_types.index:
                    tree = self.product_types.label_space
                    return RowFault(override.row, f"its value is no product type of {tree}; write the id of one")
                below = override.action is Action.REMOVE_TYPE
                return Rule(override, locale, types=self._below(override.value) if below else self._up(override.value))
            case Action.PIN_HEAD:
                pinned = dict(self._pinned(override.value, locale))
                if not pinned:
                    where = locale or "any locale"
                    return RowFault(override.row, f"its value is no head query of {where}; pin one that is")
                return Rule(override, locale, heads=pinned)
            case Action.BLOCK_HEAD:
                return Rule(override, locale)

    def level(self, type_id: str) -> int:
        """Return a type's level in the tree that is answered, 1 at a root."""
        return int(self.product_types.level[self.product_types.index[type_id]])

    def answered(self, type_id: str, locale: str, probability: float) -> ProductType:
        """Return a type as an accepted one of an answer.

        Args:
            type_id: of the tree.
            locale: a tag of the bundle, or ``und``.
            probability: what the network says of it.
        """
        i, types = self.product_types.index[type_id], self.product_types
        threshold = float(type_thresholds(types, self.thresholds.by_locale[locale])[i])
        return ProductType(type_id, types.paths[i], int(types.level[i]), probability, threshold, accepted=True)

    def _locale(self, tag: str) -> str:
        if not tag:
            return ""
        found = self.locales.resolve(tag).tag
        if found == UNDETERMINED and language_of(tag.lower()) != UNDETERMINED:
            raise InvalidQuery("locale", "is not one of the bundle's; name one that is, or none for every locale")
        return found

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        children: dict[str, list[str]] = {}
        for node in self.product_types.nodes:
            children.setdefault(node.parent_id, []).append(node.id)
        return children

    @cached_property
    def _families(self) -> dict[str, frozenset[str]]:
        """Return a type and all below it, of types that were asked for; thousands of rules may remove one root."""
        return {}

    def _up(self, type_id: str) -> tuple[str, ...]:
        types = self.product_types
        return tuple(types.nodes[i].id for i in types.ancestors(types.index[type_id]))

    def _below(self, type_id: str) -> frozenset[str]:
        if type_id not in self._families:
            found = [type_id]
            for each in found:  # grows while it is walked
                found.extend(self._children.get(each, ()))
            self._families[type_id] = frozenset(found)
        return self._families[type_id]

    def _pinned(self, form: str, locale: str) -> Iterator[tuple[str, Reformulation]]:
        """Yield the head of a normal form as every locale that has it answers it, of several the most searched."""
        for tag in [locale] if locale else self.heads.locales:
            matches = self.heads.exact(tag, [normal_form(form)])
            if matches:
                head = max(matches, key=lambda match: match.volume)
                yield (
                    tag,
                    Reformulation(
                        head.query,
                        tag,
                        score=1.0,
                        accepted=True,
                        volume=head.volume,
                        volume_is_estimate=head.volume_is_estimate,
                        refusal="",
                    ),
                )
