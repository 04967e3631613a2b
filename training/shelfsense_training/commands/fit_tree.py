"""`shelfsense-train fit-tree`: a bundle trained for a shop's own tree, from its own labels."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.commands.map_tree import TreeOption
from shelfsense_training.commands.options import BundleOption, SeedOption


def fit_tree(  # noqa: PLR0913  a command's arguments are its options
    tree: TreeOption,
    labels: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Judged queries, .csv, .tsv or .parquet: query, locale, product_type_id (of the tree), label (1 or 0). "
            "Sides are by hash: 7 of 10 queries are trained on, 1 calibrates, 2 test.",
            show_default=False,
        ),
    ],
    bundle: BundleOption,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The bundle to write.", show_default=False)],
    *,
    work: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Training state, sides and rejected rows; a second run goes on from it. Else OUT with .work behind it.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=0, help="Of fine-tuning; 0: five passes over the labels.")] = 0,
    stop: Annotated[bool, typer.Option("--stop", help="Refuse labels with a bad row; else it is left out.")] = False,
    label_space: Annotated[str, typer.Option(help="Name of the tree; else the tree file's.")] = "",
    threads: Annotated[int, typer.Option(min=1, help="Threads of training.")] = 2,
    seed: SeedOption = 0,
) -> None:
    """Train a bundle for a shop's own product types; the work folder holds the shop's queries."""
    import torch

    from shelfsense.bundle import Bundle
    from shelfsense_training.progress import CONSOLE
    from shelfsense_training.shop_tree.new_bundle import check_apart
    from shelfsense_training.shop_tree.tree_file import read_tree_file
    from shelfsense_training.shop_tree.tree_labels import read_shop_labels
    from shelfsense_training.tree_fitting import TEST, TreeFittingSettings
    from shelfsense_training.tree_fitting import fit_tree as fit

    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    check_apart(bundle, out)
    folder = work or out.with_name(out.name + ".work")
    start = Bundle.open(bundle)
    theirs = read_tree_file(tree, label_space)
    read = read_shop_labels(labels, theirs, start.manifest["locales"], folder, stop=stop)
    CONSOLE.log(f"{read.read:,} rows of labels, {len(read.rejected):,} bad and left out (see {folder})")
    made = fit(start, theirs, read, folder, out, TreeFittingSettings(steps=steps, seed=seed))
    typer.echo(f"{made.path}: {made.version}; its test queries are in {folder / TEST}")
