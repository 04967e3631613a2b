"""`shelfsense-train study`: the three variants, ablations, noise and new locales, on real and on simulated queries."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.progress import CONSOLE


class StudyOn(StrEnum):
    """The data of a study."""

    REAL = "real"
    SIMULATED = "simulated"
    BOTH = "both"


def study(
    *,
    work: Annotated[Path, typer.Option(help="Folder of the runs; a second run goes on from it.")] = Path("work/study"),
    teacher: Annotated[
        Path, typer.Option(help="Work folder of `starter`: its wheels and vocabulary are used, or made.")
    ] = Path("work"),
    on: Annotated[StudyOn, typer.Option(help="Which data.")] = StudyOn.BOTH,
    simulation: Annotated[Path, typer.Option(help="Simulated log; made where missing.")] = Path("work/sim"),
    threads: Annotated[int, typer.Option(min=1, help="Of training.")] = 1,
    report_only: Annotated[bool, typer.Option(help="Write the figures of the runs there are.")] = False,
) -> None:
    """Train and compare the variants; writes figures.json and study.json (for `evaluate --study`).

    A second process on the same folder shares the runs: two processes of one thread each are faster
    than one of two.
    """
    import torch

    from shelfsense_training.sources.data_folder import data_folder
    from shelfsense_training.starter_recipe import StarterRecipe, StarterSettings
    from shelfsense_training.variants.new_models import NewModels
    from shelfsense_training.variants.real_data import real_data
    from shelfsense_training.variants.simulated_data import simulated_data
    from shelfsense_training.variants.simulated_labels import simulated_labels
    from shelfsense_training.variants.study import Study
    from shelfsense_training.variants.study_report import write_report

    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    folder = data_folder()
    recipe = StarterRecipe(teacher, folder, StarterSettings())
    data = {}
    if on in {StudyOn.SIMULATED, StudyOn.BOTH}:
        labels = simulated_labels(simulation, work)
        data["simulated"] = simulated_data(simulation, labels, recipe.tokenizer)
    if on in {StudyOn.REAL, StudyOn.BOTH}:
        data["real"] = real_data(folder, recipe.tokenizer)
        data["real, skewed"] = real_data(folder, recipe.tokenizer, skewed=True)

    @cache
    def distilled() -> NewModels:
        return NewModels(recipe.distilled_student().backbone, recipe.tokenizer)

    found = Study(data, NewModels(recipe.teacher, recipe.tokenizer), work / "runs", distilled=distilled)
    if not report_only:
        found.run_all()
    write_report(found, work)
    CONSOLE.print(f"wrote {work}/figures.json and study.json", highlight=False)
