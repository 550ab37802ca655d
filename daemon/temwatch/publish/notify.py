"""What the daemon tells systemd: ready, alive, what it is doing, stopping. Without systemd nobody is told."""

import os
import socket
from collections.abc import Mapping


class Notifier:
    """Speaks the sd_notify protocol: datagrams of ``NAME=value`` lines to a UNIX socket.

    Parameters
    ----------
    environ : mapping of str to str
        Where systemd says ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` (sd_notify(3),
        sd_watchdog_enabled(3)).
    pid : int
        This process.
    """

    def __init__(self, environ: Mapping[str, str], *, pid: int) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._watchdog_us = _watchdog_us(environ, pid)

    @property
    def heard(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._address)

    @property
    def watchdog_s(self) -> float | None:
        """Seconds between two `alive`, half of what systemd allows; None where it does not watch."""
        return self._watchdog_us / 2_000_000 if self._watchdog_us else None

    def ready(self, status: str) -> bool:
        """Say that the daemon does its work."""
        return self._tell(READY="1", STATUS=status)

    def status(self, text: str) -> bool:
        """Say in one line what the daemon is doing."""
        return self._tell(STATUS=text)

    def alive(self) -> bool:
        """Feed the watchdog. Only for the loop that makes progress, never for a thread or timer of its own."""
        return self._tell(WATCHDOG="1")

    def stopping(self, status: str) -> bool:
        """Say that the daemon is on its way out."""
        return self._tell(STOPPING="1", STATUS=status)

    def extend_timeout(self, seconds: float) -> bool:
        """Ask for more time to start or stop (a migration, a drain)."""
        return self._tell(EXTEND_TIMEOUT_USEC=str(round(seconds * 1_000_000)))

    def _tell(self, **variables: str) -> bool:
        """Send, and return whether it was sent: a missing supervisor is no reason to stop working."""
        if not self._address:
            return False
        lines = (f"{name}={' '.join(value.split())}" for name, value in variables.items())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as telling:
            telling.setblocking(False)
            try:
                telling.sendto("\n".join(lines).encode("utf-8", "replace"), self._address)
            except OSError:
                return False
        return True


def _address(name: str) -> str:
    """Return the socket's address: a path, or an abstract name, which is written with an @ for the NUL."""
    if name.startswith("@"):
        return "\0" + name[1:]
    return name if name.startswith("/") else ""


def _watchdog_us(environ: Mapping[str, str], pid: int) -> int:
    """Return the watchdog's period, 0 where there is none or where it is for another process."""
    try:
        period_us = int(environ.get("WATCHDOG_USEC", "0"))
        meant_for = int(environ.get("WATCHDOG_PID", str(pid)))
    except ValueError:
        return 0
    return max(period_us, 0) if meant_for == pid else 0


def from_environment() -> Notifier:
    """Return the notifier of this process, and keep its socket from every process it starts."""
    notifier = Notifier(os.environ, pid=os.getpid())
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        os.environ.pop(name, None)
    return notifier
