"""The shop's own rules over gRPC: obeyed, named, read again while the server runs, and refused when they are wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from shelfsense.errors import InputRefused
from shelfsense.v1 import query_understanding_pb2 as pb
from shop_rules import parquet, rule

from .conftest import Client, Serving

PIN = rule("pin_head", "coffee machine", locale="en", name="coffee for all")


def first_head(answer: pb.UnderstandResponse) -> str:
    return answer.reformulations[0].query if answer.reformulations else ""


async def until_overrides(client: Client, wanted: list[str]) -> pb.UnderstandResponse:
    for _ in range(100):
        answer = await client.understand("red shoes")
        if list(answer.info.overrides) == wanted:
            return answer
        await asyncio.sleep(0.1)
    raise AssertionError(f"still {list(answer.info.overrides)}")


async def test_rules_are_obeyed_named_and_read_again(serving: Serving, tiny_bundle: Path, tmp_path: Path) -> None:
    rules = tmp_path / "overrides.parquet"
    rules.write_bytes(parquet([PIN]))
    async with serving(overrides=rules, bundle=tiny_bundle) as (_, client):
        for _ in range(2):
            pinned = await client.understand("Red Shoes")
            assert first_head(pinned) == "coffee machine"
            assert list(pinned.info.overrides) == ["coffee for all"]
            assert not pinned.info.cache_hit, "what a rule has changed may change at any time"
        assert not (await client.understand("running shoes")).info.overrides
        rules.write_bytes(parquet([]))
        assert first_head(await until_overrides(client, [])) != "coffee machine"
        rules.write_bytes(b"no parquet")
        await asyncio.sleep(1.5)
        assert (await client.understand("red shoes")).product_types, "a bad file leaves the server as it was"
        rules.write_bytes(parquet([PIN]))
        await until_overrides(client, ["coffee for all"])


async def test_a_server_does_not_start_with_rules_it_cannot_obey(
    serving: Serving, tiny_bundle: Path, tmp_path: Path
) -> None:
    rules = tmp_path / "overrides.parquet"
    rules.write_bytes(parquet([rule("add_type", "no such type")]))
    with pytest.raises(InputRefused, match="no product type"):
        async with serving(overrides=rules, bundle=tiny_bundle):
            pass
