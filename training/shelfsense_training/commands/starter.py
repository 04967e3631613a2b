"""`shelfsense-train starter`: the starter bundle from the data, in resumable stages."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def starter(
    out: Annotated[Path, typer.Option(help="The bundle to write.")] = Path("work/starter"),
    work: Annotated[Path, typer.Option(help="Everything in between; a second run goes on from it.")] = Path("work"),
    version: Annotated[str, typer.Option(help="The bundle's own version.")] = "starter-5",
    threads: Annotated[int, typer.Option(help="Threads of training.")] = 2,
) -> None:
    """Train the starter bundle from the public data; about three hours on 2 cores, by the sum of its stages."""
    import torch

    from shelfsense_training.sources.data_folder import data_folder
    from shelfsense_training.starter_recipe import StarterRecipe, StarterSettings

    torch.set_num_threads(threads)
    # Adam's moments of rarely used rows decay into denormal numbers, which are slow on a CPU.
    torch.set_flush_denormal(True)
    bundle = StarterRecipe(work, data_folder(), StarterSettings()).bundle(out, version)
    typer.echo(f"{bundle.path}: {bundle.version}, {sum(f['bytes'] for f in bundle.manifest['files'].values()):,} bytes")
