"""The client's side of TLS and tokens: what it refuses to send, and what every call carries."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from shelfsense_client import Client, Tls
from shelfsense_client.tls import call_metadata, channel_credentials

PLAIN = grpc.local_channel_credentials()


@pytest.mark.parametrize(
    "target",
    [
        "shelfsense:50051",
        "10.0.0.1:50051",
        "dns:///shelfsense:50051",
        "ipv4:10.0.0.1:50051",
        "shelfsense",
        "[::]:1",
        "ipv4:127.0.0.1:1,10.0.0.1:1",
    ],
)
def test_a_token_never_leaves_the_machine_in_plain_text(target: str) -> None:
    with pytest.raises(ValueError, match="in plain text; give tls"):
        Client(target, token="shelfsense_x")
    assert channel_credentials(target, PLAIN, None, "shelfsense_x") is PLAIN
    assert channel_credentials(target, None, None, None) is None


@pytest.mark.parametrize(
    "target",
    [
        "localhost",
        "localhost:1",
        "127.0.0.1:1",
        "[::1]:1",
        "dns:///localhost:1",
        "unix:/run/x.sock",
        "ipv4:127.0.0.1:1",
    ],
)
def test_a_token_may_go_to_this_machine(target: str) -> None:
    assert channel_credentials(target, None, None, "shelfsense_x") is None


def test_a_token_is_the_metadata_of_every_call() -> None:
    assert call_metadata("shelfsense_x") == (("authorization", "Bearer shelfsense_x"),)
    assert call_metadata(None) == ()


@pytest.mark.parametrize("token", ["", "x\n", "x y", "é"])
def test_what_no_header_may_hold_is_refused_and_not_quoted(token: str) -> None:
    with pytest.raises(ValueError, match="the token is empty, or holds"):
        call_metadata(token)


def test_half_of_a_client_certificate_is_refused() -> None:
    with pytest.raises(ValueError, match="give both, or none"):
        Tls(certificate="client.pem").credentials()


def test_two_ways_to_say_one_thing_are_refused() -> None:
    with pytest.raises(ValueError, match="give one of them"):
        Client("localhost:1", tls=Tls(), credentials=PLAIN)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"roots\.pem"):
        Client("localhost:1", tls=Tls(root_certificates=tmp_path / "roots.pem"))
