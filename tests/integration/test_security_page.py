"""The commands of docs/security.md, run one after the other as a reader would."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import readme_blocks
from shelfsense.bundle import Bundle
from shelfsense.bundle_signature import TrustedKeys
from shelfsense.serving.tls import TlsFiles
from shelfsense.serving.tokens import Tokens
from shelfsense_client import Tls

PAGE = readme_blocks.ROOT / "docs" / "security.md"


@pytest.fixture(scope="module")
def folder(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every command of the page was run."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("reader")
    (folder / "bundles").mkdir()
    (folder / "bundles" / "starter").symlink_to(tiny_bundle, target_is_directory=True)
    for block in readme_blocks.blocks(PAGE.read_text()):
        for line in block.body.splitlines() if block.language == "console" else ():
            done = subprocess.run(
                ["sh", "-c", line.removeprefix("$ ")],
                cwd=folder,
                env=readme_blocks.environment(tiny_bundle),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{line}\n{done.stderr}"
    return folder


def test_the_certificates_of_the_page_are_what_server_and_client_take(folder: Path) -> None:
    assert TlsFiles(folder / "server.pem", folder / "server.key", folder / "authority.pem").read()
    assert Tls(folder / "authority.pem", folder / "caller.pem", folder / "caller.key").credentials()


def test_the_tokens_of_the_page_let_their_holders_in(folder: Path) -> None:
    tokens = Tokens.load(folder / "tokens")
    for file, name in (("search-page.token", "search-page"), ("nightly.token", "nightly-annotation")):
        sent = f"Bearer {(folder / file).read_text().strip()}"
        assert tokens.authorise([("authorization", sent)]) == name


def test_the_signed_bundle_of_the_page_opens_where_its_key_is_required(folder: Path) -> None:
    assert Bundle.open(folder / "bundles" / "signed", trusted=TrustedKeys.load(folder / "signing.pem.pub")).signed_by
