"""`shelfsense bundle show | verify | keygen | sign`: what a bundle folder is, whether it is whole, and by whom."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shelfsense.bundle import Bundle
from shelfsense.bundle_signature import TrustedKeys, fingerprint
from shelfsense.mapped_tree import TYPE_MAP, MappedTree
from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import THRESHOLDS, Thresholds

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Bundle folder.", show_default=False)]

bundle_app = typer.Typer(help="Look at a bundle folder, and sign it.", no_args_is_help=True)


@bundle_app.command()
def verify(
    folder: Folder,
    public_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Demand a signature by a key of this file.", show_default=False)
    ] = None,
) -> None:
    """Check every file of a bundle against its digest, and its signature; exit 4 when it is refused."""
    bundle = Bundle.open(folder, trusted=None if public_key is None else TrustedKeys.load(public_key))
    files = bundle.manifest["files"]
    size = sum(entry["bytes"] for entry in files.values())
    signed = f" signed_by={bundle.signed_by}" if bundle.signed_by else ""
    sys.stdout.write(f"ok bundle={bundle.version} files={len(files)} bytes={size}{signed}\n")


@bundle_app.command()
def keygen(
    key: Annotated[Path, typer.Argument(metavar="FILE", help="Private key to write.", show_default=False)],
) -> None:
    """Make a key that signs bundles: FILE for whoever signs, FILE.pub for every server (--require-signature)."""
    from shelfsense.signing_keys import SigningKey  # noqa: PLC0415  no other command needs cryptography

    made = SigningKey.generate()
    made.write(key)
    sys.stdout.write(f"ok key={key} public_key={key}.pub fingerprint={fingerprint(made.public)}\n")


@bundle_app.command()
def sign(
    folder: Folder,
    key: Annotated[Path, typer.Option(metavar="FILE", help="Private key, as of keygen.", show_default=False)],
) -> None:
    """Check a bundle and sign it, in place of any signature it has; exit 4 when it is refused."""
    from shelfsense.bundle_signing import sign_bundle  # noqa: PLC0415  no other command needs cryptography
    from shelfsense.signing_keys import SigningKey  # noqa: PLC0415

    bundle = sign_bundle(folder, SigningKey.load(key))
    sys.stdout.write(f"ok bundle={bundle.version} signed_by={bundle.signed_by}\n")


@bundle_app.command()
def show(folder: Folder) -> None:
    """Show a bundle's manifest, what its promises rest on per locale, and its files."""
    bundle = Bundle.open(folder)
    console = Console()
    console.print(_manifest(bundle))
    if bundle.has(THRESHOLDS):
        thresholds = Thresholds.from_json(bundle.read(THRESHOLDS))
        if bundle.has(TYPE_MAP):
            ours = ProductTypes.from_json(bundle.read("product_types.json"))
            mapped = MappedTree.from_json(bundle.read(TYPE_MAP), ours, thresholds)
            console.print(_own_tree(mapped))
            thresholds = mapped.thresholds
        console.print(_evidence(thresholds))
    console.print(_files(bundle))


def _manifest(bundle: Bundle) -> Table:
    table = Table("key", "value", title=f"Bundle {bundle.version}", title_justify="left")
    for key, value in bundle.manifest.items():
        if key != "files":
            table.add_row(key, Text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
    return table


def _own_tree(mapped: MappedTree) -> Table:
    """Return the types of a shop's own tree, which the bundle answers, and how many of ours reach each."""
    theirs, ours = mapped.type_map.theirs, mapped.type_map.ours
    table = Table("id", "level", "path", f"types of {ours.label_space}", title_justify="left")
    table.title = f"Answers {theirs.label_space}, mapped from {ours.label_space}"
    for i, sources in enumerate(mapped.type_map.sources()):
        node = theirs.nodes[i]
        table.add_row(node.id, str(theirs.level[i]), Text(" > ".join(theirs.paths[i])), f"{len(sources):,}")
    return table


def _evidence(thresholds: Thresholds) -> Table:
    table = Table("locale", "product types", "accepted from, level 1, 2, ...", "reformulations", "accepted from")
    table.title, table.title_justify = "What its promises rest on", "left"
    table.caption = (
        f"target precision: product types {thresholds.product_type_target_precision:g}, "
        f"reformulations {thresholds.reformulation_target_precision:g}"
    )
    for tag, entry in thresholds.by_locale.items():
        levels = ", ".join(_threshold(value) for value in entry.product_types)
        table.add_row(tag, entry.evidence, levels, entry.reformulation_evidence, _threshold(entry.reformulation))
    return table


def _threshold(value: float) -> str:
    return "never" if value > 1 else f"{value:.2f}"


def _files(bundle: Bundle) -> Table:
    table = Table("file", "bytes", "sha256", title="Files", title_justify="left")
    table.columns[1].justify = "right"
    for row in _file_rows(bundle):
        table.add_row(*row)
    return table


def _file_rows(bundle: Bundle) -> Iterator[tuple[str, str, str]]:
    files = bundle.manifest["files"]
    for name, entry in sorted(files.items()):
        yield name, f"{entry['bytes']:,}", entry["sha256"][:12]
    yield "all", f"{sum(entry['bytes'] for entry in files.values()):,}", ""
