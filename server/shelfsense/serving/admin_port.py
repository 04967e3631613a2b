"""The admin port: the `Admin` service with its own tokens, certificates and health, apart from the public port."""

from __future__ import annotations

from shelfsense.serving import admin
from shelfsense.serving.bundle_changes import BundleChanges
from shelfsense.serving.calls import Calls
from shelfsense.serving.health import Health
from shelfsense.serving.limits import server_options
from shelfsense.serving.listener import Listener
from shelfsense.serving.metrics import Metrics
from shelfsense.serving.settings import Settings
from shelfsense.serving.tls import admin_credentials
from shelfsense.serving.tokens import Tokens

# Loading a bundle of millions of heads takes longer than any query may.
_DEADLINE_S = 300.0
_STOP_S = 1.0


class AdminPort:
    """Listens for an operator.

    Args:
        changes: changes what is served.
        settings: the operator's choices; `admin_port` is set.
        metrics: counts the calls.

    Raises:
        CredentialsRefused: the tokens or certificates cannot be read.
    """

    def __init__(self, changes: BundleChanges, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._health = Health([admin.SERVICE])
        calls = Calls(
            metrics, _DEADLINE_S, tokens=Tokens.load(settings.admin_tokens) if settings.admin_tokens else None
        )
        handlers = admin.AdminService(changes, settings.bundle).handlers(calls)
        options = (*server_options(settings), ("grpc.so_reuseport", 0))
        self._listener = Listener(admin.SERVICE, handlers, self._health, options)
        self.port = 0

    async def start(self) -> None:
        """Listen.

        Raises:
            AddressUnavailable: the port cannot be listened on.
            CredentialsRefused: the certificates cannot be read.
        """
        settings = self._settings
        self.port = self._listener.claim(settings.admin_host, settings.admin_port or 0, admin_credentials(settings))
        self._health.set_serving(True)
        await self._listener.start()

    async def stop(self) -> None:
        """Close the port."""
        self._health.drain()
        await self._listener.stop(_STOP_S)
