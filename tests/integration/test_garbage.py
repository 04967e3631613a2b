"""Bytes that are no message, sent to the services that are not ours: refused, as ours refuse them."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from .conftest import Client

GARBAGE = (b"\xff\xff", b"\x0a\x02\xff\xfe", b"\x0a\xff\xff\xff\xff\x0f", b"\x0b" * 200)


@pytest.mark.parametrize("request_bytes", GARBAGE)
@pytest.mark.parametrize("rpc", ["Check", "Watch"])
async def test_health_refuses_garbage_and_goes_on(client: Client, rpc: str, request_bytes: bytes) -> None:
    method: Any = client.channel.unary_stream(f"/grpc.health.v1.Health/{rpc}")
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await method(request_bytes, timeout=20).read()
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert await client.health() == "SERVING"


@pytest.mark.parametrize("request_bytes", GARBAGE)
async def test_reflection_refuses_garbage(client: Client, request_bytes: bytes) -> None:
    method: Any = client.channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        _ = [reply async for reply in method(iter([request_bytes]), timeout=20)]
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
