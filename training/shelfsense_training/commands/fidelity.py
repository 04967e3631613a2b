"""`shelfsense-train fidelity`: what int8 and batching cost a bundle."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.commands.options import BundleOption, DataOption, OutOption, ResamplesOption, SeedOption
from shelfsense_training.progress import CONSOLE


def fidelity(
    bundle: BundleOption,
    data: DataOption,
    out: OutOption,
    *,
    checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Float weights the bundle was made of, as in work/calibrated.pt."),
    ] = None,
    resamples: ResamplesOption = 1000,
    seed: SeedOption = 0,
) -> None:
    """Compare the served engine with torch, and each query alone with itself in a batch; writes fidelity.json."""
    from shelfsense.bundle import Bundle
    from shelfsense.engines.engine import load_engine
    from shelfsense.understander import Understander
    from shelfsense_training.evaluation.fidelity import Fidelity
    from shelfsense_training.evaluation.float_run import float_run
    from shelfsense_training.evaluation.labelled_queries import read_labelled_queries
    from shelfsense_training.evaluation.scoring import run_of

    verified = Bundle.open(bundle)
    served = Understander.load(verified)
    measured = Fidelity(served, read_labelled_queries(data, served.product_types))
    references = {"torch": run_of(load_engine("torch", verified))}
    if checkpoint is not None:
        references["float32"] = float_run(verified, checkpoint)
    report = measured.report(references, seed=seed, resamples=resamples)
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    (out / "fidelity.json").write_text(text, encoding="utf-8")
    CONSOLE.print(f"wrote {out}/fidelity.json", highlight=False)
