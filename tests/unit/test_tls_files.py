"""Certificates and keys that cannot serve are refused by name before a port opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from certificates import Authority, Issued
from shelfsense.errors import CredentialsRefused
from shelfsense.serving.settings import Settings
from shelfsense.serving.tls import TlsFiles, admin_credentials, public_credentials


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Issued:
    return authority.issue("server")


def test_good_files_are_read(authority: Authority, server: Issued) -> None:
    assert TlsFiles(server.certificate, server.key, authority.root).read()


def test_the_key_of_another_certificate_is_refused(authority: Authority, server: Issued) -> None:
    with pytest.raises(CredentialsRefused, match=r"other\.key: is not the key of .*server\.pem; name the key"):
        TlsFiles(server.certificate, authority.issue("other").key).read()


def test_a_key_with_a_password_is_refused_without_asking_the_terminal(authority: Authority) -> None:
    hidden = authority.issue("hidden", password=b"sesame")
    with pytest.raises(CredentialsRefused, match=r"hidden\.key: has a password; write it without"):
        TlsFiles(hidden.certificate, hidden.key).read()


@pytest.mark.parametrize("place", ["certificate", "key", "client_authority"])
@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (None, "is missing"),
        (b"", "is no PEM file with a"),
        (b"\x30\x82" * 100, "is no PEM file with a"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be|is no PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be|is no PEM"),
    ],
)
def test_what_is_not_what_it_should_be_is_refused_by_name(
    authority: Authority, server: Issued, tmp_path: Path, place: str, content: bytes | None, fact: str
) -> None:
    bad = tmp_path / "bad.pem"
    if content is not None:
        bad.write_bytes(content)
    files = {"certificate": server.certificate, "key": server.key, "client_authority": authority.root, place: bad}
    with pytest.raises(CredentialsRefused, match=rf"bad\.pem: .*({fact})"):
        TlsFiles(**files).read()


@pytest.mark.parametrize(
    ("given", "fact"),
    [
        ("tls_certificate", "--tls-certificate: is set without --tls-key"),
        ("tls_key", "--tls-key: is set without --tls-certificate"),
        ("tls_client_authority", "--tls-client-authority: is set, but client certificates are part of TLS"),
    ],
)
def test_half_of_tls_is_refused(server: Issued, given: str, fact: str) -> None:
    chosen: dict[str, Any] = {given: server.key}
    settings = Settings(**chosen)
    with pytest.raises(CredentialsRefused, match=fact):
        public_credentials(settings)


def test_without_files_there_is_plain_text(server: Issued) -> None:
    assert public_credentials(Settings()) is None
    assert admin_credentials(Settings()) is None
    with pytest.raises(CredentialsRefused, match="--admin-client-authority"):
        admin_credentials(Settings(admin_client_authority=server.certificate))
