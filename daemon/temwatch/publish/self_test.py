"""Proof at every start that strangers stay out: a key made this second is tried on the real sockets."""

import re

import zmq
import zmq.asyncio
from zmq.utils.monitor import recv_monitor_message

from temwatch.errors import PermanentError, TransientError
from temwatch.wire import keyfile

_EVENTS = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH
_ANYWHERE = re.compile(r"^tcp://(\*|0\.0\.0\.0|\[::\]):")


class DoorOpen(PermanentError):
    """A key nobody granted anything was let in."""


class DoorUnproven(TransientError):
    """Whether strangers stay out could not be found out."""


async def prove_closed(
    context: zmq.asyncio.Context, address: str, *, kind: zmq.SocketType, server: str, patience_s: float = 10.0
) -> None:
    """Return only if a random key is refused at a bound address.

    Parameters
    ----------
    context : zmq.asyncio.Context
    address : str
        Where a guarded socket really listens.
    kind : zmq.SocketType
        Of a socket that may talk to it: SUB to a publisher, DEALER to a router. Others are refused whatever their key.
    server : str
        The server's public key.
    patience_s : float
        How long to wait for the refusal.

    Raises
    ------
    DoorOpen
        When it is let in.
    DoorUnproven
        When nothing answers in time.
    """
    stranger = keyfile.new("stranger", server=server)
    socket = context.socket(kind)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.IPV6, int("[" in address))
    stranger.identify(socket)
    monitor = socket.get_monitor_socket(_EVENTS)
    try:
        socket.connect(reachable(address))
        if not await monitor.poll(patience_s * 1000):
            raise DoorUnproven(
                f"{address}: the self-test of the keys got no answer in {patience_s:.0f} s",
                next_step="look whether a firewall or the unit's IPAddressAllow keeps the machine from itself",
            )
        event = await recv_monitor_message(monitor)
        if event["event"] != zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            raise DoorOpen(
                f"{address} lets in a key that nobody granted anything",
                next_step="report this; do not run it",
            )
    finally:
        socket.disable_monitor()
        monitor.close()
        socket.close()


def reachable(address: str) -> str:
    """Return an address to connect to, for one that listens everywhere."""
    return _ANYWHERE.sub(lambda found: f"tcp://{'[::1]' if found[1] == '[::]' else '127.0.0.1'}:", address)
