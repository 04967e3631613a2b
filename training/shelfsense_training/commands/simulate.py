"""`shelfsense-train simulate`: a search log with known truth, for what no public log can show."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.commands.options import SeedOption
from shelfsense_training.progress import CONSOLE


def simulate(
    *,
    out: Annotated[Path, typer.Option(help="Folder to write; must not hold a simulation yet.")],
    events: Annotated[int, typer.Option(min=1000, help="Events in all stores together, about.")] = 10_000_000,
    stores: Annotated[int, typer.Option(min=1, max=20, help="Stores, the largest 100 times the smallest.")] = 20,
    types: Annotated[int, typer.Option(min=2, help="Product types sold.")] = 1414,
    seed: SeedOption = 0,
    needs: Annotated[
        bool,
        typer.Option("--needs", help="Attribute words decide what is bought; needs.parquet says what means the same."),
    ] = False,
) -> None:
    """Write events/*.parquet, catalog.parquet and truth.parquet of simulated stores.

    With --needs also needs.parquet. The words are the project's own; the taxonomy's names join where the data folder has them.
    """
    from shelfsense_training.simulation.needs import NeedHabits
    from shelfsense_training.simulation.simulation import SimulationSettings, load_simulation

    habits = NeedHabits() if needs else None
    load_simulation(SimulationSettings(events, stores, types, seed, needs=habits)).write(out)
    CONSOLE.print(f"wrote {out}", highlight=False)
