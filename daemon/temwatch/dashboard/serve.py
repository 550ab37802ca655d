"""Runs the page's server until it is told to stop."""

import socket

import uvicorn

from temwatch.dashboard.access import refuse_other_machines
from temwatch.dashboard.app import Page
from temwatch.dashboard.daemon import Addresses
from temwatch.errors import TransientError


class PortInUse(TransientError):
    """Somebody else listens there."""


def serve(addresses: Addresses, *, host: str, port: int) -> None:
    """Serve the page at ``http://host:port/`` until SIGTERM or Ctrl-C.

    Raises
    ------
    ConfigError
        Where other machines could reach it.
    PortInUse
    """
    refuse_other_machines(host)
    config = uvicorn.Config(
        Page(addresses).app(),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="websockets-sansio",
        ws_max_size=4096,  # a browser has nothing to say there
        ws_ping_interval=10.0,
        timeout_graceful_shutdown=2,
    )
    with _listening(host, port) as listener:
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
