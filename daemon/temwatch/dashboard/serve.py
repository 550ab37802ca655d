"""Runs the page's server until it is told to stop."""

import uvicorn

from temwatch.clock import SystemClock
from temwatch.config import DashboardSection
from temwatch.dashboard.app import Page
from temwatch.dashboard.daemon import Addresses
from temwatch.dashboard.door import Door
from temwatch.dashboard.sessions import Seal
from temwatch.dashboard.users import Users


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
    """
    config = uvicorn.Config(
        Page(addresses, door_of(section)).app(),
        host=section.host,
        port=section.port,
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
    uvicorn.Server(config).run()


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
