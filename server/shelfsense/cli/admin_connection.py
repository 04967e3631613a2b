"""Which server's admin port to ask, and how: the options are stated once, for every command that asks one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial, update_wrapper
from inspect import Parameter, Signature
from typing import Annotated, Any, TypeAlias

import typer

from shelfsense.cli.options import TlsCertificateOption, TlsKeyOption, TlsRootOption, TokenFileOption, connect
from shelfsense_client import AdminClient

Connect: TypeAlias = Callable[[], AdminClient]
"""Returns a client of the admin port that was named, as `options.connect` does."""


def _connected(
    *,
    target: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="The server's admin port (--admin-port).", show_default=False)
    ],
    token_file: TokenFileOption = None,
    tls_root: TlsRootOption = None,
    tls_certificate: TlsCertificateOption = None,
    tls_key: TlsKeyOption = None,
) -> AdminClient:
    return connect(AdminClient, target, token_file, tls_root, tls_certificate, tls_key)


def asks_admin_port(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a connection: the target before its own options, the others after them.

    Args:
        command: takes what connects (`Connect`), which it calls once its own options are in order, then those.
    """
    target, *credentials = _parameters(_connected)
    _, *own = _parameters(command)
    named = [each for each in own if each.kind is Parameter.KEYWORD_ONLY]
    parameters = [*(each for each in own if each not in named), target, *named, *credentials]

    def asking(**given: Any) -> None:
        connection = {each.name: given.pop(each.name) for each in (target, *credentials)}
        command(partial(_connected, **connection), **given)

    update_wrapper(asking, command)
    # Typer reads a command's parameters from both.
    asking.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    asking.__annotations__ = {each.name: each.annotation for each in parameters}
    return asking


def _parameters(function: Callable[..., object]) -> list[Parameter]:
    return list(inspect.signature(function, eval_str=True).parameters.values())
