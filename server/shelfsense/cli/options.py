"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from shelfsense.bundle import Bundle
from shelfsense.errors import CredentialsRefused
from shelfsense.query import MAX_REFORMULATIONS, MAX_TOP_K
from shelfsense.serving.settings import Settings
from shelfsense_client import AdminClient, Client, Tls
from shelfsense_client.tls import call_metadata

TOKEN_VARIABLE = "SHELFSENSE_TOKEN"  # noqa: S105  its name

BundleOption = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        metavar="DIR",
        help="Bundle folder; else SHELFSENSE_BUNDLE, else bundles/starter of the checkout.",
        show_default=False,
    ),
]
TopKOption = Annotated[int, typer.Option("--top-k", min=1, max=MAX_TOP_K, help="Product types of each level.")]
ReformulationsOption = Annotated[
    int, typer.Option("--max-reformulations", min=0, max=MAX_REFORMULATIONS, help="Reformulations at most.")
]
CrossLocaleOption = Annotated[
    bool, typer.Option("--cross-locale", help="Where the locale has no head for it, look in sister locales.")
]
PreciseOption = Annotated[
    bool, typer.Option("--precise", help="Let the re-ranker choose reformulations, where the bundle has one; slower.")
]
IncludeRefusedOption = Annotated[bool, typer.Option("--include-refused", help="Also give refused reformulations.")]
TruncateOption = Annotated[bool, typer.Option("--truncate", help="Cut over-long queries instead of refusing them.")]

TokenFileOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help=f"Holds the token to ask with; else {TOKEN_VARIABLE}, else none is sent.",
        show_default=False,
    ),
]
TlsRootOption = Annotated[
    Path | None,
    typer.Option(
        "--tls-root",
        metavar="FILE",
        help="PEM file with the authorities of the server's certificate; the connection is over TLS.",
        show_default=False,
    ),
]
TlsCertificateOption = Annotated[
    Path | None,
    typer.Option(
        "--tls-certificate",
        metavar="FILE",
        help="PEM file with a certificate of ours, for a server that asks for one; with --tls-key.",
        show_default=False,
    ),
]
TlsKeyOption = Annotated[
    Path | None, typer.Option("--tls-key", metavar="FILE", help="Its private key.", show_default=False)
]

ClientT = TypeVar("ClientT", Client, AdminClient)


def connect(
    kind: type[ClientT],
    target: str,
    token_file: Path | None,
    tls_root: Path | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
) -> ClientT:
    """Return a client of a service, as the options of a command say; nothing is sent yet.

    Raises:
        CredentialsRefused: a file cannot be read, or holds no token.
        typer.BadParameter: the options do not go together.
    """
    if (tls_certificate is None) is not (tls_key is None):
        raise typer.BadParameter("need each other; give both, or none", param_hint="--tls-certificate and --tls-key")
    tls = Tls(tls_root, tls_certificate, tls_key) if tls_root or tls_certificate else None
    try:
        token = _token(token_file)
        return kind(target, tls=tls, token=token)
    except OSError as error:
        raise CredentialsRefused(
            str(error.filename), f"cannot be read ({error.strerror})", "name a file that can"
        ) from None
    except ValueError:  # all that is left of what a client refuses
        raise typer.BadParameter(
            "a token would go over the network in plain text; name the authorities of the server's certificate",
            param_hint="--tls-root",
        ) from None


def _token(file: Path | None) -> str | None:
    """Return the token to ask with; the file wins over the environment, and an empty variable is none.

    Raises:
        CredentialsRefused: what is named holds no token; what it holds is not quoted.
        OSError: the file cannot be read.
    """
    if file is None and not os.environ.get(TOKEN_VARIABLE):
        return None
    where = TOKEN_VARIABLE if file is None else str(file)
    found = os.fsencode(os.environ[TOKEN_VARIABLE]) if file is None else file.read_bytes()
    try:
        token = found.decode().strip()
        call_metadata(token)
    except ValueError:
        fact = "is empty, or holds more than one token"
        raise CredentialsRefused(where, fact, "it is one line, as `shelfsense tokens new` prints it") from None
    return token


def open_bundle(named: Path | None) -> Bundle:
    """Verify and return the bundle an option names, or the default, which is the server's too.

    Raises:
        BundleRefused: it is not there, or not what its manifest promises.
    """
    return Bundle.open(named if named is not None else Settings().bundle)
