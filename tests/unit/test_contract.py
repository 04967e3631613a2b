"""The contract and what was generated from it: fresh, and every part of it explained."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from shelfsense.v1 import query_understanding_pb2 as pb

_PROTO_ROOT = Path(__file__).parents[2] / "proto"
_PROTO = "shelfsense/v1/query_understanding.proto"


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> FileDescriptorProto:
    out = tmp_path_factory.mktemp("contract") / "contract.pb"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{_PROTO_ROOT}", "--include_source_info"]
    subprocess.run([*command, f"--descriptor_set_out={out}", _PROTO], check=True)
    (file,) = FileDescriptorSet.FromString(out.read_bytes()).file
    return file


def test_the_committed_stubs_are_those_of_the_contract(contract: FileDescriptorProto) -> None:
    fresh = FileDescriptorProto()
    fresh.CopyFrom(contract)
    fresh.ClearField("source_code_info")
    for message in fresh.message_type:
        for field in message.field:
            field.ClearField("json_name")  # protoc writes it into descriptor sets, not into stubs
    assert FileDescriptorProto.FromString(pb.DESCRIPTOR.serialized_pb) == fresh, "run `make proto` and commit"


def test_every_part_of_the_contract_has_a_comment(contract: FileDescriptorProto) -> None:
    explained = {tuple(each.path) for each in contract.source_code_info.location if each.leading_comments.strip()}
    assert [name for path, name in _parts(contract) if path not in explained] == []


def _parts(file: FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    """Yield the path in the source info (field numbers of descriptor.proto) and the name of each part."""
    for i, message in enumerate(file.message_type):
        yield (4, i), message.name
        for j, field in enumerate(message.field):
            yield (4, i, 2, j), f"{message.name}.{field.name}"
    for i, service in enumerate(file.service):
        yield (6, i), service.name
        for j, method in enumerate(service.method):
            yield (6, i, 2, j), f"{service.name}.{method.name}"
