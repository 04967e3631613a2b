"""Bundles change under load: no call fails, none is answered by what has left, and a bad bundle changes nothing."""

from __future__ import annotations

import asyncio
import gc
import shutil
import weakref
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from shelfsense.bundle import Bundle
from shelfsense.serving import admin
from shelfsense.serving.server import Server
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense_training.bundle_building import rewrite_bundle

from .conftest import Client, Failure, Gate, Serving, failure_of

_METHODS = pb.DESCRIPTOR.services_by_name["Admin"].methods_by_name


class Operator:
    """Calls the admin port."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    async def __call__(self, rpc: str, request: Message) -> Any:
        method: Any = self._channel.unary_unary(f"/{admin.SERVICE}/{rpc}")
        return GetMessageClass(_METHODS[rpc].output_type).FromString(
            await method(request.SerializeToString(), timeout=20)
        )

    async def load(self, path: Path, **how: Any) -> pb.LoadBundleResponse:
        answer: pb.LoadBundleResponse = await self("LoadBundle", pb.LoadBundleRequest(path=str(path), **how))
        return answer

    async def refusal(self, rpc: str, request: Message) -> Failure:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await self(rpc, request)
        return failure_of(raised.value)

    async def loaded(self) -> list[pb.LoadedBundle]:
        return list((await self("DescribeBundles", pb.DescribeBundlesRequest())).bundles)


@pytest.fixture
async def served(serving: Serving, tiny_bundle: Path) -> AsyncIterator[tuple[Server, Client, Operator]]:
    async with (
        serving(admin_port=0, bundle=tiny_bundle) as (server, client),
        grpc.aio.insecure_channel(f"127.0.0.1:{server.admin_port}") as channel,
    ):
        yield server, client, Operator(channel)


@pytest.fixture(scope="module")
def second(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("second") / "bundle"
    rewrite_bundle(Bundle.open(tiny_bundle), out, files={}, facts={"bundle_version": "second"})
    return out


async def settled(operator: Operator, compared: int) -> pb.LoadedBundle:
    while (trial := (await operator.loaded())[1]).compared < compared:
        await asyncio.sleep(0.01)
    return trial


async def test_a_bundle_takes_the_place_of_another_and_of_its_kept_answers(
    served: tuple[Server, Client, Operator], second: Path
) -> None:
    _, client, operator = served
    first = await client.understand("red shoes")
    swapped = await operator.load(second)
    assert swapped.bundle_version == "second"
    assert swapped.previous_bundle_version == first.info.bundle_version
    answer = await client.understand("red shoes")
    assert (answer.info.bundle_version, answer.info.cache_hit) == ("second", False)
    assert answer.product_types == first.product_types
    assert [each.bundle_version for each in await operator.loaded()] == ["second"]


async def test_no_call_fails_while_bundles_change(served: tuple[Server, Client, Operator], second: Path) -> None:
    server, client, operator = served
    versions: set[str] = set()
    done = asyncio.Event()

    async def ask(n: int) -> None:
        i = 0
        while not done.is_set():
            answer = await client.understand(f"shoes {n} {i % 50}")
            versions.add(answer.info.bundle_version)
            i += 1

    asking = [asyncio.create_task(ask(n)) for n in range(8)]
    started_with = server.settings.bundle
    for folder in (second, started_with, second):
        await operator.load(folder)
    done.set()
    await asyncio.gather(*asking)
    assert len(versions) == 2
    assert server.bundles.swaps == 3


async def test_a_call_ends_on_the_bundle_it_began_on(
    served: tuple[Server, Client, Operator], gate: Gate, second: Path
) -> None:
    server, client, operator = served
    before = server.bundle_version
    gate.open.clear()
    call = asyncio.create_task(client.understand("red shoes"))
    while "red shoes" not in gate.texts:
        await asyncio.sleep(0.005)
    await operator.load(second)
    assert (await client.understand("red shoes")).info.bundle_version == "second"
    gate.open.set()
    assert (await call).info.bundle_version == before


async def test_a_bundle_that_left_is_gone(served: tuple[Server, Client, Operator], second: Path) -> None:
    server, client, operator = served
    await operator.load(second)
    left = weakref.ref(server.bundles.serving)
    await client.understand("red shoes")
    await operator.load(server.settings.bundle)
    for _ in range(200):
        if left() is None:
            break
        await asyncio.sleep(0.01)
        gc.collect()
    assert left() is None


async def test_a_refused_bundle_changes_nothing(
    served: tuple[Server, Client, Operator], second: Path, tmp_path: Path
) -> None:
    server, client, operator = served
    before = server.bundle_version
    broken = tmp_path / "broken"
    shutil.copytree(second, broken)
    (broken / "thresholds.json").write_bytes(b"{}")
    failure = await operator.refusal("LoadBundle", pb.LoadBundleRequest(path=str(broken)))
    assert failure.code is grpc.StatusCode.FAILED_PRECONDITION
    assert "thresholds.json" in failure.message
    assert (await client.understand("red shoes")).info.bundle_version == before
    assert await client.health() == "SERVING"


async def test_a_canary_answers_its_share_and_may_be_promoted(
    served: tuple[Server, Client, Operator], second: Path
) -> None:
    server, client, operator = served
    before = server.bundle_version
    await operator.load(second, role=pb.BUNDLE_ROLE_CANARY, share=0.5)
    texts = [f"shoes {i}" for i in range(60)]
    versions = [(await client.understand(text)).info.bundle_version for text in texts]
    assert 15 < versions.count("second") < 45
    again = [(await client.understand(text)).info.bundle_version for text in texts]
    assert again == versions, "a query meets the same bundle each time"
    assert (await settled(operator, 1)).other_first_type == 0, "both have the same weights"
    answer = await operator("EndTrial", pb.EndTrialRequest(promote=True))
    assert answer.bundle_version == "second" != before
    assert {(await client.understand(text)).info.bundle_version for text in texts} == {"second"}


async def test_a_canary_may_be_dropped(served: tuple[Server, Client, Operator], second: Path) -> None:
    server, client, operator = served
    before = server.bundle_version
    await operator.load(second, role=pb.BUNDLE_ROLE_CANARY, share=1.0)
    assert (await client.understand("red shoes")).info.bundle_version == "second"
    assert (await operator("EndTrial", pb.EndTrialRequest())).bundle_version == before
    assert (await client.understand("red shoes")).info.bundle_version == before
    assert (await operator.refusal("EndTrial", pb.EndTrialRequest())).code is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_shadow_reads_what_is_asked_and_never_answers(
    served: tuple[Server, Client, Operator], second: Path
) -> None:
    server, client, operator = served
    await operator.load(second, role=pb.BUNDLE_ROLE_SHADOW, share=1.0)
    assert (await client.understand("red shoes")).info.bundle_version == server.bundle_version != "second"
    shadow = await settled(operator, 1)
    assert (shadow.role, shadow.queries, shadow.share) == (pb.BUNDLE_ROLE_SHADOW, 1, 1.0)
    assert (shadow.other_first_type, shadow.other_accepted_types, shadow.other_reformulation) == (0, 0, 0)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.LoadBundleRequest(share=0.5), "share"),
        (pb.LoadBundleRequest(role=pb.BUNDLE_ROLE_CANARY, share=0.0), "share"),
        (pb.LoadBundleRequest(role=pb.BUNDLE_ROLE_CANARY, share=float("nan")), "share"),
        (pb.LoadBundleRequest(role=99), "role"),  # type: ignore[arg-type]  # what a newer client may send
    ],
)
async def test_bad_requests_name_the_field(
    served: tuple[Server, Client, Operator], request_: pb.LoadBundleRequest, field: str
) -> None:
    _, _, operator = served
    failure = await operator.refusal("LoadBundle", request_)
    assert (failure.code, failure.field) == (grpc.StatusCode.INVALID_ARGUMENT, field)


async def test_the_public_port_changes_nothing(served: tuple[Server, Client, Operator], second: Path) -> None:
    _, client, _ = served
    failure = await Operator(client.channel).refusal("LoadBundle", pb.LoadBundleRequest(path=str(second)))
    assert failure.code is grpc.StatusCode.UNIMPLEMENTED
