"""The HTTP page that Prometheus reads, at ``/metrics``. Knows nothing of what stands on it."""

from __future__ import annotations

import logging
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Protocol

# The oldest text form, which every reader of the last ten years knows.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_PATHS = frozenset(("/metrics", "/metrics/", "/"))
_IDLE_S = 10.0  # a reader that connects and asks nothing is let go
_log = logging.getLogger(__name__)


class Exposes(Protocol):
    """Whatever has figures to show: one server's `Metrics`, or those of several workers together."""

    def exposition(self) -> bytes:
        """Return the page, in Prometheus' text form."""


class MetricsPage:
    """The page, on a thread of its own.

    Args:
        figures: what it shows; asked anew for every request.
        host: address to listen on.
        port: port to listen on; 0 takes any free one.

    Attributes:
        port: the port it listens on.

    Raises:
        OSError: the port cannot be listened on.
    """

    def __init__(self, figures: Exposes, host: str, port: int) -> None:
        self._server = _Server(figures, host, port)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingTCPServer):  # not http.server's own, which asks the resolver for the host's name
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False  # a reader that hangs must not hold up a stop

    def __init__(self, figures: Exposes, host: str, port: int) -> None:
        self.figures = figures
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        _log.debug("a reader of the metrics page left early")


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _IDLE_S

    def do_GET(self) -> None:
        if self.path.partition("?")[0] not in _PATHS:
            self.send_error(HTTPStatus.NOT_FOUND, "the figures are at /metrics")
            return
        try:
            page = self.server.figures.exposition()
        except Exception:
            _log.exception("the metrics page could not be made")
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR, "the page could not be made; see the server's log")
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
        """Write nothing: a page that is read every few seconds is no news."""
