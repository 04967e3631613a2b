"""The standard health check, grpc.health.v1, without its package.

`grpcio-health-checking` is no part of the base install; the request is one string field and the
response one enum field, so their bytes are written out here.
"""

from __future__ import annotations

METHOD = "/grpc.health.v1.Health/Check"

_SERVICE = b"shelfsense.v1.QueryUnderstanding"

REQUEST = b"\x0a" + bytes([len(_SERVICE)]) + _SERVICE
"""HealthCheckRequest: field 1, ``service``, as a length-delimited string."""

_SERVING = b"\x08\x01"
"""HealthCheckResponse: field 1, ``status``, as the varint of SERVING."""


def is_serving(response: bytes) -> bool:
    """Return whether the bytes of a HealthCheckResponse say SERVING."""
    return response.startswith(_SERVING)
