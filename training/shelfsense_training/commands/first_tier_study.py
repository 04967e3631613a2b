"""`shelfsense-train first-tier-study`: what fewer layers, early exits and static tiers would cost in quality."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.commands.options import BundleOption, ResamplesOption, SeedOption
from shelfsense_training.progress import CONSOLE


def first_tier_study(
    bundle: BundleOption,
    work: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the starter recipe; the study has its own in it.")
    ],
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the figures go.")] = Path(
        "docs/results/first_tier.json"
    ),
    texts: Annotated[int, typer.Option(min=1000, help="Texts that the tiers hear the network on.")] = 240_000,
    steps: Annotated[int, typer.Option(min=1, help="Of each student's distillation.")] = 400,
    students: Annotated[list[int] | None, typer.Option(help="Layers of a student: 2, 3 or 4; may be repeated.")] = None,
    resamples: ResamplesOption = 1000,
    seed: SeedOption = 0,
) -> None:
    """Distil every first tier on one core, and measure each beside the whole network on judged queries.

    Resumes where it was stopped. `python -m benchmarks tiers` puts the speed beside the figures.
    """
    import torch

    from shelfsense.bundle import Bundle
    from shelfsense_training.first_tier.shallow_student import StudentSettings
    from shelfsense_training.first_tier.study import FirstTierStudy, StudyPlan
    from shelfsense_training.first_tier.tiers import TierSettings
    from shelfsense_training.sources.data_folder import data_folder

    torch.set_flush_denormal(True)
    torch.set_num_threads(1)
    plan = StudyPlan(
        texts=texts,
        tiers=TierSettings(students=tuple(students or (2, 3)), student=StudentSettings(steps=steps)),
        resamples=resamples,
        seed=seed,
    )
    study = FirstTierStudy(
        Bundle.open(bundle), data_folder(), work / "training.parquet", work / "texts.parquet", work / "first_tier", plan
    )
    study.write(out)
    CONSOLE.log(f"wrote {out}")
