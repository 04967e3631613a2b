"""`shelfsense-train retrieval-study`: the retriever and the re-ranker on judged queries, beside the baselines."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.progress import CONSOLE


def retrieval_study(
    *,
    work: Annotated[Path, typer.Option(help="Folder of the starter recipe: its teacher and student are used.")],
    out: Annotated[Path, typer.Option(help="Folder of the runs; taken up where they stand.")],
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds; every seed trains five times.")] = 3,
    report_only: Annotated[bool, typer.Option(help="Make the figures of the runs there are.")] = False,
) -> None:
    """Train and test by fold of connected queries, write OUT/retrieval.json.

    Start it twice in two shells to share the runs.
    """
    import torch

    from shelfsense_training.retrieval.retrieval_report import study_figures
    from shelfsense_training.retrieval.retrieval_study import RetrievalPlans, RetrievalStudy
    from shelfsense_training.sources.data_folder import data_folder
    from shelfsense_training.starter_recipe import StarterRecipe, StarterSettings

    torch.set_flush_denormal(True)
    torch.set_num_threads(1)  # two processes of one thread each do more than one of two
    study = RetrievalStudy(StarterRecipe(work, data_folder(), StarterSettings()), out)
    plans = RetrievalPlans(seeds=tuple(range(seeds)))
    if not report_only:
        study.do([*plans.main()][:5])
        study.do([*plans.ablations()])
        study.do([*plans.main()])
    figures = study_figures(study, plans)
    path = out / "retrieval.json"
    path.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    CONSOLE.print_json(data=figures)
    CONSOLE.log(f"wrote {path}")
