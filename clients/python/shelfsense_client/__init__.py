"""The Python client of Shelfsense: `Client` for threads, `AsyncClient` for asyncio, `AdminClient` for operators."""

from shelfsense_client.admin import AdminClient
from shelfsense_client.async_client import AsyncClient
from shelfsense_client.client import Client
from shelfsense_client.errors import (
    DeadlineExceeded,
    InvalidArgument,
    Overloaded,
    Refused,
    ShelfsenseClientError,
    Unauthenticated,
    Unavailable,
    Unimplemented,
)
from shelfsense_client.request import AnswerOptions, Query
from shelfsense_client.results import (
    AnswerInfo,
    BundleRole,
    ClassifyResponse,
    DescribeModelResponse,
    ItemError,
    LoadBundleResponse,
    LoadedBundle,
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
    "AdminClient",
    "AnswerInfo",
    "AnswerOptions",
    "AsyncClient",
    "BundleRole",
    "ClassifyResponse",
    "Client",
    "DeadlineExceeded",
    "DescribeModelResponse",
    "InvalidArgument",
    "ItemError",
    "LoadBundleResponse",
    "LoadedBundle",
    "LocaleDescription",
    "Overloaded",
    "ProductType",
    "ProductTypeDescription",
    "Query",
    "ReformulateResponse",
    "Reformulation",
    "Refused",
    "RetryPolicy",
    "ShelfsenseClientError",
    "Tls",
    "Unauthenticated",
    "Unavailable",
    "UnderstandResponse",
    "Unimplemented",
]
