"""Runs the page's server until it is told to stop."""

import socket

import uvicorn

from temwatch.clock import SystemClock
from temwatch.config import DashboardSection
from temwatch.dashboard.app import Page
from temwatch.dashboard.daemon import Addresses
from temwatch.dashboard.door import Door
from temwatch.dashboard.sessions import Seal
from temwatch.dashboard.users import Users
from temwatch.errors import TransientError


class PortInUse(TransientError):
    """Somebody else listens there."""


def serve(addresses: Addresses, section: DashboardSection) -> None:
    """Serve the page until SIGTERM or Ctrl-C.

    Parameters
    ----------
    addresses : Addresses
        Of the daemon.
    section : DashboardSection
        Where, and to whom.

    Raises
    ------
    ConfigError
        Where nobody could sign in.
    PortInUse
    """
    config = uvicorn.Config(
        Page(addresses, door_of(section)).app(),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="websockets-sansio",
        ws_max_size=4096,  # a browser has nothing to say there
        ws_ping_interval=10.0,
        timeout_graceful_shutdown=2,
        ssl_certfile=section.certificate,
        ssl_keyfile=section.certificate_key,
    )
    with _listening(section.host, section.port) as listener:
        uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise PortInUse(
            f"can't listen at {host}:{port} ({error.strerror})",
            next_step="stop what listens there, or choose another --port or [dashboard] port",
        ) from error


def door_of(section: DashboardSection) -> Door:
    """Return who may come in, as configured.

    Raises
    ------
    ConfigError
        When the list of users is missing, or others can read it: said at the start, not at the first sign-in.
    """
    if section.users is None:
        return Door(SystemClock())
    users = Users(section.users)
    users.role("")
    secure = section.certificate is not None or section.behind_proxy
    return Door(SystemClock(), users, secure, Seal(users.secret()))
