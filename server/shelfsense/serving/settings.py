"""What an operator can choose about a server, from arguments or ``SHELFSENSE_<NAME>``.

Nothing is read at import: the environment is looked at when `Settings` is made.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shelfsense.serving.wire import MAX_BATCH_QUERIES

_CHECKOUT_BUNDLE = Path(__file__).parents[3] / "bundles" / "starter"


class Settings(BaseSettings):
    """The settings of one server; arguments win over the environment."""

    model_config = SettingsConfigDict(env_prefix="SHELFSENSE_", env_ignore_empty=True, frozen=True)

    bundle: Path = Field(
        default=_CHECKOUT_BUNDLE,
        description="Bundle folder to serve; without one, the starter bundle of the checkout.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Local only unless set: the port speaks plain text and asks no password.",
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
    max_batch_tokens: int = Field(
        default=1024,
        ge=64,
        description="Most tokens of one batch, padding counted. Larger batches answer more queries per second, "
        "and every query waits for the whole batch it arrives behind: 1,024 is about 100 queries, 60 ms on one core.",
    )
    max_queue: int = Field(
        default=4 * MAX_BATCH_QUERIES,
        ge=MAX_BATCH_QUERIES,
        description="Most queries that wait for the engine before a request is refused as overload. "
        "A refusal in time beats an answer past its deadline; one whole BatchUnderstand must fit.",
    )
    default_deadline_s: float = Field(
        default=10.0,
        gt=0,
        description="Seconds a call may take when the caller names no deadline, so that nothing waits for ever.",
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
