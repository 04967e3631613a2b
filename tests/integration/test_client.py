"""Both clients: over the wire against scripted failures, and against the real server."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from shelfsense.serving.server import Server
from shelfsense.serving.settings import Settings
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense_client import (
    AsyncClient,
    Client,
    DeadlineExceeded,
    InvalidArgument,
    ItemError,
    Overloaded,
    Query,
    RetryPolicy,
    Unavailable,
    UnderstandResponse,
    Unimplemented,
)

# A script of failures


def failure(code: grpc.StatusCode, *details: Message) -> Status:
    status = Status(code=code.value[0], message="scripted")
    for detail in details:
        status.details.add().Pack(detail)
    return status


def retry_after(seconds: float) -> RetryInfo:
    return RetryInfo(retry_delay=Duration(nanos=round(seconds * 1e9)))


UNAVAILABLE = failure(grpc.StatusCode.UNAVAILABLE)
OVERLOADED = failure(grpc.StatusCode.RESOURCE_EXHAUSTED, retry_after(0.1))
ANSWER = pb.UnderstandResponse(info=pb.AnswerInfo(bundle_version="scripted"))


class Script:
    """Answers Understand with the next outcome of a list, after some seconds; the last outcome stays."""

    def __init__(self, *outcomes: Status | pb.UnderstandResponse, takes_s: float = 0.0) -> None:
        self.outcomes = list(outcomes)
        self.takes_s = takes_s
        self.asked_at: list[float] = []
        self.deadlines: list[float] = []

    def understand(self, _request: pb.UnderstandRequest, context: grpc.ServicerContext) -> pb.UnderstandResponse:
        self.asked_at.append(time.monotonic())
        self.deadlines.append(context.time_remaining())
        time.sleep(self.takes_s)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Status):
            context.abort_with_status(rpc_status.to_status(outcome))
        assert isinstance(outcome, pb.UnderstandResponse)
        return outcome

    @contextmanager
    def served(self) -> Iterator[str]:
        handler: Any = grpc.unary_unary_rpc_method_handler(
            self.understand,
            request_deserializer=pb.UnderstandRequest.FromString,
            response_serializer=pb.UnderstandResponse.SerializeToString,
        )
        with ThreadPoolExecutor(max_workers=2) as pool:
            server = grpc.server(pool)
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler("shelfsense.v1.QueryUnderstanding", {"Understand": handler}),)
            )
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            try:
                yield f"127.0.0.1:{port}"
            finally:
                server.stop(grace=None).wait()


Ask = Callable[..., Awaitable[UnderstandResponse]]


async def ask_sync(target: str, *, calls: int = 1, **settings: Any) -> UnderstandResponse:
    def ask() -> UnderstandResponse:
        with Client(target, **settings) as client:
            for _ in range(calls - 1):
                client.understand("shoes")
            return client.understand("shoes")

    return await asyncio.to_thread(ask)


async def ask_async(target: str, *, calls: int = 1, **settings: Any) -> UnderstandResponse:
    async with AsyncClient(target, **settings) as client:
        for _ in range(calls - 1):
            await client.understand("shoes")
        return await client.understand("shoes")


both = pytest.mark.parametrize("ask", [ask_sync, ask_async])


@both
async def test_unavailable_is_tried_three_times(ask: Ask) -> None:
    script = Script(UNAVAILABLE, UNAVAILABLE, ANSWER)
    with script.served() as target:
        assert (await ask(target)).info.bundle_version == "scripted"
    assert len(script.asked_at) == 3


@both
async def test_the_third_unavailable_is_raised(ask: Ask) -> None:
    script = Script(UNAVAILABLE)
    with script.served() as target, pytest.raises(Unavailable, match="UNAVAILABLE: scripted"):
        await ask(target)
    assert len(script.asked_at) == 3


@both
async def test_overload_is_tried_once_more_after_the_delay_it_asks_for(ask: Ask) -> None:
    script = Script(OVERLOADED)
    with script.served() as target, pytest.raises(Overloaded) as refused:
        await ask(target)
    assert refused.value.retry_after == pytest.approx(0.1)
    first, second = script.asked_at
    assert second - first >= 0.1


@both
async def test_overload_that_asks_for_more_time_than_there_is_fails_at_once(ask: Ask) -> None:
    script = Script(failure(grpc.StatusCode.RESOURCE_EXHAUSTED, retry_after(0.9)))
    with script.served() as target, pytest.raises(Overloaded):
        await ask(target, timeout=0.5)
    assert len(script.asked_at) == 1


@both
async def test_bad_requests_name_their_field_and_are_never_retried(ask: Ask) -> None:
    violation = BadRequest.FieldViolation(field="query.text", description="is empty; send words")
    script = Script(failure(grpc.StatusCode.INVALID_ARGUMENT, BadRequest(field_violations=[violation])))
    with script.served() as target, pytest.raises(InvalidArgument) as refused:
        await ask(target)
    assert str(refused.value) == "INVALID_ARGUMENT: query.text: is empty; send words"
    assert (refused.value.field, refused.value.message) == ("query.text", "is empty; send words")
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert len(script.asked_at) == 1


@both
async def test_every_attempt_has_what_is_left_of_one_deadline(ask: Ask) -> None:
    script = Script(OVERLOADED, ANSWER)
    with script.served() as target:
        await ask(target, timeout=2.0)
    first, second = script.deadlines
    assert first <= 2.05  # gRPC rounds a timeout up on its way, here by up to some 10 ms
    assert second <= first - 0.05


@both
async def test_an_answer_that_comes_too_late_is_deadline_exceeded_and_not_retried(ask: Ask) -> None:
    script = Script(ANSWER, takes_s=0.5)
    with script.served() as target, pytest.raises(DeadlineExceeded):
        await ask(target, timeout=0.1)
    assert len(script.asked_at) == 1


@both
async def test_retries_stay_within_the_budget(ask: Ask) -> None:
    # Every call succeeds at its second attempt: three retries are in reserve, the fourth call has 0.4 tokens.
    script = Script(*[UNAVAILABLE, ANSWER] * 20)
    with script.served() as target, pytest.raises(Unavailable):
        await ask(target, calls=20, retry_policy=RetryPolicy(first_delay=0.001))
    assert len(script.asked_at) == 7


@both
async def test_no_server_is_unavailable(ask: Ask) -> None:
    with pytest.raises(Unavailable):
        await ask("127.0.0.1:1")


def test_a_call_that_the_server_does_not_know_is_unimplemented() -> None:
    with Script(ANSWER).served() as target, Client(target) as client:
        with pytest.raises(Unimplemented):
            client.describe_model()
        assert not client.healthy()


# The real server


@pytest.fixture
async def target(tiny_bundle: Path) -> AsyncIterator[str]:
    async with Server.load(Settings(bundle=tiny_bundle, port=0)) as server:
        yield f"127.0.0.1:{server.port}"


def ask_everything(target: str) -> dict[str, Any]:
    with Client(target, timeout=10.0) as client:
        return {
            "healthy": client.healthy(),
            "description": client.describe_model(),
            "understand": client.understand("zapatillas de correr mujer", locale="es-ES", top_k=2),
            "bytes": client.understand(b"zapatillas de correr mujer", locale="es-ES", top_k=2),
            "classify": client.classify("zapatillas de correr mujer", locale="es-ES", top_k=2),
            "reformulate": client.reformulate("zapatillas de correr mujer", locale="es-ES", include_refused=True),
            "embed": client.embed(["shoes", "boots", "shoes"], "en"),
            "batch": client.batch_understand(["shoes", "", Query(b"\xff"), Query("shoes", "de")], locale="en"),
        }


async def ask_everything_async(target: str) -> dict[str, Any]:
    async with AsyncClient(target, timeout=10.0) as client:
        return {
            "healthy": await client.healthy(),
            "description": await client.describe_model(),
            "understand": await client.understand("zapatillas de correr mujer", locale="es-ES", top_k=2),
            "bytes": await client.understand(b"zapatillas de correr mujer", locale="es-ES", top_k=2),
            "classify": await client.classify("zapatillas de correr mujer", locale="es-ES", top_k=2),
            "reformulate": await client.reformulate("zapatillas de correr mujer", locale="es-ES", include_refused=True),
            "embed": await client.embed(["shoes", "boots", "shoes"], "en"),
            "batch": await client.batch_understand(["shoes", "", Query(b"\xff"), Query("shoes", "de")], locale="en"),
        }


@pytest.mark.parametrize("in_threads", [True, False], ids=["sync", "async"])
async def test_every_method_answers(target: str, *, in_threads: bool) -> None:
    got = await (asyncio.to_thread(ask_everything, target) if in_threads else ask_everything_async(target))
    assert got["healthy"] is True
    description = got["description"]
    assert description.locales[-1].locale == "und"
    understood = got["understand"]
    assert understood.product_types == got["classify"].product_types == got["bytes"].product_types
    for level in range(1, 4):
        assert sum(each.level == level for each in understood.product_types) <= 2
    assert all(each.accepted for each in understood.accepted_product_types)
    assert understood.info.bundle_version == description.bundle_version
    assert all(reformulation.accepted for reformulation in got["reformulate"].accepted_reformulations)
    assert [len(vector) for vector in got["embed"]] == [description.embedding_width] * 3
    assert math.hypot(*got["embed"][0]) == pytest.approx(1.0, abs=1e-3)
    assert got["embed"][0] == pytest.approx(got["embed"][2], abs=1e-5)
    shoes, empty, broken, german = got["batch"]
    assert isinstance(shoes, UnderstandResponse)
    assert isinstance(german, UnderstandResponse)
    assert isinstance(empty, ItemError)
    assert isinstance(broken, ItemError)
    assert (empty.code, empty.field) == (3, "text")
    assert (broken.code, broken.field) == (3, "text_utf8")


async def test_a_batch_may_hold_any_number_of_queries(target: str) -> None:
    async with AsyncClient(target, timeout=30.0) as client:
        answers = await client.batch_understand(["" if i == 1030 else "shoes" for i in range(1100)], locale="en")
        assert await client.batch_understand([]) == []
    assert len(answers) == 1100
    assert [i for i, answer in enumerate(answers) if isinstance(answer, ItemError)] == [1030]


async def test_a_failed_embedding_is_raised_and_the_client_goes_on(target: str) -> None:
    async with AsyncClient(target, timeout=10.0) as client:
        with pytest.raises(InvalidArgument):
            await client.embed(["shoes", "", "boots"], "en")
        assert len(await client.embed(["shoes"], "en")) == 1
