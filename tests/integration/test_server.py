"""The rpcs of a real server: what they answer, and what they say to input that nobody should send."""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from shelfsense.query import Options, Query
from shelfsense.serving.service import SERVICE
from shelfsense.understander import Understander
from shelfsense.v1 import query_understanding_pb2 as pb

from .conftest import Client

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def asking(text: str, locale: str = "en", **options: Any) -> pb.UnderstandRequest:
    return pb.UnderstandRequest(query=pb.Query(text=text, locale=locale), options=pb.Options(**options))


async def still_serves(client: Client) -> None:
    assert (await client.understand("red shoes")).product_types
    assert await client.health() == "SERVING"
    assert await client.health(SERVICE) == "SERVING"


async def test_understand_answers_as_the_understander_does(client: Client, understander: Understander) -> None:
    (expected,) = understander.understand([Query("red shoes", "en")], Options())
    response = await client.understand("red shoes", "en")
    assert [each.id for each in response.product_types] == [each.id for each in expected.product_types]
    assert [each.query for each in response.reformulations] == [each.query for each in expected.reformulations]
    np.testing.assert_allclose(
        [each.probability for each in response.product_types],
        [each.probability for each in expected.product_types],
        rtol=1e-6,
    )
    assert response.info.bundle_version == understander.bundle.version
    assert response.info.locale_used == expected.locale_used
    assert response.info.inference_us > 0


async def test_classify_and_reformulate_are_the_two_parts_of_understand(client: Client) -> None:
    query = pb.Query(text="red shoes", locale="en")
    whole = await client.understand("red shoes", "en")
    types = await client("Classify", pb.ClassifyRequest(query=query))
    heads = await client("Reformulate", pb.ReformulateRequest(query=query))
    assert list(types.product_types) == list(whole.product_types)
    assert list(heads.reformulations) == list(whole.reformulations)
    assert types.info.locale_used == heads.info.locale_used == whole.info.locale_used


async def test_embed_answers_a_unit_vector_of_the_width_described(client: Client) -> None:
    model = await client("DescribeModel", pb.DescribeModelRequest())
    response = await client("Embed", pb.EmbedRequest(query=pb.Query(text="red shoes")))
    assert len(response.vector) == model.embedding_width
    assert np.linalg.norm(response.vector) == pytest.approx(1, abs=1e-4)
    assert response.info.bundle_version == model.bundle_version


async def test_describe_model_tells_types_parents_first_and_every_locale(
    client: Client, understander: Understander
) -> None:
    model = await client("DescribeModel", pb.DescribeModelRequest())
    assert [each.id for each in model.product_types] == [node.id for node in understander.product_types.nodes]
    assert [each.level for each in model.product_types] == understander.product_types.level.tolist()
    assert model.bundle_version == understander.bundle.version
    assert [each.locale for each in model.locales] == [each.locale for each in understander.describe().locales]


async def test_top_k_bounds_the_types_of_each_level(client: Client) -> None:
    response = await client("Understand", asking("red shoes", top_k=1))
    levels = [each.level for each in response.product_types]
    assert len(levels) == len(set(levels))
    assert levels == sorted(levels, reverse=True)


async def test_a_batch_answers_in_the_order_of_its_queries(client: Client) -> None:
    texts = [f"{colour} {thing}" for colour in ("red", "blue", "green") for thing in ("shoes", "lamp", "tent", "mug")]
    request = pb.BatchUnderstandRequest(queries=[pb.Query(text=text, locale="en") for text in texts])
    response = await client("BatchUnderstand", request)
    alone = [await client.understand(text, "en") for text in texts]
    for item, single in zip(response.items, alone, strict=True):
        batched = {each.id: each.probability for each in item.answer.product_types}
        assert batched == pytest.approx({each.id: each.probability for each in single.product_types}, abs=1e-3)


async def test_a_batch_answers_the_good_and_names_the_fault_of_each_bad(client: Client) -> None:
    queries = [
        pb.Query(text="red shoes"),
        pb.Query(text_utf8=b"red \xff shoes"),
        pb.Query(text="   "),
        pb.Query(text="red", locale="not a tag"),
        pb.Query(),
        pb.Query(text="x" * 2000),
        pb.Query(text_utf8=b"rote schuhe", locale="de"),
    ]
    response = await client("BatchUnderstand", pb.BatchUnderstandRequest(queries=queries))
    assert [item.error.field for item in response.items] == ["", "text_utf8", "text", "locale", "text", "text", ""]
    assert [item.error.code for item in response.items] == [0, 3, 3, 3, 3, 3, 0]
    assert all(item.error.message for item in response.items[1:-1])
    assert response.items[0].answer.product_types
    assert response.items[-1].answer.product_types
    await still_serves(client)


async def test_a_batch_of_only_bad_queries_is_an_answer_too(client: Client) -> None:
    response = await client("BatchUnderstand", pb.BatchUnderstandRequest(queries=[pb.Query(), pb.Query(text="")]))
    assert [item.WhichOneof("result") for item in response.items] == ["error", "error"]


@pytest.mark.parametrize("count", [0, 1025])
async def test_a_batch_of_none_or_too_many_is_refused(client: Client, count: int) -> None:
    request = pb.BatchUnderstandRequest(queries=[pb.Query(text="shoes")] * count)
    failure = await client.failure("BatchUnderstand", request)
    assert (failure.code, failure.field) == (INVALID, "queries")
    await still_serves(client)


async def test_wrong_options_fail_the_whole_batch(client: Client) -> None:
    request = pb.BatchUnderstandRequest(queries=[pb.Query(text="shoes")], options=pb.Options(top_k=0))
    failure = await client.failure("BatchUnderstand", request)
    assert (failure.code, failure.field) == (INVALID, "options.top_k")


BAD_REQUESTS: dict[str, tuple[pb.UnderstandRequest | bytes, str]] = {
    "no query": (pb.UnderstandRequest(), "query"),
    "no bytes": (b"", "query"),
    "no text": (pb.UnderstandRequest(query=pb.Query(locale="en")), "query.text"),
    "empty": (asking(""), "query.text"),
    "blank": (asking(" \t\n\u3000"), "query.text"),
    "only invisible": (asking("\u202e\u200b\u2066"), "query.text"),
    "1 MB": (asking("shoes " * 170_000), "query.text"),
    "1 MB of one character": (asking("é" * 500_000), "query.text"),
    "too many tokens": (asking(" ".join("abcdefghijklmnopqrstuvwxyz" * 5)), "query.text"),
    "NUL": (asking("red\0shoes"), "query.text"),
    "invalid UTF-8 in text": (b"\x0a\x07\x0a\x05red\xff\xfe", "query.text"),
    "invalid UTF-8 in locale": (b"\x0a\x09\x0a\x03red\x1a\x02\xff\xfe", "query.locale"),
    "a surrogate in text": (b"\x0a\x05\x0a\x03\xed\xa0\x80", "query.text"),
    "invalid UTF-8 in text_utf8": (pb.UnderstandRequest(query=pb.Query(text_utf8=b"\xff")), "query.text_utf8"),
    "empty text_utf8": (pb.UnderstandRequest(query=pb.Query(text_utf8=b"")), "query.text_utf8"),
    "garbage": (b"\xff\xfe\xfd\xfc garbage", "request"),
    "cut short": (asking("red shoes").SerializeToString()[:-4], "request"),
    "malformed locale": (asking("red shoes", "not a locale!"), "query.locale"),
    "endless locale": (asking("red shoes", "de-" * 1000), "query.locale"),
    "top_k 0": (asking("red shoes", top_k=0), "options.top_k"),
    "top_k 10 million": (asking("red shoes", top_k=10_000_000), "options.top_k"),
    "51 reformulations": (asking("red shoes", max_reformulations=51), "options.max_reformulations"),
}


@pytest.mark.parametrize(("request_", "field"), BAD_REQUESTS.values(), ids=list(BAD_REQUESTS))
async def test_bad_input_is_refused_by_name_and_the_next_query_answered(
    client: Client, request_: pb.UnderstandRequest | bytes, field: str
) -> None:
    failure = await client.failure("Understand", request_)
    assert (failure.code, failure.field) == (INVALID, field)
    assert failure.message.startswith(f"{field}: ")
    await still_serves(client)


ODD_REQUESTS = {
    "control characters": asking("red\x01\x1b[31mshoes\x7f"),
    "bidi characters": asking("\u202ered shoes\u202c \u2067x\u2069"),
    "emoji only": asking("👟"),
    "emoji with joiners": asking("👨‍👩‍👧‍👦"),
    "unknown locale": asking("red shoes", "tlh"),
    "no locale": asking("red shoes", ""),
    "a script of no locale": asking("ᐃᓄᒃᑎᑐᑦ"),
    "1 KiB": asking("a" * 1024),
    "combining marks": asking("e" + "\u0301" * 300),
    "truncated": pb.UnderstandRequest(query=pb.Query(text="red shoes " * 500, truncate=True)),
    "unknown field": asking("red shoes").SerializeToString() + b"\xfa\x3f\x03new",
}


@pytest.mark.parametrize("request_", ODD_REQUESTS.values(), ids=list(ODD_REQUESTS))
async def test_odd_input_gets_an_honest_answer_or_a_named_refusal(
    client: Client, request_: pb.UnderstandRequest | bytes
) -> None:
    try:
        response = await client("Understand", request_)
        assert response.info.locale_used
    except grpc.aio.AioRpcError as error:
        assert error.code() is INVALID  # noqa: PT017 -- either outcome is right
        assert (error.details() or "").startswith("query.text: ")  # noqa: PT017
    await still_serves(client)


async def test_an_unknown_locale_falls_back_and_says_so(client: Client) -> None:
    assert (await client.understand("red shoes", "tlh")).info.locale_used == "und"


async def test_a_text_cut_on_request_is_marked(client: Client) -> None:
    query = pb.Query(text="red shoes " * 500, locale="en", truncate=True)
    assert (await client("Understand", pb.UnderstandRequest(query=query))).info.truncated
    assert not (await client.understand("red shoes")).info.truncated


@pytest.mark.parametrize("rpc", ["Understand", "Classify", "Reformulate", "Embed", "BatchUnderstand", "DescribeModel"])
async def test_garbage_is_refused_by_every_rpc(client: Client, rpc: str) -> None:
    failure = await client.failure(rpc, b"\xff\xff\xff\xff")
    assert (failure.code, failure.field) == (INVALID, "request")


async def test_health_knows_our_services_and_no_others(client: Client) -> None:
    assert await client.health("") == "SERVING"
    assert await client.health(SERVICE) == "SERVING"
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await client.health("someone.Else")
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


async def test_health_can_be_watched(client: Client) -> None:
    method: Any = client.channel.unary_stream("/grpc.health.v1.Health/Watch")
    watch = method(health_pb2.HealthCheckRequest(service=SERVICE).SerializeToString(), timeout=20)
    first = health_pb2.HealthCheckResponse.FromString(await watch.read())
    assert first.status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()


async def test_reflection_lists_the_services_and_hands_out_the_contract(client: Client) -> None:
    method: Any = client.channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE),
    ]
    call = method(iter([each.SerializeToString() for each in asked]), timeout=20)
    listed, found = [reflection_pb2.ServerReflectionResponse.FromString(reply) async for reply in call]
    names = {each.name for each in listed.list_services_response.service}
    assert {SERVICE, "grpc.health.v1.Health"} <= names
    assert pb.DESCRIPTOR.serialized_pb in found.file_descriptor_response.file_descriptor_proto
