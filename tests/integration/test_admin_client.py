"""An operator changes what a real server serves, from Python and from the command line."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from typer.testing import CliRunner, Result

from certificates import Authority
from shelfsense.bundle import Bundle
from shelfsense.cli.app import app
from shelfsense.serving.admin import SERVICE
from shelfsense.serving.server import Server
from shelfsense.serving.token_file import TokenEntry, append_token, digest_of, new_token
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense_client import (
    AdminClient,
    DeadlineExceeded,
    InvalidArgument,
    Refused,
    Tls,
    Unauthenticated,
    Unavailable,
    Unimplemented,
)
from shelfsense_training.bundle_building import rewrite_bundle

from .conftest import Client, Serving

Command = Callable[..., Awaitable[Result]]


@pytest.fixture(scope="module")
def second(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("second") / "bundle"
    rewrite_bundle(Bundle.open(tiny_bundle), out, files={}, facts={"bundle_version": "second"})
    return out


@pytest.fixture
def broken(second: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "broken"
    shutil.copytree(second, folder)
    (folder / "thresholds.json").write_bytes(b"{}")
    return folder


@pytest.fixture
async def served(serving: Serving, tiny_bundle: Path) -> AsyncIterator[tuple[Server, Client]]:
    async with serving(admin_port=0, bundle=tiny_bundle) as (server, client):
        yield server, client


@pytest.fixture
def admin(served: tuple[Server, Client]) -> Iterator[AdminClient]:
    with AdminClient(f"127.0.0.1:{served[0].admin_port}", timeout=20) as admin:
        yield admin


@pytest.fixture
def command(served: tuple[Server, Client]) -> Command:
    target = f"127.0.0.1:{served[0].admin_port}"

    async def run(name: str, *arguments: str | Path) -> Result:
        return await invoked("admin", name, *arguments, "--target", target)

    return run


async def invoked(*arguments: str | Path) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, [str(each) for each in arguments])


def entry(file: Path, rate: float, burst: float) -> str:
    token = new_token()
    append_token(file, TokenEntry("operator", digest_of(token), rate, burst))
    return token


# From Python


async def test_a_bundle_takes_the_place_of_another(
    served: tuple[Server, Client], admin: AdminClient, second: Path
) -> None:
    loaded = await asyncio.to_thread(admin.load_bundle, second)
    assert (loaded.bundle_version, loaded.previous_bundle_version) == ("second", "tiny-1")
    assert loaded.load_us > 0
    assert (await served[1].understand("red shoes")).info.bundle_version == "second"
    again = await asyncio.to_thread(admin.load_bundle)
    assert again.bundle_version == "tiny-1", "without a path, the folder the server was started with"


async def test_a_refused_bundle_is_named_and_what_serves_goes_on(
    served: tuple[Server, Client], admin: AdminClient, broken: Path
) -> None:
    with pytest.raises(Refused, match=r"bundle refused: thresholds\.json"):
        await asyncio.to_thread(admin.load_bundle, broken)
    assert (await served[1].understand("red shoes")).info.bundle_version == "tiny-1"


async def test_a_canary_is_described_and_promoted(
    served: tuple[Server, Client], admin: AdminClient, second: Path
) -> None:
    loaded = await asyncio.to_thread(admin.load_bundle, second, "canary", 1.0)
    assert loaded.previous_bundle_version == ""
    await served[1].understand("red shoes")
    serving, canary = await asyncio.to_thread(admin.describe_bundles)
    assert (serving.bundle_version, serving.role, serving.share) == ("tiny-1", "serving", 1.0)
    assert (canary.bundle_version, canary.role, canary.share, canary.queries) == ("second", "canary", 1.0, 1)
    assert await asyncio.to_thread(admin.end_trial, promote=True) == "second"
    assert [each.role for each in await asyncio.to_thread(admin.describe_bundles)] == ["serving"]


async def test_a_shadow_is_dropped_unless_it_is_promoted(admin: AdminClient, second: Path) -> None:
    await asyncio.to_thread(admin.load_bundle, second, "shadow")
    _, shadow = await asyncio.to_thread(admin.describe_bundles)
    assert (shadow.role, shadow.share) == ("shadow", 0.01)
    assert await asyncio.to_thread(admin.end_trial) == "tiny-1"
    with pytest.raises(Refused, match="no second bundle is loaded"):
        await asyncio.to_thread(admin.end_trial)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [(("x", "king"), "role"), (("x", "canary", 0.0), "share"), (("x", "serving", 0.5), "share"), (("\udcff",), "path")],
)
async def test_what_makes_no_sense_is_named_by_its_field(
    admin: AdminClient, arguments: tuple[Any, ...], field: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await asyncio.to_thread(admin.load_bundle, *arguments)
    assert refused.value.field == field


async def test_the_public_port_takes_no_orders(served: tuple[Server, Client]) -> None:
    with AdminClient(f"127.0.0.1:{served[0].port}", timeout=20) as stranger, pytest.raises(Unimplemented):
        await asyncio.to_thread(stranger.end_trial)


async def test_a_change_waits_for_the_rate_of_its_token(serving: Serving, tiny_bundle: Path, tmp_path: Path) -> None:
    token = entry(tmp_path / "tokens", rate=20, burst=1)
    async with serving(admin_port=0, admin_tokens=tmp_path / "tokens", bundle=tiny_bundle) as (server, _):
        with AdminClient(f"127.0.0.1:{server.admin_port}", timeout=20, token=token) as admin:
            assert (await asyncio.to_thread(admin.load_bundle)).bundle_version == "tiny-1"
        assert server.bundles.swaps == 1


# A script of failures, for what a real server does too seldom


class Script:
    """Answers DescribeBundles and LoadBundle with the next status of a list, the last one again and again."""

    def __init__(self, describing: list[grpc.StatusCode], loading: grpc.StatusCode) -> None:
        self.describing, self.loading = describing, loading
        self.asked: list[str] = []

    def describe(self, _: pb.DescribeBundlesRequest, context: grpc.ServicerContext) -> pb.DescribeBundlesResponse:
        self.asked.append("describe")
        code = self.describing.pop(0) if len(self.describing) > 1 else self.describing[0]
        if code is not grpc.StatusCode.OK:
            context.abort(code, "scripted")
        return pb.DescribeBundlesResponse(bundles=[pb.LoadedBundle(role=99)])  # type: ignore[arg-type]  # a newer server

    def load(self, _: pb.LoadBundleRequest, context: grpc.ServicerContext) -> pb.LoadBundleResponse:
        self.asked.append("load")
        if self.loading is LATE:
            left = threading.Event()
            context.add_callback(left.set)
            left.wait(20)
        if self.loading is not grpc.StatusCode.OK:
            context.abort(self.loading, "scripted")
        return pb.LoadBundleResponse(bundle_version="scripted")

    @contextmanager
    def served(self) -> Iterator[AdminClient]:
        handlers: dict[str, Any] = {
            name: grpc.unary_unary_rpc_method_handler(
                method,
                request_deserializer=request.FromString,
                response_serializer=lambda message: message.SerializeToString(),
            )
            for name, method, request in (
                ("DescribeBundles", self.describe, pb.DescribeBundlesRequest),
                ("LoadBundle", self.load, pb.LoadBundleRequest),
            )
        }
        with ThreadPoolExecutor(max_workers=2) as pool:
            server = grpc.server(pool)
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            try:
                with AdminClient(f"127.0.0.1:{port}", timeout=20) as admin:
                    yield admin
            finally:
                server.stop(grace=None).wait()


OK, AWAY, LATE = grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_server_that_is_not_there_yet_is_asked_again_before_a_change_is_sent() -> None:
    script = Script([AWAY, AWAY, OK], OK)
    with script.served() as admin:
        assert admin.load_bundle().bundle_version == "scripted"
    assert script.asked == ["describe", "describe", "describe", "load"]


def test_a_server_that_is_not_there_is_sent_no_change() -> None:
    script = Script([AWAY], OK)
    with script.served() as admin, pytest.raises(Unavailable):
        admin.load_bundle()
    assert script.asked == ["describe"] * 3


def test_a_change_that_may_have_begun_is_not_sent_again() -> None:
    script = Script([OK], AWAY)
    with script.served() as admin, pytest.raises(Unavailable):
        admin.load_bundle()
    assert script.asked == ["describe", "load"]


def test_who_stops_waiting_is_told_that_the_server_goes_on() -> None:
    script = Script([OK], LATE)
    with script.served() as admin, pytest.raises(DeadlineExceeded, match="the server goes on"):
        admin.load_bundle(timeout=0.5)
    assert script.asked == ["describe", "load"]


def test_a_role_of_a_newer_server_is_no_failure() -> None:
    with Script([OK], OK).served() as admin:
        assert [each.role for each in admin.describe_bundles()] == ["unspecified"]


# From the command line


async def test_the_command_loads_and_says_what_it_replaced(command: Command, second: Path) -> None:
    result = await command("load", second)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("ok bundle=second previous=tiny-1 seconds=")


async def test_the_command_exits_with_4_where_a_bundle_is_refused(command: Command, broken: Path) -> None:
    result = await command("load", broken)
    assert result.exit_code == 4, result.output
    assert result.stderr.startswith("shelfsense: bundle refused: thresholds.json: ")
    assert (await command("load", broken / "nothing", "--as", "shadow")).exit_code == 4


async def test_the_command_tries_shows_and_promotes_a_canary(
    served: tuple[Server, Client], command: Command, second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert (await command("load", second, "--as", "canary", "--share", "1")).exit_code == 0
    await served[1].understand("red shoes")
    bundles: list[dict[str, Any]] = []
    while not bundles or bundles[1]["compared"] == "0":
        bundles = json.loads((await command("show", "--json")).stdout)["bundles"]
    assert [each["role"] for each in bundles] == ["BUNDLE_ROLE_SERVING", "BUNDLE_ROLE_CANARY"]
    assert [each["bundle_version"] for each in bundles] == ["tiny-1", "second"]
    lines = (await command("show")).stdout.splitlines()
    canary = [cell.strip() for cell in next(line for line in lines if "canary" in line).strip("│").split("│")]
    assert canary == ["second", "canary", "1", "1", "1", "0.0%", "0.0%", "0.0%"], "both have the same weights"
    result = await command("promote")
    assert (result.exit_code, result.stdout) == (0, "ok bundle=second\n")


async def test_the_command_drops_a_trial_and_fails_where_there_is_none(command: Command, second: Path) -> None:
    await command("load", second, "--as", "shadow")
    result = await command("drop")
    assert (result.exit_code, result.stdout) == (0, "ok bundle=tiny-1\n")
    for name in ("drop", "promote"):
        result = await command(name)
        assert result.exit_code == 1
        assert "no second bundle is loaded" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "fact"),
    [
        (("load", "x", "--share", "0.5"), 2, "needs --as"),
        (("load", "x", "--as", "king"), 2, "--as"),
        (("load", "x", "--as", "canary", "--share", "7"), 2, "--share"),
        (("load", "x", "--as", "canary", "--share", "0"), 3, "share: is 0"),
        (("show", "--token-file", "no/such/file"), 3, "no/such/file: cannot be read"),
        (("show", "--tls-root", "no/such/file"), 3, "no/such/file: cannot be read"),
    ],
)
async def test_every_failure_of_the_command_has_its_exit_code(
    command: Command, arguments: tuple[str, ...], code: int, fact: str
) -> None:
    result = await command(*arguments)
    assert result.exit_code == code, result.output
    assert fact in result.stderr
    assert "Traceback" not in result.stderr


async def test_a_server_that_is_not_there_is_a_failure() -> None:
    result = await invoked("admin", "show", "--target", "127.0.0.1:1")
    assert result.exit_code == 1
    assert "UNAVAILABLE" in result.stderr


# Tokens and TLS


async def test_an_operator_needs_a_token_of_the_admin_port(
    serving: Serving, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text(entry(tmp_path / "admin-tokens", rate=1000, burst=1000) + "\n")
    wrong.write_text(entry(tmp_path / "tokens", rate=1000, burst=1000))
    tokens = {"admin_tokens": tmp_path / "admin-tokens", "tokens": tmp_path / "tokens"}
    async with serving(admin_port=0, bundle=tiny_bundle, **tokens) as (server, _):
        target = f"127.0.0.1:{server.admin_port}"
        with AdminClient(target, timeout=20, token=wrong.read_text()) as stranger, pytest.raises(Unauthenticated):
            await asyncio.to_thread(stranger.load_bundle)
        assert server.bundles.swaps == 0

        show = ("admin", "show", "--json", "--target", target)
        assert "tiny-1" in (await invoked(*show, "--token-file", right)).stdout
        for refused in (await invoked(*show), await invoked(*show, "--token-file", wrong)):
            assert refused.exit_code == 1
            assert "UNAUTHENTICATED" in refused.stderr
            assert wrong.read_text() not in refused.output
        monkeypatch.setenv("SHELFSENSE_TOKEN", right.read_text())
        assert (await invoked(*show)).exit_code == 0
        assert (await invoked(*show, "--token-file", wrong)).exit_code == 1, "what is named wins"

        ask = ("understand", "red shoes", "--json", "--target", f"127.0.0.1:{server.port}")
        assert (await invoked(*ask)).exit_code == 1
        assert "tiny-1" in (await invoked(*ask, "--token-file", wrong)).stdout


async def test_operator_and_caller_speak_mutual_tls(serving: Serving, tiny_bundle: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files, caller = authority.issue("server"), authority.issue("caller")
    settings = {"tls_certificate": files.certificate, "tls_key": files.key, "tls_client_authority": authority.root}
    options = ("--tls-root", authority.root, "--tls-certificate", caller.certificate, "--tls-key", caller.key)
    async with serving(admin_port=0, bundle=tiny_bundle, **settings) as (server, _):
        target = f"127.0.0.1:{server.admin_port}"
        with AdminClient(target, timeout=20, tls=Tls(authority.root, caller.certificate, caller.key)) as admin:
            assert (await asyncio.to_thread(admin.load_bundle)).bundle_version == "tiny-1"
        assert "tiny-1" in (await invoked("admin", "show", "--json", "--target", target, *options)).stdout
        nobody = await invoked("admin", "show", "--target", target, *options[:2])
        assert nobody.exit_code == 1
        asked = await invoked("understand", "shoes", "--json", "--target", f"127.0.0.1:{server.port}", *options)
        assert "tiny-1" in asked.stdout
