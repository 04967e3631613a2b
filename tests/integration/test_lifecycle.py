"""A server in trouble: overload, deadlines, a dead engine, a stop under load, a refused bundle."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from shelfsense.serving.errors import AddressUnavailable
from shelfsense.serving.wire import MAX_BATCH_QUERIES
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense_client import AsyncClient

from .conftest import Client, Gate, Serving

SHOES = pb.UnderstandRequest(query=pb.Query(text="red shoes", locale="en"))


def many(text: str, queries: int) -> pb.BatchUnderstandRequest:
    return pb.BatchUnderstandRequest(queries=[pb.Query(text=f"{text} {i}") for i in range(queries)])


async def until_in_engine(gate: Gate, text: str) -> None:
    while text not in gate.texts:
        await asyncio.sleep(0.005)


async def test_a_call_past_its_deadline_fails_and_never_reaches_the_engine(serving: Serving, gate: Gate) -> None:
    async with serving() as (_, client):
        gate.open.clear()
        first = asyncio.create_task(client.understand("first"))
        await until_in_engine(gate, "first")
        late = pb.UnderstandRequest(query=pb.Query(text="late"))
        assert (await client.failure("Understand", late, timeout=0.1)).code is grpc.StatusCode.DEADLINE_EXCEEDED
        gate.open.set()
        await first
        await client.understand("next")
        assert "late" not in gate.texts


async def test_a_call_without_a_deadline_gets_the_server_s(serving: Serving, gate: Gate) -> None:
    async with serving(default_deadline_s=0.1) as (_, client):
        gate.open.clear()
        failure = await client.failure("Understand", SHOES, timeout=None)
        assert failure.code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert "deadline" in failure.message
        gate.open.set()
        assert await client.understand("red shoes")


async def test_a_cancelled_call_never_reaches_the_engine(serving: Serving, gate: Gate) -> None:
    async with serving() as (_, client):
        gate.open.clear()
        first = asyncio.create_task(client.understand("first"))
        await until_in_engine(gate, "first")
        left = asyncio.create_task(client.understand("left"))
        await asyncio.sleep(0.1)
        left.cancel()
        await asyncio.sleep(0.1)
        gate.open.set()
        await first
        await client.understand("next")
        assert "left" not in gate.texts


async def test_overload_is_refused_with_the_time_to_come_back(serving: Serving, gate: Gate) -> None:
    async with serving(max_queue_tokens=1) as (server, client):
        gate.open.clear()
        first = asyncio.create_task(client.understand("first"))
        await until_in_engine(gate, "first")
        full = asyncio.create_task(client("BatchUnderstand", many("red shoes", MAX_BATCH_QUERIES)))
        while server.metrics.registry.get_sample_value("shelfsense_queue_queries") != MAX_BATCH_QUERIES:
            await asyncio.sleep(0.005)
        failure = await client.failure("BatchUnderstand", many("blue shoes", 16))
        assert failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert failure.retry_after_s > 0
        assert await client.health() == "SERVING"
        gate.open.set()
        await first
        assert [item.WhichOneof("result") for item in (await full).items] == ["answer"] * MAX_BATCH_QUERIES
        assert await client("BatchUnderstand", many("blue shoes", 16))


async def test_a_dead_engine_turns_health_off_until_it_works_again(
    serving: Serving, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as (_, client):
        gate.broken = True
        assert (await client.failure("Understand", SHOES)).code is grpc.StatusCode.UNAVAILABLE
        assert await client.health() == "NOT_SERVING"
        assert (await client.failure("Understand", SHOES)).code is grpc.StatusCode.UNAVAILABLE
        gate.broken = False
        while await client.health() != "SERVING":
            await asyncio.sleep(0.02)
        assert (await client.understand("red shoes")).product_types
    assert "RuntimeError" in caplog.text
    assert "red shoes" not in caplog.text


async def test_a_fault_of_ours_is_unavailable_and_logged_without_the_query(
    serving: Serving, gate: Gate, understander: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fault(*_: object, **__: object) -> None:
        raise KeyError(SHOES.query.text)

    async with serving() as (_, client):
        with monkeypatch.context() as patch:
            patch.setattr(understander, "answer", fault)
            failure = await client.failure("Understand", SHOES)
            batch = await client("BatchUnderstand", pb.BatchUnderstandRequest(queries=[SHOES.query]))
        assert failure.code is grpc.StatusCode.UNAVAILABLE
        assert batch.items[0].error.code == grpc.StatusCode.UNAVAILABLE.value[0]
        assert await client.understand("red shoes")
    assert "KeyError" in caplog.text
    assert "red shoes" not in caplog.text
    assert "red shoes" not in failure.message


async def test_a_stop_lets_calls_in_flight_finish_and_ends_watches(serving: Serving, gate: Gate) -> None:
    async with serving(drain_s=60) as (server, client):
        watching: Any = client.channel.unary_stream("/grpc.health.v1.Health/Watch")
        watch = watching(health_pb2.HealthCheckRequest().SerializeToString())
        await watch.read()
        gate.open.clear()
        calls = [asyncio.create_task(client.understand(f"red shoes {i}")) for i in range(50)]
        await until_in_engine(gate, "red shoes 0")
        await asyncio.sleep(0.1)
        stopping = asyncio.create_task(server.stop())
        last = health_pb2.HealthCheckResponse.FromString(await watch.read())
        assert last.status == health_pb2.HealthCheckResponse.NOT_SERVING
        gate.open.set()
        started = time.monotonic()
        assert len(await asyncio.gather(*calls)) == 50
        await stopping
        assert time.monotonic() - started < 10


async def test_a_stop_under_load_sends_every_caller_elsewhere_once(serving: Serving) -> None:
    ended: Counter[grpc.StatusCode] = Counter()

    async def ask_until_sent_away(n: int, address: str) -> None:
        own_connection = (("grpc.use_local_subchannel_pool", 1),)
        async with grpc.aio.insecure_channel(address, options=own_connection) as channel:
            for i in range(100_000):
                try:
                    await Client(channel).understand(f"red shoes {n} {i}")
                except grpc.aio.AioRpcError as error:
                    ended[error.code()] += 1
                    return
                ended[grpc.StatusCode.OK] += 1

    async with serving() as (server, _):
        load = [asyncio.create_task(ask_until_sent_away(n, f"127.0.0.1:{server.port}")) for n in range(8)]
        await asyncio.sleep(0.3)
        await server.stop()
        await asyncio.gather(*load)
    assert ended.pop(grpc.StatusCode.OK) > 8
    # Refused where it connects anew; or read by a transport that was already stopping, which clients of ours retry.
    assert sum(ended.values()) == 8
    assert set(ended) <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


async def test_no_call_of_our_client_fails_when_one_of_two_servers_stops(serving: Serving) -> None:
    done = asyncio.Event()
    answered = 0

    async def ask(client: AsyncClient, n: int) -> None:
        nonlocal answered
        while not done.is_set():
            await client.understand(f"red shoes {n} {answered}", locale="en", timeout=20)
            answered += 1

    async with serving() as (first, _), serving() as (second, _):
        both = f"ipv4:127.0.0.1:{first.port},127.0.0.1:{second.port}"
        round_robin = (("grpc.lb_policy_name", "round_robin"),)
        async with AsyncClient(both, channel_options=round_robin) as client:
            load = [asyncio.create_task(ask(client, n)) for n in range(8)]
            await asyncio.sleep(0.3)
            await first.stop()
            before = answered
            await asyncio.sleep(0.3)
            done.set()
            await asyncio.gather(*load)
            assert answered > before > 0


async def test_a_server_that_stops_answers_on_while_balancers_take_notice(serving: Serving) -> None:
    async with serving(notice_s=0.5) as (server, client):
        stopping = asyncio.create_task(server.stop())
        while await client.health() != "NOT_SERVING":
            await asyncio.sleep(0.005)
        assert (await client.understand("red shoes")).product_types
        await stopping


async def test_a_port_in_use_is_refused_by_address(serving: Serving) -> None:
    async with serving() as (server, _):
        with pytest.raises(AddressUnavailable, match=f"127.0.0.1:{server.port}"):
            async with serving(port=server.port):
                pass


async def test_metrics_count_calls_by_rpc_and_code_and_hold_no_query(serving: Serving) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with serving(metrics_port=port) as (_, client):
        await client.understand("red shoes")
        await client.failure("Understand", pb.UnderstandRequest())
        figures = await asyncio.to_thread(_fetch, f"http://127.0.0.1:{port}/metrics")
    assert 'shelfsense_calls_total{code="OK",rpc="Understand"} 1.0' in figures
    assert 'shelfsense_calls_total{code="INVALID_ARGUMENT",rpc="Understand"} 1.0' in figures
    assert "shelfsense_engine_up 1.0" in figures
    assert "shoes" not in figures


def test_the_process_says_ready_answers_and_leaves_with_0_on_sigterm(tiny_bundle: Path) -> None:
    with _process(tiny_bundle) as process:
        assert process.stdout is not None
        ready = process.stdout.readline().split()
        assert ready[0] == "ready"
        facts = dict(each.split("=", 1) for each in ready[1:])
        with grpc.insecure_channel(f"127.0.0.1:{facts['port']}") as channel:
            method: Any = channel.unary_unary("/shelfsense.v1.QueryUnderstanding/Understand")
            reply = pb.UnderstandResponse.FromString(method(SHOES.SerializeToString(), timeout=20))
        assert reply.info.bundle_version == facts["bundle"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_refused_bundle_leaves_with_4_and_the_reason(tiny_bundle: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(tiny_bundle, changed)
    (changed / "stray.txt").write_text("not listed")
    with _process(changed) as process:
        out, error = process.communicate(timeout=60)
    assert process.returncode == 4
    assert "stray.txt" in error
    assert out == ""


def _process(bundle: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "SHELFSENSE_BUNDLE": str(bundle), "SHELFSENSE_PORT": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", "shelfsense.serving"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as response:
        return str(response.read().decode())
