"""`shelfsense serve`: the server, with an option for each of its settings."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from shelfsense.serving.run import serve as run
from shelfsense.serving.settings import Settings


def serve(**given: str | None) -> None:
    """Answer queries over gRPC until SIGTERM or SIGINT; each option is also SHELFSENSE_<NAME>."""
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    raise typer.Exit(run(Settings(**chosen)))


def _option(name: str, setting: FieldInfo) -> inspect.Parameter:
    flag = typer.Option(
        "--" + name.replace("_", "-"),
        metavar=name.rpartition("_")[2].upper(),
        help=f"{setting.description} (SHELFSENSE_{name.upper()}; default: {setting.default})",
        show_default=False,
    )
    # Absent stays None, so that the environment is asked; text, since `Settings` reads and checks it.
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, flag])


# A setting's name, meaning and range are written in `Settings` alone; typer reads them off this signature.
serve.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [_option(name, setting) for name, setting in Settings.model_fields.items()]
)
serve.__annotations__ = {name: parameter.annotation for name, parameter in inspect.signature(serve).parameters.items()}
