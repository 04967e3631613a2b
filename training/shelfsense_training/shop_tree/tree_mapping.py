"""Writes a bundle that answers a shop's tree with the network as it is, by a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shelfsense.bundle import Bundle
from shelfsense.mapped_tree import TYPE_MAP, MappedTree
from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import THRESHOLDS, Thresholds
from shelfsense.type_map import MapEntry, TypeMap
from shelfsense.understander import Understander
from shelfsense_training.bundle_building import MODEL_CARD, PRODUCT_TYPES, rewrite_bundle
from shelfsense_training.evaluation.labelled_queries import LabelledQueries, group_rows
from shelfsense_training.evaluation.labelled_rows import LabelledRow
from shelfsense_training.evaluation.scoring import answers, by_length, prepare
from shelfsense_training.shop_tree.map_coverage import MapCoverage, map_coverage, with_concluded
from shelfsense_training.shop_tree.tree_thresholds import (
    JudgedScores,
    ThresholdSettings,
    derived_thresholds,
    fixed_thresholds,
)

_CARD_HEAD = "\n## A shop's own tree\n\n"


@dataclass(frozen=True, slots=True)
class TreeMapping:
    """A shop's tree and how ours becomes it.

    Attributes:
        tree: theirs.
        entries: the map.
        judged: rows that fix the thresholds; none: they are derived from ours.
        settings: of the thresholds.
    """

    tree: ProductTypes
    entries: Sequence[MapEntry]
    judged: Sequence[LabelledRow] = ()
    settings: ThresholdSettings = field(default_factory=ThresholdSettings)


@dataclass(frozen=True, slots=True)
class MappedBundle:
    """What was written.

    Attributes:
        bundle: the new one, verified and loaded once.
        type_map: with the entries that were concluded.
        concluded: how many those are.
        coverage: what the map leaves open.
        thresholds: of theirs.
    """

    bundle: Bundle
    type_map: TypeMap
    concluded: int
    coverage: MapCoverage
    thresholds: Thresholds


def map_tree(start: Bundle, mapping: TreeMapping, out: Path) -> MappedBundle:
    """Write a copy of a bundle that answers a shop's tree.

    Args:
        start: the bundle; a map it already has is replaced.
        mapping: the tree and the map.
        out: folder of the new bundle.

    Raises:
        InputRefused: when the map or the labels do not fit the trees.
    """
    ours = ProductTypes.from_json(start.read(PRODUCT_TYPES))
    entries = with_concluded(ours, mapping.tree, mapping.entries)
    type_map = TypeMap(ours, mapping.tree, entries)
    thresholds = derived_thresholds(type_map, Thresholds.from_json(start.read(THRESHOLDS)))
    if mapping.judged:
        queries = group_rows(mapping.judged, mapping.tree)
        judged = judged_scores(Understander.load(start), queries, type_map)
        thresholds = fixed_thresholds(mapping.tree, judged, thresholds, mapping.settings)
    written = rewrite_bundle(
        start,
        out,
        files={TYPE_MAP: MappedTree(type_map, thresholds).to_json(), MODEL_CARD: _card(start, type_map)},
        # Figures of the starting bundle are of other types.
        facts={"bundle_version": _version(start, mapping.tree), "label_space": mapping.tree.label_space, "metrics": {}},
    )
    Understander.load(written)
    return MappedBundle(written, type_map, len(entries) - len(mapping.entries), map_coverage(type_map), thresholds)


def judged_scores(
    understander: Understander, queries: LabelledQueries, type_map: TypeMap | None = None
) -> JudgedScores:
    """Return what a network answers to judged queries, as it would be served.

    Args:
        understander: the network, calibrated.
        queries: labelled with the types that are served.
        type_map: to those, where they are not the network's own.

    Raises:
        InputRefused: naming the line of a query that cannot be asked.
    """
    prepared = prepare(understander, queries.queries)
    found = answers(
        understander.infer,
        prepared,
        understander.network_types,
        by_length(prepared),
        "judged queries",
        calibration=understander.calibration,
        type_map=type_map,
    ).probabilities
    return JudgedScores([each.locale for each in prepared], found, queries.labels(found.shape[1]))


def _version(start: Bundle, tree: ProductTypes) -> str:
    """Return the network's version and the tree's name; of a bundle that was mapped before, its network's."""
    network = start.version
    if start.has(TYPE_MAP):
        network = network.removesuffix(f"+{start.manifest['label_space']}")
    return f"{network}+{tree.label_space}"


def _card(start: Bundle, type_map: TypeMap) -> bytes:
    """Return the model card with what it now answers at its end."""
    kept = start.read(MODEL_CARD).decode().partition(_CARD_HEAD)[0] if start.has(MODEL_CARD) else ""
    facts = (
        f"This bundle answers the {len(type_map.theirs):,} types of {type_map.theirs.label_space}. The network knows "
        f"{type_map.ours.label_space}; {len(type_map.entries):,} entries of {TYPE_MAP} turn the one into the other. "
        "What stands above about product types, their figures and thresholds is of the network's own tree.\n"
    )
    return f"{kept}{_CARD_HEAD}{facts}".encode()
