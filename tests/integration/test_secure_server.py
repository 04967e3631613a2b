"""A server with TLS, tokens and required signatures, as its settings say."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from certificates import Authority
from shelfsense.bundle_signature import SIGNATURE
from shelfsense.bundle_signing import sign_bundle
from shelfsense.errors import BundleRefused, CredentialsRefused
from shelfsense.serving.errors import AdminExposed
from shelfsense.serving.server import Server
from shelfsense.serving.settings import Settings
from shelfsense.serving.token_file import TokenEntry, append_token, digest_of, new_token
from shelfsense.signing_keys import SigningKey
from shelfsense_client import AsyncClient, Overloaded, RetryPolicy, Tls, Unauthenticated, Unavailable

from .conftest import Serving

ONCE = RetryPolicy(attempts=1)


@pytest.fixture
def token(tmp_path: Path) -> str:
    token = new_token()
    append_token(tmp_path / "tokens", TokenEntry("page", digest_of(token), rate=1, burst=20))
    return token


@pytest.fixture
async def target(serving: Serving, tmp_path: Path, token: str) -> AsyncIterator[str]:
    async with serving(tokens=tmp_path / "tokens") as (server, _):
        yield f"127.0.0.1:{server.port}"


async def test_every_call_needs_a_token_and_health_none(target: str, token: str) -> None:
    async with AsyncClient(target) as nobody, AsyncClient(target, token=token) as page:
        assert await nobody.healthy()
        for call in (nobody.understand("red shoes"), nobody.describe_model(), nobody.batch_understand(["red shoes"])):
            with pytest.raises(Unauthenticated, match="authorization: Bearer TOKEN"):
                await call
        assert (await page.understand("red shoes")).product_types
        assert (await page.describe_model()).bundle_version


async def test_past_its_rate_a_caller_is_told_when_to_come_back(target: str, token: str) -> None:
    async with AsyncClient(target, token=token, retry_policy=ONCE) as page:
        assert len(await page.batch_understand(["red shoes"] * 18)) == 18
        with pytest.raises(Overloaded, match="'page' allows 1 queries per second") as refused:
            await page.batch_understand(["red shoes"] * 10)
        assert refused.value.retry_after is not None
        assert 6 < refused.value.retry_after <= 8
        assert (await page.understand("red shoes")).product_types


async def test_an_undecodable_request_without_a_token_is_refused_as_unknown_first(target: str) -> None:
    async with grpc.aio.insecure_channel(target) as channel:
        method = channel.unary_unary("/shelfsense.v1.QueryUnderstanding/Understand")  # type: ignore[var-annotated]
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await method(b"\xff\xff\xff", timeout=5)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_the_server_speaks_mutual_tls(serving: Serving, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files, caller = authority.issue("server"), authority.issue("caller")
    settings = {"tls_certificate": files.certificate, "tls_key": files.key, "tls_client_authority": authority.root}
    async with serving(**settings) as (server, _):
        target = f"127.0.0.1:{server.port}"
        async with AsyncClient(target, tls=Tls(authority.root, caller.certificate, caller.key), timeout=5) as known:
            assert (await known.understand("red shoes")).product_types
        async with AsyncClient(target, tls=Tls(authority.root), timeout=5) as unknown:
            with pytest.raises(Unavailable):
                await unknown.understand("red shoes")


async def test_what_cannot_be_served_is_refused_before_a_port_opens(serving: Serving, tmp_path: Path) -> None:
    with pytest.raises(CredentialsRefused, match=r"nothing\.pem: is missing"):
        async with serving(tls_certificate=tmp_path / "nothing.pem", tls_key=tmp_path / "nothing.pem"):
            pass
    with pytest.raises(CredentialsRefused, match="shelfsense tokens new"):
        async with serving(tokens=tmp_path / "nothing"):
            pass


def test_an_admin_port_open_to_all_is_refused_before_a_bundle_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(AdminExposed):
        Server.load(Settings(bundle=tmp_path, admin_port=0, admin_host="0.0.0.0"))


def test_a_server_that_requires_a_signature_refuses_bundles_without(tiny_bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "bundle")
    key = SigningKey.generate()
    key.write(tmp_path / "key")
    settings = Settings(bundle=tmp_path / "bundle", require_signature=tmp_path / "key.pub")
    with pytest.raises(BundleRefused, match="is missing, and a signature is required"):
        Server.load(settings)
    sign_bundle(tmp_path / "bundle", key)
    assert Server.load(settings).bundle_version == "tiny-1"
    data = bytearray((tmp_path / "bundle" / SIGNATURE).read_bytes())
    data[50] ^= 4
    (tmp_path / "bundle" / SIGNATURE).write_bytes(bytes(data))
    with pytest.raises(BundleRefused, match="is damaged"):
        Server.load(settings)
