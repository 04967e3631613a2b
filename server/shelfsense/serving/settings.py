"""What an operator can choose about a server, from arguments or ``SHELFSENSE_<NAME>``.

Nothing is read at import: the environment is looked at when `Settings` is made.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shelfsense.serving.logs import Form, Level
from shelfsense.serving.wire import MAX_BATCH_QUERIES

_CHECKOUT_BUNDLE = Path(__file__).parents[3] / "bundles" / "starter"


class Settings(BaseSettings):
    """The settings of one server; arguments win over the environment."""

    model_config = SettingsConfigDict(env_prefix="SHELFSENSE_", env_ignore_empty=True, frozen=True)

    bundle: Path = Field(
        default=_CHECKOUT_BUNDLE,
        description="Bundle folder to serve; without one, the starter bundle of the checkout.",
    )
    overrides: Path | None = Field(
        default=None,
        description="Parquet file of the shop's own rules: types to add or remove, heads to pin or block. "
        "Read again when it changes; none: no rules.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Local only unless set: without tls_certificate and tokens the port speaks "
        "plain text and answers everybody.",
    )
    port: int = Field(
        default=50051,
        ge=0,
        le=65535,
        description="gRPC port; 0 takes any free one, and the ready line says which.",
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port of the Prometheus page, on the same host; none or 0: no page.",
    )
    engine: str = Field(
        default="onnx",
        description="Name of the engine that runs the network: onnx is fastest on CPU, torch runs on a GPU.",
    )
    threads: int = Field(
        default=1,
        ge=1,
        le=256,
        description="CPU threads of the engine. One query is too little work to share: more threads help big batches only.",
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Processes that answer on the one port, each with a bundle, an engine, a queue and a cache of its own; "
        "as many as there are cores, with one thread each. Callers' connections are spread over them, so one connection "
        "gains nothing: see connection_age_s.",
    )
    batch_ms: float = Field(
        default=15.0,
        gt=0,
        description="Milliseconds that a batch may run, by what was learned of the engine's pace; whoever comes meanwhile "
        "waits for it. 15 is about 20 queries on one core, within 6 % of the most queries per second.",
    )
    max_batch_tokens: int = Field(
        default=1024,
        ge=64,
        description="Most tokens of one batch, padding as the engine computes it: a bound of memory, where batch_ms is "
        "one of time.",
    )
    max_queue_tokens: int = Field(
        default=64 * MAX_BATCH_QUERIES,
        ge=1,
        description="Most tokens that wait for the engine in each of two lines, of single calls and of bulk, before a call "
        "is refused as overload. How many single calls may wait follows from the engine's pace and their deadlines "
        "long before. A BatchUnderstand of more is let in where no other waits.",
    )
    cache_mb: int = Field(
        default=64,
        ge=0,
        description="Megabytes of answers that are kept to be given again; an answer takes about 2 kB. 0: none is kept.",
    )
    default_deadline_s: float = Field(
        default=10.0,
        gt=0,
        description="Seconds a call may take when the caller names no deadline, so that nothing waits for ever.",
    )
    notice_s: float = Field(
        default=1.0,
        ge=0,
        description="Seconds that the server answers on after it was told to stop and says NOT_SERVING, so that "
        "balancers send nothing more; a balancer that asks each 5 s needs more than 5.",
    )
    drain_s: float = Field(
        default=20.0,
        ge=0,
        description="Seconds that calls in flight have to finish when the server stops; "
        "below the 30 s after which orchestrators kill.",
    )
    stall_s: float = Field(
        default=10.0,
        gt=0,
        description="Seconds after which a batch that has not returned counts as an engine that is down.",
    )
    tls_certificate: Path | None = Field(
        default=None,
        description="PEM file with the server's certificate and its chain; with tls_key it turns TLS on, on every "
        "gRPC port. Read again when it changes.",
    )
    tls_key: Path | None = Field(
        default=None, description="PEM file with the certificate's private key, without a password."
    )
    tls_client_authority: Path | None = Field(
        default=None,
        description="PEM file with the authorities of client certificates: only callers with a certificate of theirs "
        "are let in (mutual TLS). None: anybody may connect.",
    )
    tokens: Path | None = Field(
        default=None,
        description="File of bearer tokens, as `shelfsense tokens new` writes it: only callers with one of them are "
        "answered, each at its own rate, counted in each worker. Read again when it changes. None: no token is asked for.",
    )
    admin_host: str = Field(
        default="127.0.0.1",
        description="Address of the admin port. Any other than a local one needs admin_tokens or a client authority.",
    )
    admin_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port of the Admin service, which loads bundles while the server runs; 0 takes any free one. "
        "None: there is no such port.",
    )
    admin_client_authority: Path | None = Field(
        default=None,
        description="As tls_client_authority, of the admin port; none: the same as there.",
    )
    admin_tokens: Path | None = Field(
        default=None,
        description="As tokens, of the admin port: tokens of the one file mean nothing to the other port.",
    )
    require_signature: Path | None = Field(
        default=None,
        description="PEM file with the public keys whose signature a bundle must carry to be loaded, at the start or "
        "later; none: digests are checked, and a signature only against damage.",
    )
    max_message_bytes: int = Field(
        default=4 << 20,
        ge=1 << 16,
        description="Largest request in bytes. A full BatchUnderstand is 1.2 MB at most; a single text of 1 MB is "
        "still to meet the honest answer that it is too long.",
    )
    max_streams: int = Field(
        default=1024,
        ge=1,
        description="Most calls in flight on one connection; more of them wait at the caller. The queue is bounded "
        "apart from this, by max_queue_tokens.",
    )
    max_connections: int = Field(
        default=4096,
        ge=1,
        description="Most connections to a port, in each worker; further ones are closed at once. One takes about 20 KB, 60 with TLS.",
    )
    connection_idle_s: float = Field(
        default=600.0,
        gt=0,
        description="Seconds after which a connection without calls is closed, so that callers that vanished do not "
        "hold one for ever. Clients connect again by themselves.",
    )
    connection_age_s: float | None = Field(
        default=None,
        gt=0,
        description="Seconds after which a connection is asked to end once its calls are answered, which spreads "
        "callers over new replicas and makes a revoked client certificate count. None: never.",
    )
    log_queries: bool = Field(
        default=False,
        description="Whether logs and traces may hold query texts, for tracking a fault down. Shoppers type names, "
        "addresses and illnesses: switch it off again.",
    )
    log_format: Form = Field(
        default="text", description="Form of the log on stderr: text, or json with one object a line."
    )
    log_level: Level = Field(
        default="info",
        description="Least level that is logged: debug, info, warning or error. debug has a line for every call.",
    )
    log_requests: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of the calls that are logged at level info, evenly spaced.",
    )
    tracing: bool = Field(
        default=False,
        description="Whether traces are sent by OpenTelemetry, to where OTEL_EXPORTER_OTLP_ENDPOINT says. Needs the "
        "extra 'tracing'.",
    )
