"""The commands that make tokens, keys and signatures: what they print, write and exit with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from shelfsense.cli.app import app
from shelfsense.serving.tokens import Tokens


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_a_new_token_is_printed_once_and_lets_its_holder_in(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    made = run("tokens", "new", "search-page", "--rate", "100", "--expires", "2999-01-01", "--file", file)
    assert made.exit_code == 0, made.output
    token = made.stdout.removesuffix("\n")
    assert Tokens.load(file).authorise([("authorization", f"Bearer {token}")]) == "search-page"
    assert token not in file.read_text()
    shown = run("tokens", "show", "--file", file)
    assert shown.exit_code == 0
    for fact in ("search-page", "100", "2999-01-01 00:00 UTC"):
        assert fact in shown.stdout
    assert token not in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "fact"),
    [
        (("new", "a b"), 3, "the name is not of letters"),
        (("new", "taken"), 3, "has a token taken; choose another name"),
        (("new", "a", "--rate", "0"), 3, "rate is no number from 0.001"),
        (("new", "a", "--burst", "5"), 2, "needs --rate"),
        (("new", "a", "--expires", "soon"), 2, "is no date or time"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused_and_the_file_stays(
    tmp_path: Path, arguments: tuple[str, ...], code: int, fact: str
) -> None:
    file = tmp_path / "tokens"
    run("tokens", "new", "taken", "--file", file)
    before = file.read_bytes()
    result = run("tokens", *arguments, "--file", file)
    assert result.exit_code == code
    assert fact in result.stderr
    assert result.stdout == ""
    assert file.read_bytes() == before


def test_a_wrong_line_is_named_and_exits_with_bad_input(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("search-page sha256=short\n")
    result = run("tokens", "show", "--file", file)
    assert result.exit_code == 3
    assert "line 1: sha256 is not 64 hexadecimal digits" in result.stderr


def test_a_bundle_is_signed_and_verified_by_the_public_key(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, bundle)
    key, public = tmp_path / "signing.pem", tmp_path / "signing.pem.pub"
    made = run("bundle", "keygen", key)
    assert made.exit_code == 0, made.output
    fingerprint = made.stdout.split("fingerprint=")[1].strip()

    unsigned = run("bundle", "verify", bundle, "--public-key", public)
    assert unsigned.exit_code == 4
    assert "manifest.sig: is missing, and a signature is required" in unsigned.stderr

    signed = run("bundle", "sign", bundle, "--key", key)
    assert signed.stdout == f"ok bundle=tiny-1 signed_by={fingerprint}\n"
    for demanded in ((), ("--public-key", public)):
        verified = run("bundle", "verify", bundle, *demanded)
        assert verified.exit_code == 0, verified.output
        assert verified.stdout.endswith(f" signed_by={fingerprint}\n")

    run("bundle", "keygen", tmp_path / "other.pem")
    stranger = run("bundle", "verify", bundle, "--public-key", tmp_path / "other.pem.pub")
    assert stranger.exit_code == 4
    assert f"is by the key {fingerprint}, which is not among those required" in stranger.stderr


def test_a_key_that_cannot_be_read_exits_with_bad_input(tiny_bundle: Path, tmp_path: Path) -> None:
    result = run("bundle", "verify", tiny_bundle, "--public-key", tmp_path / "nothing.pub")
    assert result.exit_code == 3
    assert "nothing.pub: is missing; name a key in PEM" in result.stderr
