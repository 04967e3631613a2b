"""The Python client of Shelfsense: `Client` for threads, `AsyncClient` for asyncio."""

from shelfsense_client.async_client import AsyncClient
from shelfsense_client.client import Client
from shelfsense_client.errors import (
    DeadlineExceeded,
    InvalidArgument,
    Overloaded,
    ShelfsenseClientError,
    Unauthenticated,
    Unavailable,
    Unimplemented,
)
from shelfsense_client.request import AnswerOptions, Query
from shelfsense_client.results import (
    AnswerInfo,
    ClassifyResponse,
    DescribeModelResponse,
    ItemError,
    LocaleDescription,
    ProductType,
    ProductTypeDescription,
    ReformulateResponse,
    Reformulation,
    UnderstandResponse,
)
from shelfsense_client.retries import RetryPolicy
from shelfsense_client.tls import Tls

__all__ = [
    "AnswerInfo",
    "AnswerOptions",
    "AsyncClient",
    "ClassifyResponse",
    "Client",
    "DeadlineExceeded",
    "DescribeModelResponse",
    "InvalidArgument",
    "ItemError",
    "LocaleDescription",
    "Overloaded",
    "ProductType",
    "ProductTypeDescription",
    "Query",
    "ReformulateResponse",
    "Reformulation",
    "RetryPolicy",
    "ShelfsenseClientError",
    "Tls",
    "Unauthenticated",
    "Unavailable",
    "UnderstandResponse",
    "Unimplemented",
]
