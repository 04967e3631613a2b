"""`serve --workers 2`: real processes on one port, killed, stopped and orphaned under load."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import grpc
import pytest

from benchmarks.sockets import children, connections, listens
from shelfsense.serving.errors import AddressUnavailable
from shelfsense.serving.service import SERVICE
from shelfsense.serving.shared_port import SharedPort
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense_client import AsyncClient, ShelfsenseClientError

# Else all channels of this process share one connection, and with it one worker.
APART = (("grpc.use_local_subchannel_pool", 1),)
CHANNELS = 12
# gRPC's own stop cancels what it has read and not handed over.
TURNED_AWAY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


@dataclass(frozen=True)
class Workers:
    process: subprocess.Popen[str]
    port: int
    bundle: str
    page: str
    admin: str

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def pids(self) -> list[int]:
        return [pid for pid in children(self.process.pid) if listens(pid, self.port)]

    def has_replaced(self, pid: int) -> bool:
        now = self.pids()
        return len(now) == 2 and pid not in now


def start(bundle: Path, **environment: str) -> subprocess.Popen[str]:
    chosen = {"BUNDLE": str(bundle), "PORT": "0", "WORKERS": "2", **environment}
    return subprocess.Popen(
        [sys.executable, "-m", "shelfsense.serving"],
        env={**os.environ, **{f"SHELFSENSE_{name}": value for name, value in chosen.items()}},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def serving(bundle: Path) -> Iterator[Workers]:
    metrics_port, admin_port = free_port(), free_port()
    with start(bundle, METRICS_PORT=str(metrics_port), ADMIN_PORT=str(admin_port)) as process:
        try:
            assert process.stdout is not None
            words = process.stdout.readline().split()
            assert words[0] == "ready"
            facts = dict(each.split("=", 1) for each in words[1:])
            assert facts["workers"] == "2"
            page = f"http://127.0.0.1:{metrics_port}/metrics"
            yield Workers(process, int(facts["port"]), facts["bundle"], page, f"127.0.0.1:{admin_port}")
        finally:
            process.terminate()
            process.communicate(timeout=60)


@pytest.fixture(scope="module")
def workers(tiny_bundle: Path) -> Iterator[Workers]:
    with serving(tiny_bundle) as running:
        yield running


async def until(holds: Callable[[], bool], *, within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.02)


class Load:
    """Asks without a pause over several connections, and counts what becomes of the calls of each.

    Whoever is told that the server stops goes elsewhere, where that is asked for, as clients of several servers do.
    """

    def __init__(self, target: str, *, leaves: bool = False) -> None:
        self._leaves = leaves
        self.answered: Counter[int] = Counter()
        self.failed: Counter[int] = Counter()
        self.codes: set[grpc.StatusCode] = set()
        self._target = target
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._ask(number)) for number in range(CHANNELS)]
        await until(lambda: len(self.answered) == CHANNELS)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self, number: int) -> None:
        async with grpc.aio.insecure_channel(self._target, options=APART) as channel:
            method: Any = channel.unary_unary(f"/{SERVICE}/Understand")
            request = pb.UnderstandRequest(query=pb.Query(text="red shoes", locale="en")).SerializeToString()
            while True:
                try:
                    # Calls wait for a connection: what fails was in flight, however long connecting anew takes.
                    await method(request, timeout=20, wait_for_ready=True)
                    self.answered[number] += 1
                except grpc.aio.AioRpcError as error:
                    self.codes.add(error.code())
                    self.failed[number] += 1
                    if self._leaves:
                        return


async def ask_with_the_shipped_client(target: str, stop: asyncio.Event) -> Counter[str]:
    ended: Counter[str] = Counter()
    async with AsyncClient(target, timeout=20, channel_options=APART) as client:
        while not stop.is_set():
            try:
                ended[(await client.understand("red shoes")).info.bundle_version] += 1
            except ShelfsenseClientError as error:
                ended[type(error).__name__] += 1
    return ended


async def test_every_worker_answers_on_the_one_port_and_the_page_is_of_them_all(workers: Workers) -> None:
    async with Load(workers.target) as load:
        assert len(workers.pids()) == 2
        assert all(connections(pid, workers.port) for pid in workers.pids())
    assert not load.failed
    page = (await asyncio.to_thread(urllib.request.urlopen, workers.page)).read().decode()
    assert "shelfsense_workers_up 2.0" in page
    counted = next(line for line in page.splitlines() if 'calls_total{code="OK",rpc="Understand"}' in line)
    assert float(counted.split()[-1]) >= sum(load.answered.values())
    assert "shoes" not in page


async def test_a_killed_worker_costs_no_more_calls_than_were_in_flight_there_and_is_replaced(workers: Workers) -> None:
    done = asyncio.Event()
    async with Load(workers.target) as load:
        shipped = [asyncio.create_task(ask_with_the_shipped_client(workers.target, done)) for _ in range(4)]
        await asyncio.sleep(0.3)
        killed, other = workers.pids()
        there = connections(killed, workers.port)  # each has one call in flight
        os.kill(killed, signal.SIGKILL)
        await until(lambda: workers.has_replaced(killed))
        await asyncio.sleep(0.2)
        assert other in workers.pids()
        done.set()
        ended = sum(await asyncio.gather(*shipped), Counter())
    assert sum(load.failed.values()) <= there
    assert load.codes <= {grpc.StatusCode.UNAVAILABLE}
    assert set(ended) == {workers.bundle}  # answers alone: the client tried again


async def test_a_worker_told_to_stop_sends_its_callers_to_the_other_and_is_replaced(workers: Workers) -> None:
    done = asyncio.Event()
    shipped = [asyncio.create_task(ask_with_the_shipped_client(workers.target, done)) for _ in range(8)]
    await asyncio.sleep(0.2)
    told, _ = workers.pids()
    there = connections(told, workers.port)
    os.kill(told, signal.SIGTERM)
    await until(lambda: workers.has_replaced(told))
    done.set()
    ended = sum(await asyncio.gather(*shipped), Counter())
    answered = ended.pop(workers.bundle)
    # gRPC cancels what it has read and not handed over when it stops: one call of each connection at most.
    assert ended.total() <= there
    assert answered > there


async def test_a_bundle_is_loaded_in_every_worker_or_in_none(
    workers: Workers, tiny_bundle: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny_bundle, broken)
    (broken / "stray.txt").write_text("not listed")
    async with Load(workers.target) as load, grpc.aio.insecure_channel(workers.admin) as channel:
        call: Any = channel.unary_unary("/shelfsense.v1.Admin/LoadBundle")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(pb.LoadBundleRequest(path=str(broken)).SerializeToString(), timeout=60)
        assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert "stray.txt" in (refused.value.details() or "")
        reply = pb.LoadBundleResponse.FromString(await call(b"", timeout=60))
        assert (reply.bundle_version, reply.previous_bundle_version) == (workers.bundle, workers.bundle)
        shadow = pb.LoadBundleRequest(role=pb.BUNDLE_ROLE_SHADOW, share=1)
        await call(shadow.SerializeToString(), timeout=60)
        describe: Any = channel.unary_unary("/shelfsense.v1.Admin/DescribeBundles")
        loaded = pb.DescribeBundlesResponse.FromString(await describe(b"", timeout=60)).bundles
        assert [each.role for each in loaded] == [pb.BUNDLE_ROLE_SERVING, pb.BUNDLE_ROLE_SHADOW]
        end: Any = channel.unary_unary("/shelfsense.v1.Admin/EndTrial")
        await end(b"", timeout=60)
        with pytest.raises(grpc.aio.AioRpcError, match="no second bundle"):
            await end(b"", timeout=60)
    assert not load.failed


def test_a_port_that_is_shared_is_taken_for_everyone_else(workers: Workers) -> None:
    with pytest.raises(AddressUnavailable, match=str(workers.port)):
        SharedPort.claim("127.0.0.1", workers.port)
    with SharedPort.claim("127.0.0.1", 0) as held, pytest.raises(AddressUnavailable):
        SharedPort.claim("127.0.0.1", held.port)


async def test_sigterm_drains_all_workers_and_leaves_with_0(tiny_bundle: Path) -> None:
    with serving(tiny_bundle) as running:
        pids = running.pids()
        async with Load(running.target, leaves=True) as load:
            running.process.terminate()
            assert await asyncio.to_thread(running.process.wait, 60) == 0
        assert load.codes <= TURNED_AWAY
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


async def test_workers_whose_supervisor_was_killed_drain_and_leave(tiny_bundle: Path) -> None:
    with serving(tiny_bundle) as running:
        pids = running.pids()
        async with Load(running.target, leaves=True) as load:
            running.process.kill()
            await until(lambda: not any(listens(pid, running.port) for pid in pids))
        assert load.codes <= TURNED_AWAY
        await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_a_bundle_that_is_refused_leaves_with_4_and_the_reason_once(tiny_bundle: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(tiny_bundle, changed)
    (changed / "stray.txt").write_text("not listed")
    with start(changed) as process:
        out, error = process.communicate(timeout=60)
    assert process.returncode == 4
    assert error.count("stray.txt") == 1
    assert out == ""


def test_a_port_in_use_leaves_with_2(tiny_bundle: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with start(tiny_bundle, PORT=str(other.getsockname()[1])) as process:
            out, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "cannot listen on 127.0.0.1" in error
    assert out == ""
