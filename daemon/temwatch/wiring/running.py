"""Runs the daemon until a signal ends it."""

import asyncio
import signal
import sys

from temwatch.clock import SystemClock
from temwatch.config import Settings
from temwatch.publish.notify import from_environment
from temwatch.wiring.daemon import Daemon


def run_daemon(settings: Settings) -> int:
    """Run until SIGTERM (returns 0) or Ctrl-C (returns 130)."""
    try:
        return asyncio.run(_until_signal(Daemon(settings, clock=SystemClock(), notify=from_environment())))
    except BaseExceptionGroup as group:
        raise _first_cause(group) from group


def _first_cause(error: BaseException) -> BaseException:
    """Return the first plain error inside a group: the one that ended the daemon."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _until_signal(daemon: Daemon) -> int:
    stop = asyncio.Event()
    received: list[int] = []

    def on(signal_number: int) -> None:
        received.append(signal_number)
        stop.set()
        if len(received) > 2:  # three times: somebody means it
            sys.exit(130)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on, number)
    await daemon.run(stop)
    return 130 if received and received[0] == signal.SIGINT else 0
