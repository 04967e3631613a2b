"""The options of commands that ask a service: what they refuse before anything is sent, and how they say so."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from shelfsense.cli.app import app

_ADMIN = ("admin", "show", "--target")
_ASK = ("understand", "shoes", "--target")


def run(*arguments: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(each) for each in arguments])


@pytest.mark.parametrize("command", [_ADMIN, _ASK])
def test_a_token_is_not_sent_over_the_network_in_plain_text(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELFSENSE_TOKEN", "shelfsense_x")
    result = run(*command, "shelfsense.example:50052")
    assert result.exit_code == 2
    assert "--tls-root" in result.stderr
    assert "in plain text" in result.stderr
    assert "shelfsense_x" not in result.output


@pytest.mark.parametrize("held", [b"", b"\n", b"hidden hidden\n", b"\xff"])
def test_a_file_that_holds_no_token_is_bad_input_and_not_quoted(held: bytes, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(held)
    result = run(*_ADMIN, "localhost:1", "--token-file", tmp_path / "token")
    assert result.exit_code == 3
    assert "token: is empty, or holds more than one token" in result.stderr
    assert "hidden" not in result.output


def test_a_variable_that_holds_no_token_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFSENSE_TOKEN", " ")
    result = run(*_ADMIN, "localhost:1")
    assert result.exit_code == 3
    assert "SHELFSENSE_TOKEN: is empty" in result.stderr


@pytest.mark.parametrize("option", ["--token-file", "--tls-root"])
def test_what_only_a_service_needs_is_not_passed_over_without_one(option: str) -> None:
    result = run("understand", "shoes", option, "file")
    assert result.exit_code == 2
    assert "--target" in result.stderr


@pytest.mark.parametrize("option", ["--tls-certificate", "--tls-key"])
def test_half_of_a_certificate_is_a_usage_error(option: str) -> None:
    result = run(*_ADMIN, "localhost:1", option, "file")
    assert result.exit_code == 2
    assert "give both, or none" in result.stderr


@pytest.mark.parametrize(
    "command", [("admin", "load", "x"), ("admin", "promote"), ("admin", "drop"), ("admin", "show")]
)
def test_an_operator_says_which_server(command: tuple[str, ...]) -> None:
    result = run(*command)
    assert result.exit_code == 2
    assert "--target" in result.stderr
