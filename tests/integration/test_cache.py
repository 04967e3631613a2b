"""Answers given again: as the first time but for how they came about, and the engine is asked once."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from shelfsense.v1 import query_understanding_pb2 as pb

from .conftest import Client, Gate, Serving


def without_info(answer: pb.UnderstandResponse) -> pb.UnderstandResponse:
    copy = pb.UnderstandResponse.FromString(answer.SerializeToString())
    copy.ClearField("info")
    return copy


async def test_the_second_answer_is_the_first_from_the_cache(client: Client, gate: Gate) -> None:
    first, second = await client.understand("Red  SHOES"), await client.understand("red shoes")
    assert (first.info.cache_hit, second.info.cache_hit) == (False, True)
    assert without_info(first) == without_info(second)
    assert second.info.locale_used == "en"
    assert second.info.queue_us == second.info.inference_us == 0
    assert gate.texts.count("Red  SHOES") == 1
    assert "red shoes" not in gate.texts


async def test_other_options_locales_and_questions_have_answers_of_their_own(client: Client) -> None:
    query = pb.Query(text="red shoes", locale="en")
    await client("Understand", pb.UnderstandRequest(query=query))
    others = (
        ("Understand", pb.UnderstandRequest(query=query, options=pb.Options(top_k=1))),
        ("Understand", pb.UnderstandRequest(query=pb.Query(text="red shoes", locale="de"))),
        ("Classify", pb.ClassifyRequest(query=query)),
        ("Embed", pb.EmbedRequest(query=query)),
    )
    for rpc, request in others:
        assert not (await client(rpc, request)).info.cache_hit
        assert (await client(rpc, request)).info.cache_hit


async def test_a_cut_text_is_no_answer_to_one_that_may_not_be_cut(client: Client) -> None:
    long = "running shoes " * 40
    cut = await client("Understand", pb.UnderstandRequest(query=pb.Query(text=long, locale="en", truncate=True)))
    assert cut.info.truncated
    failure = await client.failure("Understand", pb.UnderstandRequest(query=pb.Query(text=long, locale="en")))
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_equal_queries_at_a_time_ask_the_engine_once(client: Client, gate: Gate) -> None:
    gate.open.clear()
    calls = [asyncio.create_task(client.understand("red shoes")) for _ in range(10)]
    while "red shoes" not in gate.texts:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.1)
    gate.open.set()
    answers = await asyncio.gather(*calls)
    assert gate.texts.count("red shoes") == 1
    assert sorted(answer.info.cache_hit for answer in answers) == [False] + [True] * 9
    assert all(without_info(answer) == without_info(answers[0]) for answer in answers)


async def test_one_who_leaves_does_not_take_the_others_answer_along(client: Client, gate: Gate) -> None:
    gate.open.clear()
    leader = asyncio.create_task(client.understand("red shoes"))
    while "red shoes" not in gate.texts:
        await asyncio.sleep(0.005)
    follower = asyncio.create_task(client.understand("red shoes"))
    await asyncio.sleep(0.1)
    leader.cancel()
    await asyncio.sleep(0.1)
    gate.open.set()
    assert (await follower).product_types


async def test_a_batch_asks_for_equal_queries_once_and_keeps_its_order(client: Client, gate: Gate) -> None:
    texts = ["shoes a", "coffee", "shoes a", "", "coffee"]
    request = pb.BatchUnderstandRequest(queries=[pb.Query(text=text, locale="en") for text in texts])
    items = (await client("BatchUnderstand", request)).items
    assert [item.WhichOneof("result") for item in items] == ["answer", "answer", "answer", "error", "answer"]
    assert gate.texts.count("shoes a") == gate.texts.count("coffee") == 1
    assert without_info(items[0].answer) == without_info(items[2].answer)
    alone = await client.understand("coffee")
    assert alone.info.cache_hit
    assert without_info(alone) == without_info(items[1].answer)


async def test_without_a_cache_every_answer_is_made(serving: Serving) -> None:
    async with serving(cache_mb=0) as (_, client):
        for _ in range(2):
            assert not (await client.understand("red shoes")).info.cache_hit


@pytest.mark.parametrize("broken_first", [True, False])
async def test_an_error_is_not_kept(client: Client, gate: Gate, broken_first: bool) -> None:  # noqa: FBT001
    gate.broken = broken_first
    if broken_first:
        assert (
            await client.failure("Understand", pb.UnderstandRequest(query=pb.Query(text="red shoes", locale="en")))
        ).code is grpc.StatusCode.UNAVAILABLE
        gate.broken = False
        while await client.health() != "SERVING":
            await asyncio.sleep(0.02)
    assert not (await client.understand("red shoes")).info.cache_hit
