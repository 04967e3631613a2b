"""That no bundle with a flipped byte is loaded into a running server, which goes on with the one it has."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from benchmarks.damages import Damage, damages
from benchmarks.finding import Finding, Floor, Setting, missed
from benchmarks.hostile.neighbours import KnownAnswers, neighbours
from benchmarks.load.servers import free_port, served
from benchmarks.machine import pinned, two_cores
from shelfsense.bundle import MANIFEST, MANIFEST_DIGEST
from shelfsense.bundle_signing import sign_bundle
from shelfsense.serving import admin, service
from shelfsense.signing_keys import SigningKey
from shelfsense.v1 import query_understanding_pb2 as pb

_FLIPS = 600
_LEAST = 500
_LIMIT_S = 60
_FLIP = "one flipped bit"


@dataclass(slots=True)
class _Tried:
    """What became of the flips of one file."""

    flips: int = 0
    refused: int = 0
    named: int = 0
    served_on: int = 0
    milliseconds: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Server:
    """A server and what it answered before anything was tried."""

    understand: Any
    load: Any
    known: KnownAnswers

    def offer(self, folder: Path) -> tuple[str, str, str]:
        """Offer a bundle; return the status, its message, and the version that was loaded."""
        request = pb.LoadBundleRequest(path=str(folder)).SerializeToString()
        try:
            answer = pb.LoadBundleResponse.FromString(self.load(request, timeout=_LIMIT_S))
        except grpc.RpcError as error:
            return error.code().name, error.details() or "", ""
        return "OK", "", answer.bundle_version

    def ask(self, number: int) -> pb.UnderstandResponse:
        """Ask one of the known queries."""
        queries = neighbours()
        request = pb.UnderstandRequest(query=queries[number % len(queries)]).SerializeToString()
        return pb.UnderstandResponse.FromString(self.understand(request, timeout=_LIMIT_S))


def measure(setting: Setting) -> Finding:
    """Flip bits of a signed copy, offer it, put it right again, and at last load it whole."""
    port = free_port()
    tried, faults = dict[str, _Tried](), list[str]()
    began = time.perf_counter()
    with (
        tempfile.TemporaryDirectory(prefix="shelfsense-flips-") as place,
        served(setting, admin_port=port, cache_mb=0) as running,
        pinned(two_cores()[1]),
        grpc.insecure_channel(running.target) as public,
        grpc.insecure_channel(f"127.0.0.1:{port}") as operator,
    ):
        copy = Path(shutil.copytree(setting.bundle, Path(place) / "bundle"))
        sign_bundle(copy, SigningKey.generate())
        server = _reached(public, operator)
        flips = [each for each in damages(copy, flips=setting.times(_FLIPS)) if each.kind == _FLIP]
        for number, damage in enumerate(flips):
            with damage.done(copy):
                faults += _try(server, damage, copy, number, tried.setdefault(damage.file, _Tried()))
        status, message, version = server.offer(copy)
        faults += [] if status == "OK" else [f"the bundle put right again met {status}: {message}"]
        differences = [server.known.difference(number, server.ask(number)) for number in range(len(neighbours()))]
        faults += [f"after the swap {each}" for each in differences if each]
    return _finding(tried, faults, time.perf_counter() - began, version, setting)


def _reached(public: grpc.Channel, operator: grpc.Channel) -> _Server:
    understand: Any = public.unary_unary(f"/{service.SERVICE}/Understand")
    load: Any = operator.unary_unary(f"/{admin.SERVICE}/LoadBundle")
    asked = _Server(understand, load, KnownAnswers(()))
    return _Server(understand, load, KnownAnswers([asked.ask(number) for number in range(len(neighbours()))]))


def _try(server: _Server, damage: Damage, folder: Path, number: int, tried: _Tried) -> list[str]:
    began = time.perf_counter()
    status, message, _ = server.offer(folder)
    tried.milliseconds.append((time.perf_counter() - began) * 1000)
    tried.flips += 1
    tried.refused += status == "FAILED_PRECONDITION"
    # The digest of the manifest says only that the two do not match; it names both.
    tried.named += damage.file in message
    difference = server.known.difference(number % len(neighbours()), server.ask(number))
    tried.served_on += not difference
    faults = [] if status == "FAILED_PRECONDITION" else [f"a flip in {damage.file} met {status}: {message}"]
    faults += [] if damage.file in message else [f"a flip in {damage.file} is refused without its name: {message}"]
    return faults + ([f"after a flip in {damage.file} {difference}"] if difference else [])


def _finding(tried: dict[str, _Tried], faults: list[str], seconds: float, version: str, setting: Setting) -> Finding:
    total = Counter[str]()
    for each in tried.values():
        total.update(flips=each.flips, refused=each.refused, named=each.named, served_on=each.served_on)
    floors = (
        Floor("flips tried", total["flips"], setting.times(_LEAST)),
        Floor("share refused", total["refused"] / total["flips"], 1.0),
        Floor("share after which the old bundle answered as before", total["served_on"] / total["flips"], 1.0),
    )
    return Finding(
        title="Flipped bytes",
        claim="A bundle of which one bit of one byte was flipped is refused by `Admin.LoadBundle` with "
        "FAILED_PRECONDITION and the file's name, and the old bundle serves on.",
        columns=("file", "flips", "refused", "file named", "old bundle serves on", "slowest refusal, ms"),
        rows=tuple(
            (name, *map(str, (each.flips, each.refused, each.named, each.served_on)), f"{max(each.milliseconds):.0f}")
            for name, each in sorted(tried.items())
        ),
        figures={**total, "files": len(tried), "seconds": seconds, "loaded_after": version},
        notes=(
            (
                f"{total['flips']} flips at seeded places, as many in each file, of a signed copy of the bundle; of a flip "
                f"in {MANIFEST_DIGEST} the refusal names {MANIFEST} too. The copy put right again was then loaded "
                f"({version}) and answers alike. {seconds:.0f} s in all."
            ),
        ),
        faults=(*faults[:20], *missed(floors)),
        floors=floors,
    )
