"""TLS, tokens and the transport's limits at a real port: who gets through with the shipped client, and who does not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from certificates import Authority, Issued
from shelfsense.serving.limits import server_options
from shelfsense.serving.service import SERVICE
from shelfsense.serving.settings import Settings
from shelfsense.serving.tls import admin_credentials, public_credentials
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense_client import AsyncClient, Client, Tls, Unavailable

TIMEOUT_S = 5.0
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)  # else channels to one target share one


@contextlib.asynccontextmanager
async def listening(settings: Settings, *, admin: bool = False) -> AsyncIterator[str]:
    """Answer DescribeModel at a port that is secured and bounded as the settings say; yield its ``host:port``."""

    async def describe(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        return pb.DescribeModelResponse(bundle_version="secured", label_space=context.peer()).SerializeToString()

    server = grpc.aio.server(options=server_options(settings))
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(describe)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"DescribeModel": handler}),))
    credentials = admin_credentials(settings) if admin else public_credentials(settings)
    address = "127.0.0.1:0"
    port = server.add_insecure_port(address) if credentials is None else server.add_secure_port(address, credentials)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def answered(target: str, tls: Tls | None, **client: Any) -> bool:
    """Return whether a client of its own connection gets an answer."""
    async with AsyncClient(target, tls=tls, channel_options=OWN_CONNECTION, **client) as asking:
        try:
            return (await asking.describe_model(timeout=TIMEOUT_S)).bundle_version == "secured"
        except Unavailable:
            return False


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    folder = tmp_path / "stranger"
    folder.mkdir()
    return Authority(folder, "stranger")


@pytest.fixture
def server(authority: Authority) -> Issued:
    return authority.issue("server")


def secured(server: Issued, **more: Any) -> Settings:
    return Settings(tls_certificate=server.certificate, tls_key=server.key, **more)


async def test_over_tls_only_who_trusts_the_certificate_is_answered(
    authority: Authority, stranger: Authority, server: Issued
) -> None:
    async with listening(secured(server)) as target:
        assert await answered(target, Tls(authority.root))
        assert not await answered(target, Tls(stranger.root))
        assert not await answered(target, Tls())
        assert not await answered(target, None)


async def test_mutual_tls_refuses_who_has_no_certificate_of_the_authority(
    authority: Authority, stranger: Authority, server: Issued
) -> None:
    ours, theirs = authority.issue("search"), stranger.issue("search")
    async with listening(secured(server, tls_client_authority=authority.root)) as target:
        assert await answered(target, Tls(authority.root, ours.certificate, ours.key))
        assert not await answered(target, Tls(authority.root))
        assert not await answered(target, Tls(authority.root, theirs.certificate, theirs.key))


async def test_the_admin_port_may_have_an_authority_of_its_own(
    authority: Authority, stranger: Authority, server: Issued
) -> None:
    caller, operator = authority.issue("search"), stranger.issue("operator")
    settings = secured(server, tls_client_authority=authority.root, admin_client_authority=stranger.root)
    async with listening(settings, admin=True) as target:
        assert await answered(target, Tls(authority.root, operator.certificate, operator.key))
        assert not await answered(target, Tls(authority.root, caller.certificate, caller.key))


async def test_the_client_for_threads_speaks_tls_too(authority: Authority, server: Issued) -> None:
    async with listening(secured(server)) as target:

        def ask() -> str:
            with Client(target, tls=Tls(authority.root), token="shelfsense_x") as client:
                return client.describe_model(timeout=TIMEOUT_S).bundle_version

        assert await asyncio.to_thread(ask) == "secured"


async def test_a_renewed_certificate_counts_for_the_next_connection_without_a_restart(
    authority: Authority, stranger: Authority, server: Issued
) -> None:
    async with listening(secured(server)) as target:
        assert await answered(target, Tls(authority.root))
        server.replace(stranger.issue("renewed"))
        assert await answered(target, Tls(stranger.root))
        assert not await answered(target, Tls(authority.root))


async def test_a_renewal_that_is_half_done_or_broken_changes_nothing(
    authority: Authority, stranger: Authority, server: Issued, caplog: pytest.LogCaptureFixture
) -> None:
    renewed = stranger.issue("renewed")
    async with listening(secured(server)) as target:
        server.certificate.write_bytes(renewed.certificate.read_bytes())  # its key is not there yet
        assert await answered(target, Tls(authority.root))
        assert await answered(target, Tls(authority.root))
        (said,) = [each.message for each in caplog.records if "stays as it was" in each.message]
        assert f"{server.key}: is not the key of {server.certificate}; name the key" in said
        server.key.unlink()
        assert await answered(target, Tls(authority.root))
        server.key.write_bytes(renewed.key.read_bytes())
        assert await answered(target, Tls(stranger.root))


async def test_connections_past_the_limit_are_closed_and_those_before_it_live_on() -> None:
    async with (
        listening(Settings(max_connections=2)) as target,
        AsyncClient(target, channel_options=OWN_CONNECTION) as first,
        AsyncClient(target, channel_options=OWN_CONNECTION) as second,
    ):
        await first.describe_model()
        await second.describe_model()
        assert not await answered(target, None)
        await first.describe_model()
        await second.describe_model()
        await second.close()
        while not await answered(target, None):  # its place is free once the server has seen it go
            await asyncio.sleep(0.05)


async def test_a_request_past_the_largest_is_refused_and_the_connection_lives_on() -> None:
    async with (
        listening(Settings(max_message_bytes=1 << 16)) as target,
        grpc.aio.insecure_channel(target) as channel,
    ):
        method: Any = channel.unary_unary(f"/{SERVICE}/DescribeModel")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await method(bytes((1 << 16) + 1), timeout=5)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await method(bytes(1 << 16), timeout=5)


async def test_metadata_past_the_largest_is_refused_and_the_connection_lives_on() -> None:
    async with listening(Settings()) as target, grpc.aio.insecure_channel(target) as channel:
        method: Any = channel.unary_unary(f"/{SERVICE}/DescribeModel")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await method(b"", timeout=5, metadata=(("authorization", "Bearer " + "x" * 20_000),))
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await method(b"", timeout=5, metadata=(("authorization", "Bearer " + "x" * 7_000),))


async def test_a_connection_past_its_age_is_replaced_without_a_failed_call() -> None:
    connections: set[str] = set()
    async with listening(Settings(connection_age_s=0.1)) as target, AsyncClient(target) as client:
        while len(connections) < 4:
            connections.add((await client.describe_model(timeout=TIMEOUT_S)).label_space)
