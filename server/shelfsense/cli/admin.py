"""`shelfsense admin load | promote | drop | show`: change what a running server serves, and see how a trial goes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToJson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shelfsense.cli.admin_connection import Connect, asks_admin_port
from shelfsense.cli.exit_codes import BUNDLE_REFUSED
from shelfsense.serving.trial import Role
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense_client import LoadedBundle, Refused

admin_app = typer.Typer(help="Change what a running server serves, on its admin port.", no_args_is_help=True)


@admin_app.command()
@asks_admin_port
def load(
    connect: Connect,
    folder: Annotated[
        str,
        typer.Argument(
            metavar="DIR",
            help="Bundle folder on the server's machine, from where the server was started unless absolute; "
            "without one, the folder it was started with is read again.",
            show_default=False,
        ),
    ] = "",
    *,
    role: Annotated[
        Role | None,
        typer.Option(
            "--as",
            help="Try it on a share of the queries: a canary answers them, a shadow is only compared. "
            "Without this, it serves.",
            show_default=False,
        ),
    ] = None,
    share: Annotated[
        float | None, typer.Option(min=0, max=1, help="Of the queries, for a trial; else 0.01.", show_default=False)
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait; the server goes on after them.")] = 300,
) -> None:
    """Load a bundle beside the one that serves, then swap, without failing a call; exit 4 when it is refused."""
    if share is not None and role is None:
        raise typer.BadParameter("needs --as canary or --as shadow", param_hint="--share")
    with connect() as admin:
        try:
            loaded = admin.load_bundle(folder, role.value if role else "serving", share, timeout=timeout)
        except Refused as refused:
            sys.stderr.write(f"shelfsense: {refused.message}\n")
            raise typer.Exit(BUNDLE_REFUSED) from None
    previous = f" previous={loaded.previous_bundle_version}" if loaded.previous_bundle_version else ""
    sys.stdout.write(f"ok bundle={loaded.bundle_version}{previous} seconds={loaded.load_us / 1e6:.2f}\n")


@admin_app.command()
@asks_admin_port
def promote(connect: Connect) -> None:
    """End the trial of a second bundle: it serves from now on; exit 1 when there is none."""
    with connect() as admin:
        sys.stdout.write(f"ok bundle={admin.end_trial(promote=True)}\n")


@admin_app.command()
@asks_admin_port
def drop(connect: Connect) -> None:
    """End the trial of a second bundle: it is no longer loaded; exit 1 when there is none."""
    with connect() as admin:
        sys.stdout.write(f"ok bundle={admin.end_trial(promote=False)}\n")


@admin_app.command()
@asks_admin_port
def show(
    connect: Connect,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print DescribeBundlesResponse as JSON.")] = False,
) -> None:
    """Show what is loaded, and of how many queries a bundle on trial makes something else."""
    with connect() as admin:
        bundles = admin.describe_bundles()
    if as_json:
        sys.stdout.write(_json(bundles) + "\n")
    else:
        Console().print(_table(bundles))


def _json(bundles: Sequence[LoadedBundle]) -> str:
    messages = (pb.LoadedBundle(**asdict(each) | {"role": f"BUNDLE_ROLE_{each.role.upper()}"}) for each in bundles)
    return MessageToJson(
        pb.DescribeBundlesResponse(bundles=messages),
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
        ensure_ascii=False,
    )


def _table(bundles: Sequence[LoadedBundle]) -> Table:
    table = Table("version", "role", "share", "queries", "compared", "other type", "other accepted", "other head")
    for column in table.columns[2:]:
        column.justify = "right"
    for each in bundles:
        differ = (each.other_first_type, each.other_accepted_types, each.other_reformulation)
        table.add_row(
            Text(each.bundle_version),
            each.role,
            f"{each.share:.4g}",
            f"{each.queries:,}",
            f"{each.compared:,}" if each.role != "serving" else "–",
            *(f"{count / each.compared:.1%}" if each.compared else "–" for count in differ),
        )
    return table
