"""gRPC's own service that tells tools what this server offers, so that garbage sent to it meets an honest refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from shelfsense.serving.decoding import Decoder, Undecodable

SERVICE: str = reflection.SERVICE_NAME


def reflection_handlers(services: Sequence[str]) -> grpc.GenericRpcHandler:
    """Return the handlers of the reflection service, to be added to a server.

    Args:
        services: the full names of all that is offered.
    """
    servicer = reflection.aio.ReflectionServicer(service_names=services)

    async def tell(requests: AsyncIterator[Any], context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
        async for reply in servicer.ServerReflectionInfo(_decoded(requests, context), context):
            yield reply

    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(
                tell,
                Decoder(reflection_pb2.ServerReflectionRequest),
                reflection_pb2.ServerReflectionResponse.SerializeToString,
            )
        },
    )


async def _decoded(requests: AsyncIterator[Any], context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
    async for request in requests:
        if isinstance(request, Undecodable):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(request.error))
        yield request
