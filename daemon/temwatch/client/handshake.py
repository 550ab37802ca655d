"""Why a connection does not come about: nobody there, or somebody who does not want this key."""

import contextlib
from pathlib import Path
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

from temwatch.errors import NotAllowed
from temwatch.wire import keyfile
from temwatch.wire.keyfile import KeyFile, fingerprint

Keys = KeyFile | Path | str | None
"""A key, the path of a key file, or none."""

_EVENTS = (
    zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)
_CUT_TWICE = 2  # once may be a daemon that was just ending


class KeyNotAccepted(NotAllowed):
    """Somebody listens at the address, and does not accept this key."""


def taken(keys: Keys) -> KeyFile | None:
    """Return the key meant, read from its file where it is a path.

    Raises
    ------
    KeyRefused
        Where the file can't be used as it is.
    """
    return keyfile.read(Path(keys)) if isinstance(keys, str | Path) else keys


class Handshake:
    """Watches how the connections of one socket come about. Made before the socket connects.

    Parameters
    ----------
    socket : zmq.Socket
    address : str
        Where it will connect.
    keys : KeyFile or None
        Under which it does.
    """

    def __init__(self, socket: "zmq.Socket[Any]", address: str, keys: KeyFile | None) -> None:
        self._socket = socket
        self._address = address
        self._keys = keys
        self._cut = 0
        self.monitor: zmq.Socket[bytes] = socket.get_monitor_socket(_EVENTS)

    def look(self) -> None:
        """Take note of what happened since the last look.

        Raises
        ------
        KeyNotAccepted
            When the other side said no. ZeroMQ does not try again by itself then.
        """
        while self.monitor.poll(0):
            event = recv_monitor_message(self.monitor)
            match event["event"]:
                case zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                    raise KeyNotAccepted(
                        f"the daemon at {self._address} does not accept {self._said_key()}",
                        next_step="it was revoked, or is for another daemon; ask for one (`temwatch keys create`)",
                    )
                case zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
                    raise self._mismatch()
                case zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
                    self._cut += 1
                case zmq.EVENT_HANDSHAKE_SUCCEEDED:
                    self._cut = 0

    def refuse_if_cut(self) -> None:
        """Say that somebody is there who hangs up on this key, where that is what happened.

        Raises
        ------
        KeyNotAccepted
        """
        if self._keys is not None and self._cut >= _CUT_TWICE:
            raise KeyNotAccepted(
                f"whoever listens at {self._address} is not the daemon that {self._said_key()} is for",
                next_step=f"compare its log (`keys=…`) with {fingerprint(self._keys.server)}, or ask for a new key file",
            )

    def close(self) -> None:
        """Stop watching; before the socket is closed."""
        with contextlib.suppress(zmq.ZMQError):
            self._socket.disable_monitor()
        self.monitor.close()

    def _mismatch(self) -> KeyNotAccepted:
        if self._keys is None:
            return KeyNotAccepted(
                f"the daemon at {self._address} wants a key",
                next_step="--key FILE, $TEMWATCH_KEY, or [security] key in the configuration; in Python keys=FILE",
            )
        return KeyNotAccepted(
            f"the daemon at {self._address} uses no keys, and could be anybody",
            next_step="connect without a key, if you trust who listens there",
        )

    def _said_key(self) -> str:
        return (
            f"the key of {self._keys.name} ({fingerprint(self._keys.public)})"
            if self._keys
            else "a missing key"
        )
