"""`shelfsense serve`: the server, with an option for each of its settings."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from shelfsense.serving.run import serve as run
from shelfsense.serving.settings import Settings


def serve(**given: Any) -> None:
    """Answer queries over gRPC until SIGTERM or SIGINT; each option is also SHELFSENSE_<NAME>."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    chosen = {name: value for name, value in given.items() if value is not None}
    raise typer.Exit(run(Settings(**chosen)))


def _option(name: str, setting: FieldInfo) -> inspect.Parameter:
    # The default stays None, so that the environment is asked for what the command line does not say.
    kind = next((kind for kind in (int, float, Path) if kind in (setting.annotation, *_alternatives(setting))), str)
    flag = typer.Option(
        "--" + name.replace("_", "-"),
        help=f"{setting.description} [env: SHELFSENSE_{name.upper()}; default: {setting.default}]",
        show_default=False,
    )
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, flag]
    )


def _alternatives(setting: FieldInfo) -> tuple[Any, ...]:
    return getattr(setting.annotation, "__args__", ())


# A setting's name, meaning and range are written in `Settings` alone; typer reads them off this signature.
serve.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [_option(name, setting) for name, setting in Settings.model_fields.items()]
)
serve.__annotations__ = {name: parameter.annotation for name, parameter in inspect.signature(serve).parameters.items()}
