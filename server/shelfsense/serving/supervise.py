"""Runs several workers until told to stop; the process around `Supervisor`, as `run` is around `Server`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator

from shelfsense.errors import BundleRefused, ShelfsenseError
from shelfsense.serving.admin_port import AdminPort
from shelfsense.serving.control_channel import FAULT
from shelfsense.serving.errors import AddressUnavailable
from shelfsense.serving.exposure import check_exposure
from shelfsense.serving.metrics import Metrics
from shelfsense.serving.metrics_page import MetricsPage
from shelfsense.serving.settings import Settings
from shelfsense.serving.shared_port import SharedPort
from shelfsense.serving.supervisor import StartFailed, Supervisor
from shelfsense.serving.workers_changes import WorkersChanges
from shelfsense.serving.workers_metrics import WorkersMetrics

_EXIT_OK = 0
_EXIT_FAILED = 1
_EXIT_USAGE = 2
_EXIT_CODES = {"": _EXIT_FAILED, FAULT: _EXIT_FAILED, BundleRefused.__name__: 4}  # any other: _EXIT_USAGE
_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_log = logging.getLogger(__name__)


def supervise(settings: Settings) -> int:
    """Serve with several workers until SIGTERM or SIGINT, then drain them all.

    Prints ``ready port=N bundle=V workers=N`` to stdout once every worker answers calls, and on failure to
    start the reason to stderr, once. A second signal ends all processes at once.

    Args:
        settings: the operator's choices; `workers` is 2 or more.

    Returns:
        The exit code: 0 after a stop, 1 when workers die again and again before they are ready, 2 when the
        settings cannot be served, 4 when the bundle is refused.
    """
    try:
        for warning in check_exposure(settings):
            _log.warning("%s", warning)
        with SharedPort.claim(settings.host, settings.port) as held:
            asyncio.run(_supervise(settings.model_copy(update={"port": held.port})))
    except StartFailed as error:
        sys.stderr.write(f"{error}\n")
        return _EXIT_CODES.get(error.kind, _EXIT_USAGE)
    except ShelfsenseError as error:
        sys.stderr.write(f"{error}\n")
        return _EXIT_USAGE
    return _EXIT_OK


async def _supervise(settings: Settings) -> None:
    loop, told_to_stop = asyncio.get_running_loop(), asyncio.Event()
    supervisor = Supervisor(settings)

    def stop(number: signal.Signals) -> None:
        if told_to_stop.is_set():  # whoever asks twice does not want to wait
            supervisor.kill()
            loop.remove_signal_handler(number)
            os.kill(os.getpid(), number)
        told_to_stop.set()

    # Before any worker is there: whoever stops a start leaves no process behind.
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    with _page(supervisor, settings, loop):
        starting = asyncio.create_task(supervisor.start())
        stopping = asyncio.create_task(told_to_stop.wait())
        try:
            await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
                async with _admin(supervisor, settings):
                    _say_ready(settings, supervisor.bundle_version)
                    await stopping
        finally:
            for task in (starting, stopping):
                task.cancel()
            await asyncio.gather(starting, stopping, return_exceptions=True)
            await supervisor.stop()


@contextlib.asynccontextmanager
async def _admin(supervisor: Supervisor, settings: Settings) -> AsyncIterator[None]:
    """Listen for an operator, where that is asked for: one port, whose commands reach every worker."""
    if settings.admin_port is None:
        yield
        return
    admin = AdminPort(WorkersChanges(supervisor), settings, Metrics())
    await admin.start()
    try:
        yield
    finally:
        await admin.stop()


def _say_ready(settings: Settings, bundle: str) -> None:
    sys.stdout.write(f"ready port={settings.port} bundle={bundle} workers={settings.workers}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def _page(supervisor: Supervisor, settings: Settings, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    if not settings.metrics_port:
        yield
        return
    try:
        page = MetricsPage(WorkersMetrics(supervisor, loop), settings.host, settings.metrics_port)
    except OSError as error:
        raise AddressUnavailable(f"{settings.host}:{settings.metrics_port}") from error
    try:
        yield
    finally:
        page.close()
