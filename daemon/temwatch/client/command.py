"""Ask the daemon something and wait for the answer; the same question is repeated until it comes."""

import json
import time
import uuid
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import zmq

from temwatch.client.handshake import Handshake, KeyNotAccepted, Keys, taken
from temwatch.errors import DaemonUnreachable, NotAllowed, PermanentError, TransientError

DEFAULT_COMMANDS = "tcp://127.0.0.1:5561"
_REPEAT_S = 2.0
_OF_THE_KEY = ("forbidden", "revoked", "unauthorised")


class CommandRefused(PermanentError):
    """The daemon understood, and said no; `code` is for programs, `current` what stands instead (``conflict``)."""

    def __init__(self, code: str, message: str, current: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.current = current


class CommandForbidden(CommandRefused, NotAllowed):
    """The key's role is too low for the command, or the key was taken back."""


class CommandDelayed(TransientError):
    """The daemon can't do it now; the same command may succeed later."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A command's result and its blobs."""

    result: Any
    blobs: tuple[bytes, ...] = field(default=(), repr=False)


class Commands:
    """A connection to the daemon's command socket. Use as a context manager, from one thread.

    Parameters
    ----------
    address : str
        Of the ROUTER.
    timeout_s : float
        How long to wait for an answer before giving up.
    operator : str
        Who asks, as far as the daemon has to take it on trust: it counts only where there are no keys.
    keys : KeyFile or Path or str, optional
        The key, or its file, where the daemon uses keys.

    Raises
    ------
    KeyRefused
        From ``__enter__``: the key file can't be used as it is.
    """

    def __init__(
        self,
        address: str = DEFAULT_COMMANDS,
        *,
        timeout_s: float = 5.0,
        operator: str = "",
        keys: Keys = None,
    ) -> None:
        self.address = address
        self.timeout_s = timeout_s
        self.operator = operator
        self._keys = keys
        self._handshake: Handshake | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._socket: zmq.Socket[bytes] | None = None

    def __enter__(self) -> Self:
        self._keys = taken(self._keys)
        self._context = zmq.Context()
        self._connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._disconnect()
        if self._context is not None:
            self._context.term()

    def ask(
        self, cmd: str, *, timeout_s: float | None = None, cmd_id: str | None = None, **args: Any
    ) -> Answer:
        """Send a command and return its answer.

        The same ``cmd_id`` is sent again while no answer comes, so a lost reply costs nothing. Whoever gave up and
        tries the same order later gives the `cmd_id` of the first time.

        Raises
        ------
        DaemonUnreachable
            When nothing answered in time.
        KeyNotAccepted
            When somebody is there who does not accept the key.
        CommandRefused, CommandDelayed
            When the daemon said no, for good or for now; `CommandForbidden` when it is for want of a role.
        """
        command_id = cmd_id or str(uuid.uuid4())
        said = {"v": 1, "cmd_id": command_id, "cmd": cmd, "args": args, "operator": self.operator}
        question = json.dumps(said).encode()
        deadline = time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        while (left_s := deadline - time.monotonic()) > 0:
            assert self._socket is not None, "use it as a context manager"
            self._socket.send(question)
            try:
                answer = self._answer_to(command_id, min(left_s, _REPEAT_S))
            except KeyNotAccepted:
                self._reconnect()  # ZeroMQ has given this connection up, and the key may be granted yet
                raise
            if answer is not None:
                return answer
            self._reconnect()
        raise DaemonUnreachable(
            f"no daemon answers at {self.address}",
            next_step="start it with `temwatch run`, or check [publish] commands",
        )

    def _answer_to(self, command_id: str, wait_s: float) -> Answer | None:
        assert self._socket is not None
        assert self._handshake is not None
        deadline = time.monotonic() + wait_s
        while (left_s := deadline - time.monotonic()) > 0:
            self._handshake.look()
            if not self._heard(left_s):
                continue
            head, *blobs = self._socket.recv_multipart()
            reply = json.loads(head)
            if reply.get("cmd_id") != command_id:
                continue  # a late answer to a question given up
            if reply["ok"]:
                return Answer(reply.get("result"), tuple(blobs))
            error = reply["error"]
            if error["retryable"]:
                raise CommandDelayed(error["message"])
            kind = CommandForbidden if error["code"] in _OF_THE_KEY else CommandRefused
            raise kind(error["code"], error["message"], error.get("current"))
        self._handshake.refuse_if_cut()
        return None

    def _heard(self, wait_s: float) -> bool:
        """Wait for an answer, but no longer than until there is news of the handshake."""
        assert self._socket is not None
        assert self._handshake is not None
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._handshake.monitor, zmq.POLLIN)
        return self._socket in dict(poller.poll(int(wait_s * 1000) + 1))

    def _connect(self) -> None:
        assert self._context is not None
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        keys = taken(self._keys)
        if keys is not None:
            keys.identify(self._socket)
        if self.address.startswith("tcp://["):
            self._socket.setsockopt(zmq.IPV6, 1)
        self._handshake = Handshake(self._socket, self.address, keys)
        self._socket.connect(self.address)

    def _reconnect(self) -> None:
        self._disconnect()
        self._connect()

    def _disconnect(self) -> None:
        if self._handshake is not None:
            self._handshake.close()
            self._handshake = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
