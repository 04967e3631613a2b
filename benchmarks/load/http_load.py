"""Keeps an HTTP server full: so many connections, each with one request under way, written and read as bytes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from benchmarks.load.played import OK, Played

_LENGTH = b"content-length:"


def post(path: str, body: bytes) -> bytes:
    """Return the bytes of a request that keeps its connection."""
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def keep_posting(target: str, requests: Sequence[bytes], seconds: float, *, in_flight: int) -> Played:
    """Keep so many requests in flight for a time, from the first on again when they run out."""
    return asyncio.run(_keep_posting(target, requests, seconds, in_flight))


async def _keep_posting(target: str, requests: Sequence[bytes], seconds: float, in_flight: int) -> Played:
    played = Played()
    host, port = target.split(":")
    connections = [await asyncio.open_connection(host, int(port)) for _ in range(in_flight)]
    numbers = iter(range(1 << 60))
    cpu, began = time.process_time(), time.perf_counter()
    until = began + seconds

    async def one_by_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (now := time.perf_counter()) < until:
            writer.write(requests[next(numbers) % len(requests)])
            played.codes[await read_answer(reader)] += 1
            played.latencies.append((time.perf_counter() - now) * 1000)

    await asyncio.gather(*(one_by_one(*connection) for connection in connections))
    played.seconds, played.generator_cpu_s = time.perf_counter() - began, time.process_time() - cpu
    for _, writer in connections:
        writer.close()
    return played


async def read_answer(reader: asyncio.StreamReader) -> str:
    """Read one answer and return its code, OK for 200."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(_LENGTH, 1)[1].split(b"\r\n", 1)[0])
    await reader.readexactly(length)
    code = head.split(b" ", 2)[1].decode()
    return OK if code == "200" else code
