"""Who can reach a server that is about to listen: refuses what nobody can mean, names what is to be meant."""

from __future__ import annotations

import ipaddress

from shelfsense.serving.errors import AdminExposed
from shelfsense.serving.settings import Settings


def check_exposure(settings: Settings) -> list[str]:
    """Return a warning for each thing that is open to the network.

    Raises:
        AdminExposed: the admin port would listen beyond this machine and ask for nothing.
    """
    certified = settings.tls_certificate is not None
    if settings.admin_port is not None and not is_local(settings.admin_host):
        authority = settings.admin_client_authority or settings.tls_client_authority
        if settings.admin_tokens is None and not (certified and authority):
            raise AdminExposed(settings.admin_host)
        if not certified:
            return [_plain_tokens("admin_tokens", settings.admin_host), *_public(settings)]
    return _public(settings)


def is_local(host: str) -> bool:
    """Return whether an address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _public(settings: Settings) -> list[str]:
    if is_local(settings.host):
        return []
    if settings.tokens is not None and settings.tls_certificate is None:
        return [_plain_tokens("tokens", settings.host)]
    if settings.tokens is None and (settings.tls_certificate is None or settings.tls_client_authority is None):
        return [f"whoever reaches {settings.host} is answered: neither tokens nor tls_client_authority is set"]
    return []


def _plain_tokens(name: str, host: str) -> str:
    return (
        f"{name} are read in plain text on {host}: set tls_certificate and tls_key, "
        "unless what stands before this server encrypts"
    )
