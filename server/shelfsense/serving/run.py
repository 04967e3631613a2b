"""Runs a server until it is told to stop; the process around `Server`."""

from __future__ import annotations

import asyncio
import signal
import sys

from shelfsense.errors import BundleRefused, InputRefused, ShelfsenseError
from shelfsense.serving.logs import set_up
from shelfsense.serving.memory import few_arenas
from shelfsense.serving.server import Server
from shelfsense.serving.settings import Settings
from shelfsense.serving.supervise import supervise

EXIT_OK = 0
EXIT_USAGE = 2
EXIT_BAD_INPUT = 3
EXIT_BUNDLE_REFUSED = 4


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, then drain.

    Prints ``ready port=N bundle=V``, and ``admin_port=N`` where there is one, to stdout once calls are answered, and on failure to start the
    reason to stderr.

    Args:
        settings: the operator's choices.

    Returns:
        The exit code: 0 after a stop, 2 when the settings cannot be served, 3 when the overrides are
        refused, 4 when the bundle is.
    """
    set_up(settings.log_format, settings.log_level, log_queries=settings.log_queries)
    few_arenas()
    if settings.workers > 1:
        return supervise(settings)
    try:
        asyncio.run(_serve(settings))
    except BundleRefused as error:
        return _failed(error, EXIT_BUNDLE_REFUSED)
    except InputRefused as error:
        return _failed(error, EXIT_BAD_INPUT)
    except ShelfsenseError as error:
        return _failed(error, EXIT_USAGE)
    return EXIT_OK


async def _serve(settings: Settings) -> None:
    loop, told_to_stop = asyncio.get_running_loop(), asyncio.Event()
    async with Server.load(settings) as server:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told_to_stop.set)
        admin = f" admin_port={server.admin_port}" if server.admin_port else ""
        sys.stdout.write(f"ready port={server.port} bundle={server.bundle_version}{admin}\n")
        sys.stdout.flush()
        await told_to_stop.wait()
        # A second signal ends the process at once: whoever asks twice does not want to wait.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _failed(error: Exception, code: int) -> int:
    sys.stderr.write(f"{error}\n")
    return code
