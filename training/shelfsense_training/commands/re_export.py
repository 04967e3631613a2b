"""`shelfsense-train re-export`: a bundle whose graph is written as this version writes graphs."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def re_export(
    bundle: Annotated[Path, typer.Option(help="The bundle to start from; it is not touched.")],
    out: Annotated[Path, typer.Option(help="The bundle to write.")],
    version: Annotated[str, typer.Option(help="The new bundle's own version.")],
) -> None:
    """Write a copy of a bundle with its graph written anew: the same weights to the bit, the nodes of this version."""
    from shelfsense.bundle import Bundle
    from shelfsense_training.bundle_building import MODEL, rewrite_bundle
    from shelfsense_training.export.onnx_export import export_again

    opened = Bundle.open(bundle)
    graph = export_again(opened.read(MODEL))
    written = rewrite_bundle(opened, out, files={MODEL: graph}, facts={"bundle_version": version})
    typer.echo(f"{written.path}: {written.version}, {MODEL} of {len(graph):,} bytes")
