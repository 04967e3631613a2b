"""Precise answers over gRPC: the second pass goes through the same queue and thread as the first."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest

from shelfsense.bundle import Bundle
from shelfsense.engines.engine import EngineOutput
from shelfsense.query import Options, Query
from shelfsense.reranking import Reranked, Shortlist
from shelfsense.understander import Prepared, Understander
from shelfsense.understanding import Understanding
from shelfsense.v1 import query_understanding_pb2 as pb
from tiny_reranker import SURE, with_reranker

from .conftest import Client, Serving

TEXTS = ("shoes", "running shoes", "coffee", "cable")
ALL = pb.Options(precise=True, include_refused=True, max_reformulations=50)


@pytest.fixture(scope="module")
def understander(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Understander:
    """The server of these tests has a re-ranker."""
    out = tmp_path_factory.mktemp("precise") / "bundle"
    return Understander.load(with_reranker(Bundle.open(tiny_bundle), out, en=SURE))


@pytest.fixture
def expected(understander: Understander) -> list[Understanding]:
    options = Options(precise=True, include_refused=True, max_reformulations=50)
    return [understander.understand([Query(text, "en")], options)[0] for text in TEXTS]


def scores(answer: pb.UnderstandResponse | pb.ReformulateResponse | Understanding) -> dict[str, float]:
    return {each.query: each.score for each in answer.reformulations}


def near(answer: Understanding) -> Any:
    return pytest.approx(scores(answer), abs=1e-3)


async def precise(client: Client, text: str) -> pb.UnderstandResponse:
    request = pb.UnderstandRequest(query=pb.Query(text=text, locale="en"), options=ALL)
    response: pb.UnderstandResponse = await client("Understand", request)
    return response


async def test_a_precise_answer_is_the_librarys(client: Client, expected: list[Understanding]) -> None:
    request = pb.UnderstandRequest(query=pb.Query(text=TEXTS[0], locale="en"), options=ALL)
    plain = pb.UnderstandRequest(query=request.query, options=pb.Options(include_refused=True, max_reformulations=50))
    found = await client("Understand", request)
    assert scores(found) == near(expected[0])
    assert found.info.inference_us > 0
    assert scores(await client("Understand", plain)) != near(expected[0])
    reformulated = await client("Reformulate", pb.ReformulateRequest(query=request.query, options=ALL))
    assert scores(reformulated) == near(expected[0])
    classified = await client("Classify", pb.ClassifyRequest(query=request.query, options=ALL))
    assert [each.id for each in classified.product_types] == [each.id for each in found.product_types]


async def test_a_batch_is_re_ranked_beside_queries_that_are_not_answered(
    client: Client, expected: list[Understanding]
) -> None:
    queries = [pb.Query(text=text, locale="en") for text in TEXTS]
    queries[2:2] = [pb.Query(text="", locale="en"), pb.Query(text="laufschuhe", locale="de")]
    response = await client("BatchUnderstand", pb.BatchUnderstandRequest(queries=queries, options=ALL))
    kinds = [each.WhichOneof("result") for each in response.items]
    assert kinds == ["answer", "answer", "error", "answer", "answer", "answer"]
    answers = [response.items[i].answer for i in (0, 1, 4, 5)]
    assert [scores(each) for each in answers] == [near(each) for each in expected]


async def test_both_networks_run_on_one_thread_and_mix_in_a_batch(
    understander: Understander, serving: Serving, expected: list[Understanding], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[tuple[str, int]] = []
    infer, rerank = understander.infer, understander.rerank

    def watched_infer(batch: Sequence[Prepared]) -> EngineOutput:
        threads.append(("infer", threading.get_ident()))
        return infer(batch)

    def watched_rerank(batch: Sequence[Shortlist]) -> list[Reranked]:
        if batch:
            threads.append(("rerank", threading.get_ident()))
        return rerank(batch)

    monkeypatch.setattr(understander, "infer", watched_infer)
    monkeypatch.setattr(understander, "rerank", watched_rerank)
    async with serving() as (_, client):
        plain = [client.understand(f"shoes {i}") for i in range(12)]
        found = await asyncio.gather(*(precise(client, text) for text in TEXTS), *plain)
    assert [scores(each) for each in found[: len(TEXTS)]] == [near(each) for each in expected]
    assert {kind for kind, _ in threads} == {"infer", "rerank"}
    assert len({thread for _, thread in threads}) == 1
    assert threads[0][1] != threading.get_ident()


async def test_a_re_ranker_that_fails_costs_only_precise_answers(
    understander: Understander, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(batch: Sequence[Shortlist]) -> list[Reranked]:
        if batch:
            raise RuntimeError("the device fell off the bus")
        return []

    monkeypatch.setattr(understander, "rerank", broken)
    async with serving() as (_, client):
        request = pb.UnderstandRequest(query=pb.Query(text="shoes", locale="en"), options=ALL)
        assert (await client.failure("Understand", request)).code is grpc.StatusCode.UNAVAILABLE
        batch = pb.BatchUnderstandRequest(queries=[request.query] * 2, options=ALL)
        items = (await client("BatchUnderstand", batch)).items
        assert [each.error.code for each in items] == [grpc.StatusCode.UNAVAILABLE.value[0]] * 2
        assert (await client.understand("shoes")).product_types
        assert await client.health() == "SERVING"
