"""`shelfsense-train map-tree`: a bundle that answers a shop's own tree, by a map from ours."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.commands.options import BundleOption

TreeOption = Annotated[
    Path,
    typer.Option(
        "--tree",
        metavar="FILE",
        help="The shop's types, .csv, .tsv or .parquet: id, parent_id (empty for a root), name.",
        show_default=False,
    ),
]


def map_tree(
    tree: TreeOption,
    type_map: Annotated[
        Path,
        typer.Option(
            "--map",
            metavar="FILE",
            help="product_type_id (ours), shop_type_id (theirs) and optionally weight: the share of the queries of our "
            "type that mean theirs, above 0 to 1, absent 1.",
            show_default=False,
        ),
    ],
    bundle: BundleOption,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The bundle to write.", show_default=False)],
    *,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Judged queries that fix the thresholds: query, locale, product_type_id (theirs), label (1 or 0). "
            "One fifth of the queries, chosen by hash, is left for evaluate. Else thresholds are derived from ours.",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of map_report.json; else OUT with .report behind it.")
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Refuse labels with a bad row; else it is left out.")] = False,
    label_space: Annotated[str, typer.Option(help="Name of the tree; else the tree file's.")] = "",
) -> None:
    """Write a copy of a bundle that answers a shop's own types; reformulation goes on by ours."""
    from shelfsense.bundle import Bundle
    from shelfsense.product_types import ProductTypes
    from shelfsense_training.bundle_building import PRODUCT_TYPES
    from shelfsense_training.shop_tree.map_file import read_map_file
    from shelfsense_training.shop_tree.map_report import say_mapping, write_map_report
    from shelfsense_training.shop_tree.new_bundle import check_apart
    from shelfsense_training.shop_tree.tree_file import read_tree_file
    from shelfsense_training.shop_tree.tree_labels import read_shop_labels
    from shelfsense_training.shop_tree.tree_mapping import TreeMapping
    from shelfsense_training.shop_tree.tree_mapping import map_tree as write_mapped
    from shelfsense_training.sources.splits import Split

    check_apart(bundle, out)
    start = Bundle.open(bundle)
    theirs = read_tree_file(tree, label_space)
    entries = read_map_file(type_map, ProductTypes.from_json(start.read(PRODUCT_TYPES)), theirs)
    folder = report or out.with_name(out.name + ".report")
    judged = None
    if labels is not None:
        judged = read_shop_labels(labels, theirs, start.manifest["locales"], folder, stop=stop)
    fixing = judged.side(Split.TRAIN, Split.VALIDATION) if judged else ()
    made = write_mapped(start, TreeMapping(theirs, entries, fixing), out)
    write_map_report(made, judged, folder)
    say_mapping(made, judged, folder)
    typer.echo(f"{made.bundle.path}: {made.bundle.version}")
