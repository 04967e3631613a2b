"""`shelfsense-train own-tree`: a bundle over the marketplace's own categories, for the figures of design section 8."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.commands.options import BundleOption, SeedOption


def own_tree(
    bundle: BundleOption,
    *,
    out: Annotated[Path, typer.Option(help="The bundle to write.")] = Path("work/own_tree/bundle"),
    work: Annotated[
        Path, typer.Option(help="Rows, data files and training state; a second run goes on from it.")
    ] = Path("work/own_tree"),
    threads: Annotated[int, typer.Option(help="Threads of training.")] = 2,
    seed: SeedOption = 0,
) -> None:
    """Fit a bundle's network to the marketplace's own tree; writes the files that `evaluate` compares with.

    The data files hold rows of a data set that may not be passed on: keep them out of the project.
    """
    import dataclasses

    import torch

    from shelfsense.bundle import Bundle
    from shelfsense_training.own_tree_recipe import TEST, TUNING, OwnTreeSettings, fit_own_tree
    from shelfsense_training.sources.data_folder import data_folder

    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    settings = OwnTreeSettings(dataclasses.replace(TUNING, seed=seed), seed=seed)
    made = fit_own_tree(Bundle.open(bundle), data_folder(), work, out, settings)
    typer.echo(f"{made.path}: {made.version}; its test queries are in {work / TEST}")
