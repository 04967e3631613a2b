"""Connections that send no HTTP/2, or break off in the middle of it."""

from __future__ import annotations

import asyncio
import random
import struct

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS = b"\0\0\0\x04\0\0\0\0\0"
_GREETINGS = (b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\0\x01", _PREFACE, _PREFACE + _SETTINGS)
_WAIT_S = 0.05


async def hostile_connection(host: str, port: int, chance: random.Random) -> None:
    """Connect, greet in one of many ways, send garbage or odd frames, and leave, with or without a reset."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(chance.choice(_GREETINGS))
        for _ in range(chance.randint(0, 4)):
            writer.write(_frame(chance) if chance.random() < 0.7 else chance.randbytes(chance.randint(1, 300)))
        await writer.drain()
        async with asyncio.timeout(_WAIT_S):
            await reader.read(4096)
    except (TimeoutError, ConnectionError):
        pass  # what becomes of it is the server's affair; that it goes on is what counts
    finally:
        if chance.random() < 0.3:
            writer.transport.abort()
        else:
            writer.close()


def _frame(chance: random.Random) -> bytes:
    """Return an HTTP/2 frame of any type with random content; its length is not always true."""
    payload = chance.randbytes(chance.randint(0, 64))
    length = len(payload) if chance.random() < 0.8 else chance.choice((0, 1, 2**14, 2**24 - 1))
    stream = chance.choice((0, 1, 2, 3, 2**31 - 1, chance.getrandbits(32)))
    return (
        struct.pack(">I", length)[1:]
        + bytes([chance.randrange(12), chance.randrange(256)])
        + struct.pack(">I", stream)
        + payload
    )
