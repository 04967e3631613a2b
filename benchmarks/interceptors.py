"""What stands around every call when all of it is on: tokens, their rates, tracing, and TLS."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc

from benchmarks.finding import ROOT, Finding, Floor, Setting, missed
from benchmarks.load.certificate import Certificate, self_signed
from benchmarks.load.generator import LoadGenerator
from benchmarks.load.measuring import filled
from benchmarks.load.played import Played
from benchmarks.load.query_mix import QueryMix, load_queries
from benchmarks.load.rounds import ROUNDS, interleaved, median_ratio
from benchmarks.load.servers import CACHE_MB, Served, served
from benchmarks.machine import pinned, two_cores
from benchmarks.processes import COMMAND, started

_SECONDS = 3.0
_HITS = 0.8
_RATE = 1_000_000.0  # so that the rate is looked at and never reached
_BARE, _ON, _TLS = "nothing around the calls", "tokens, rates, tracing, metrics", "the same, and TLS"


def measure(setting: Setting) -> Finding:
    """Fill three servers, round by round: bare, with everything, and with everything and TLS."""
    queries, source = load_queries()
    seconds = setting.seconds(_SECONDS)
    mixes = {"cache off": QueryMix(queries), "80 % cache hits": QueryMix(queries, hits=_HITS, seed=1)}
    found: dict[str, dict[str, list[Played]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        token, certificate = _token(Path(folder)), self_signed(Path(folder))
        for name, mix in mixes.items():
            cache: dict[str, str | int | Path] = {"cache_mb": 0 if mix is mixes["cache off"] else CACHE_MB}
            with _servers(setting, Path(folder), certificate, cache) as servers, LoadGenerator() as generator:
                secure = grpc.ssl_channel_credentials(certificate.certificate.read_bytes())
                bearer = (("authorization", f"Bearer {token}"),)
                callers = {
                    _BARE: generator.caller(servers[_BARE].target),
                    _ON: generator.caller(servers[_ON].target, metadata=bearer),
                    _TLS: generator.caller(servers[_TLS].target, metadata=bearer, credentials=secure),
                }
                with pinned(two_cores()[1]):
                    for caller in callers.values():
                        generator.ask_all(caller, mix.often() or mix.requests(256), in_flight=16)
                    found[name] = interleaved(
                        {
                            way: lambda _, caller=caller, mix=mix: filled(generator, caller, mix, seconds)  # type: ignore[misc]
                            for way, caller in callers.items()
                        },
                        setting.times(ROUNDS),
                    )
    return _finding(found, source)


def _token(folder: Path) -> str:
    command = [COMMAND, "tokens", "new", "load", "--file", str(folder / "tokens"), "--rate", str(_RATE)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0]


@contextmanager
def _servers(
    setting: Setting, folder: Path, certificate: Certificate, common: Mapping[str, str | int | Path]
) -> Iterator[dict[str, Served]]:
    """Serve three times; traces go to a collector on the client's core, so that only making them is measured."""
    with ExitStack() as stack:
        sink = [sys.executable, "-m", "benchmarks.trace_sink"]
        collector = stack.enter_context(started(sink, core=two_cores()[1], folder=ROOT))
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://{collector.target}"
        everything = {**common, "tokens": folder / "tokens", "tracing": "true"}
        secure = {"tls_certificate": certificate.certificate, "tls_key": certificate.key}
        try:
            yield {
                _BARE: stack.enter_context(served(setting, **common)),
                _ON: stack.enter_context(served(setting, **everything)),
                _TLS: stack.enter_context(served(setting, **everything, **secure)),
            }
        finally:
            del os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]


def _finding(found: Mapping[str, Mapping[str, Sequence[Played]]], source: str) -> Finding:
    rates = {
        (mix, way): [played.answers_per_second for played in runs]
        for mix, ways in found.items()
        for way, runs in ways.items()
    }
    kept = {(mix, way): median_ratio(rates[mix, way], rates[mix, _BARE]) for mix, way in rates if way != _BARE}
    floors = tuple(Floor(f"{_ON}, over a bare server, {mix}", kept[mix, _ON], 0.7) for mix in found)
    errors = sum(played.broken for ways in found.values() for runs in ways.values() for played in runs)
    return Finding(
        title="Everything around a call",
        claim="How much of its throughput a server keeps when tokens, rates, tracing and TLS are on.",
        columns=("answers per second, 64 in flight", *found),
        rows=tuple(
            (
                way,
                *(
                    f"{statistics.median(rates[mix, way]):,.0f}"
                    + (f" ({kept[mix, way]:.2f} of bare)" if way != _BARE else "")
                    for mix in found
                ),
            )
            for way in (_BARE, _ON, _TLS)
        ),
        figures={f"{mix}, {way}": value for (mix, way), value in kept.items()},
        notes=(
            (
                f"{source.capitalize()}; medians of {len(rates['cache off', _BARE])} rounds. Every call is traced and "
                "sent to a collector that forgets it, on the client's core; all servers count metrics. TLS is no "
                "interceptor and has no floor."
            ),
        ),
        faults=(*missed(floors), *((f"{errors} calls failed",) if errors else ())),
        floors=floors,
    )
