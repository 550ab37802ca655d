"""Runs the page's server until it is told to stop."""

import uvicorn

from temwatch.dashboard.access import refuse_other_machines
from temwatch.dashboard.app import Page
from temwatch.dashboard.daemon import Addresses


def serve(addresses: Addresses, *, host: str, port: int) -> None:
    """Serve the page at ``http://host:port/`` until SIGTERM or Ctrl-C.

    Raises
    ------
    ConfigError
        Where other machines could reach it.
    """
    refuse_other_machines(host)
    config = uvicorn.Config(
        Page(addresses).app(),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="websockets-sansio",
        ws_max_size=4096,  # a browser has nothing to say there
        ws_ping_interval=10.0,
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run()
