"""What one caller can take from the transport: the channel arguments of a gRPC server, each with its reason.

Named in gRPC's `grpc_types.h`. Knows nothing of what is asked.
"""

from __future__ import annotations

from shelfsense.serving.settings import Settings

_SETTLE_MS = 10_000
"""A connection whose TLS and HTTP/2 are not settled by then is closed. gRPC's default of 120 s would let a
caller that says nothing hold one of the connections for as long."""

_KEEPALIVE_MS = 60_000
_KEEPALIVE_TIMEOUT_MS = 20_000
"""A quiet peer is pinged each minute and dropped when it says nothing for 20 s: a machine that lost its power
never closes its connections. gRPC's default is two hours."""

_LEAST_PING_MS = 10_000
"""Clients may ping this often without a call. Mobile gateways and service meshes are set to 20 to 30 s, and
gRPC's default of five minutes would answer those with GOAWAY (too_many_pings)."""

_MAX_METADATA = 8 << 10
"""Bytes of a call's metadata past which calls are refused at random, and all of them at twice as much: a
token takes 70, a trace 200."""

_LONGEST_GRACE_MS = 60_000


def server_options(settings: Settings) -> tuple[tuple[str, int], ...]:
    """Return the channel arguments that bound what a caller can take.

    Args:
        settings: ``max_message_bytes``, ``max_streams``, ``max_connections``, ``connection_idle_s`` and
            ``connection_age_s`` are used.
    """
    options = [
        # Checked on the frame's length, before the message is held.
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        # Said to the client in its SETTINGS; further calls wait over there, and cost this server nothing.
        ("grpc.max_concurrent_streams", settings.max_streams),
        # Of each port. What comes beyond is accepted and closed at once, before TLS begins.
        ("grpc.max_allowed_incoming_connections", settings.max_connections),
        ("grpc.max_connection_idle_ms", _milliseconds(settings.connection_idle_s)),
        ("grpc.server_handshake_timeout_ms", _SETTLE_MS),
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", _LEAST_PING_MS),
        ("grpc.http2.max_ping_strikes", 3),
        ("grpc.max_metadata_size", _MAX_METADATA),
        ("grpc.absolute_max_metadata_size", 2 * _MAX_METADATA),
    ]
    if settings.connection_age_s is not None:
        # gRPC itself spreads the age by a tenth either way, so that not all callers come back at once.
        options += [
            ("grpc.max_connection_age_ms", _milliseconds(settings.connection_age_s)),
            ("grpc.max_connection_age_grace_ms", _LONGEST_GRACE_MS),
        ]
    return tuple(options)


def _milliseconds(seconds: float) -> int:
    return max(1, min(round(seconds * 1000), 2**31 - 2))  # at 2³¹ − 1 gRPC takes a time for "never"
