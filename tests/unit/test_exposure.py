"""What a server lets the network reach: an admin port that asks for nothing is refused, the rest is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shelfsense.serving.errors import AdminExposed
from shelfsense.serving.exposure import check_exposure, is_local
from shelfsense.serving.settings import Settings

FILE = Path("some.pem")
TLS = {"tls_certificate": FILE, "tls_key": FILE}
OPEN = {"host": "0.0.0.0"}
ADMIN = {"admin_port": 0, "admin_host": "::"}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"admin_port": 0},
        {"host": "::1", "tokens": FILE},
        {**OPEN, **TLS, "tokens": FILE},
        {**OPEN, **TLS, "tls_client_authority": FILE},
        {**ADMIN, **TLS, "admin_tokens": FILE},
        {**ADMIN, **TLS, "admin_client_authority": FILE},
        {"admin_host": "0.0.0.0"},  # there is no admin port
    ],
)
def test_what_is_local_or_guarded_is_not_spoken_of(settings: dict[str, Any]) -> None:
    assert check_exposure(Settings(**settings)) == []


@pytest.mark.parametrize("settings", [ADMIN, {**ADMIN, **TLS}, {**ADMIN, "admin_client_authority": FILE}])
def test_an_admin_port_open_to_all_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(AdminExposed, match="listen on :: and ask for nothing; set --admin-tokens"):
        check_exposure(Settings(**settings))


@pytest.mark.parametrize(
    ("settings", "warning"),
    [
        (OPEN, "whoever reaches 0.0.0.0 is answered"),
        ({**OPEN, **TLS}, "whoever reaches 0.0.0.0 is answered"),
        ({**OPEN, "tokens": FILE}, "tokens are read in plain text on 0.0.0.0"),
        ({**ADMIN, "admin_tokens": FILE}, "admin_tokens are read in plain text on ::"),
    ],
)
def test_what_is_open_is_said_once(settings: dict[str, Any], warning: str) -> None:
    (said,) = check_exposure(Settings(**settings))
    assert warning in said


def test_local_is_what_no_other_machine_reaches() -> None:
    assert all(is_local(host) for host in ("127.0.0.1", "127.8.0.1", "::1", "localhost"))
    assert not any(is_local(host) for host in ("0.0.0.0", "::", "10.0.0.1", "shop.example", ""))
