"""TLS and the token of a client: how its channel is secured, and what each call carries."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

import grpc


@dataclass(frozen=True, slots=True)
class Tls:
    """The PEM files of a TLS connection; ``Tls()`` trusts the authorities that gRPC comes with.

    Attributes:
        root_certificates: authorities one of which issued the server's certificate; None: gRPC's own list.
        certificate: of this client, with its chain, for a service that asks for one.
        key: the private key of that certificate.
    """

    root_certificates: Path | str | None = None
    certificate: Path | str | None = None
    key: Path | str | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """Return the credentials of a channel.

        Raises:
            OSError: a file cannot be read.
            ValueError: of certificate and key, only one is given.
        """
        if (self.certificate is None) is not (self.key is None):
            raise ValueError("a client certificate needs its key, and a key its certificate; give both, or none")
        return grpc.ssl_channel_credentials(
            root_certificates=_read(self.root_certificates),
            private_key=_read(self.key),
            certificate_chain=_read(self.certificate),
        )


def channel_credentials(
    target: str, credentials: grpc.ChannelCredentials | None, tls: Tls | None, token: str | None
) -> grpc.ChannelCredentials | None:
    """Return the credentials of a client's channel; None: it speaks plain text.

    Raises:
        ValueError: both ``credentials`` and ``tls`` are given, or a token would go over the network in plain text.
        OSError: a file of ``tls`` cannot be read.
    """
    if credentials is not None and tls is not None:
        raise ValueError("credentials and tls are two ways to say the same; give one of them")
    if tls is not None:
        return tls.credentials()
    if token is not None and credentials is None and not _is_local(target):
        raise ValueError(
            "the token would go over the network in plain text; give tls=Tls(...), or, where the network "
            "encrypts, credentials=grpc.experimental.insecure_channel_credentials()"
        )
    return credentials


def call_metadata(token: str | None) -> tuple[tuple[str, str], ...]:
    """Return the metadata that every call carries.

    Raises:
        ValueError: the token is empty or holds what no header may, as a line end from a file.
    """
    if token is None:
        return ()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("the token is empty, or holds a space or line end; strip what was read from a file")
    return (("authorization", f"Bearer {token}"),)


def _is_local(target: str) -> bool:
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    address = target.rpartition("/")[2].removeprefix("ipv4:").removeprefix("ipv6:")  # the end of dns:///host:port
    host = (address.rpartition(":")[0] or address).strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(path: Path | str | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()
