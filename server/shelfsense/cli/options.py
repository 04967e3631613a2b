"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfsense.bundle import Bundle
from shelfsense.query import DEFAULT_TOP_K, MAX_TOP_K
from shelfsense.serving.settings import Settings

BundleOption = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        help="Bundle folder; else SHELFSENSE_BUNDLE, else bundles/starter of the checkout.",
        show_default=False,
    ),
]

TopKOption = Annotated[
    int,
    typer.Option("--top-k", min=1, max=MAX_TOP_K, help="Product types of each level."),
]

EngineOption = Annotated[str, typer.Option("--engine", help="onnx (CPU) or torch (GPU, with the extra 'training').")]

ThreadsOption = Annotated[int, typer.Option("--threads", min=1, max=256, help="CPU threads of the engine.")]

DEFAULT_TYPES = DEFAULT_TOP_K


def open_bundle(named: Path | None) -> Bundle:
    """Verify and return the bundle an option names, or the default that the server too would take.

    Raises:
        BundleRefused: it is not there, or not what its manifest promises.
    """
    return Bundle.open(named if named is not None else Settings().bundle)
