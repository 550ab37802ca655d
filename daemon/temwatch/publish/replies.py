"""Questions and orders in, answers out, over a ROUTER. Long questions are answered in a thread of their own.

A reply is ``[JSON, blob …]``. Plain REQ sockets are answered too: their empty delimiter is kept.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
import zmq
import zmq.asyncio
from pydantic import ValidationError

from temwatch.errors import TemwatchError, TransientError
from temwatch.model.caller import NOBODY, Caller
from temwatch.publish.publisher import Guard, bind_socket
from temwatch.publish.rights import role_needed
from temwatch.wire import messages
from temwatch.wire.messages import Command, MessageRefused

MAX_COMMAND_BYTES = 64 * 1024
_CUT_OFF_BYTES = 4 * MAX_COMMAND_BYTES  # a sender of more than this is disconnected; below it gets an answer
_UNREAD_REPLIES = (
    64  # kept for a client that does not read, of up to 4 MB each; half as many may be in flight
)
_WAITING_COMMANDS = 100  # of one client
_log = structlog.get_logger("replies")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command gives: JSON bytes and any blobs.

    `audited`: the handler wrote the order into the audit itself, in the transaction that carried it out.
    """

    json: bytes
    blobs: Sequence[bytes] = field(default=(), repr=False)
    audited: bool = False


Handler = Callable[[dict[str, Any], Caller], Awaitable[Answer]]
Order = Callable[[], Awaitable[Answer]]


class Refusal(TemwatchError):
    """A command can't be done; `code` is for programs, the message for people, `current` what stands instead."""

    def __init__(self, code: str, message: str, *, retryable: bool = False, current: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.current = current


Identify = Callable[[Command, str], Caller]
"""Say who sent a command that came under a public key (empty: under none), or raise `Refusal`."""
Record = Callable[[Caller, Mapping[str, Any], Order], Awaitable[Answer]]
"""Carry an order out, and leave a record of it."""


def declared(command: Command, _key: str) -> Caller:
    """Return the sender of a command that came without a key: whoever reaches a local socket may do everything."""
    said = command.operator or command.args.get("operator")
    return Caller(
        name=said if isinstance(said, str) and messages.is_name(said) else NOBODY,
        role="admin",
        known="declared",
        cmd=command.cmd,
        cmd_id=command.cmd_id,
        request_sha256=messages.request_sha256(command),
    )


async def unrecorded(_caller: Caller, _args: Mapping[str, Any], order: Order) -> Answer:
    """Carry an order out and leave no record."""
    return await order()


class Replies:
    """Answers commands.

    Parameters
    ----------
    handlers : mapping of str to Handler
        One for each command.
    identify : Identify
        Whose commands they are.
    record : Record
        What carries out an order and remembers it.
    at_once : int
        How many commands may be under way; the rest wait in the socket, where every client has its turn.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        *,
        identify: Identify = declared,
        record: Record = unrecorded,
        at_once: int = 8,
    ) -> None:
        self._handlers = handlers
        self._identify = identify
        self._record = record
        self._at_once = asyncio.Semaphore(at_once)
        self._socket: zmq.asyncio.Socket | None = None

    def bind(self, context: zmq.asyncio.Context, address: str, *, guard: Guard | None = None) -> str:
        """Listen at `address`, to those whom `guard` lets in, and return where that really is."""
        socket = context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, _CUT_OFF_BYTES)
        socket.setsockopt(zmq.SNDHWM, _UNREAD_REPLIES)
        socket.setsockopt(zmq.RCVHWM, _WAITING_COMMANDS)
        # A client that comes back under its name takes its place again; among strangers nobody takes another's.
        socket.setsockopt(zmq.ROUTER_HANDOVER, 0 if guard else 1)
        socket.setsockopt(zmq.HEARTBEAT_IVL, 5000)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 15000)
        bind_socket(socket, address, guard)
        self._socket = socket
        return str(socket.getsockopt_string(zmq.LAST_ENDPOINT))

    async def run(self) -> None:
        """Answer until cancelled."""
        assert self._socket is not None
        async with asyncio.TaskGroup() as tasks:
            while True:
                frames = await self._socket.recv_multipart(copy=False)
                await self._at_once.acquire()
                tasks.create_task(self._answer([frame.bytes for frame in frames], _key_of(frames[-1])))

    def close(self) -> None:
        """Stop listening."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _answer(self, parts: list[bytes], key: str) -> None:
        try:
            envelope, question = _opened(parts)
            if question is None:
                reply = [_refused("", "bad_message", "a command is one part", retryable=False)]
            else:
                reply = await self.reply_to(question, key)
            if self._socket is not None:
                await self._socket.send_multipart([*envelope, *reply])
        except zmq.ZMQError as error:
            _log.warning("reply not sent", error=str(error))
        finally:
            self._at_once.release()

    async def reply_to(self, question: bytes, key: str = "") -> list[bytes]:
        """Return the parts of the reply to one command's bytes; never raises for what a client did.

        Parameters
        ----------
        question : bytes
        key : str
            The public key under which it came; empty where it came under none.
        """
        cmd_id = ""
        try:
            if len(question) > MAX_COMMAND_BYTES:
                raise Refusal("too_large", f"{len(question)} bytes (at most {MAX_COMMAND_BYTES})")
            command = messages.command_from_json(question)
            cmd_id = command.cmd_id
            answer = await self._carried_out(command, self._identify(command, key))
            return [_ok(cmd_id, answer.json), *answer.blobs]
        except Exception as error:  # noqa: BLE001  one client's command must not end the loop; it is recorded
            code, message, retryable = refusal_of(error)
            if code == INTERNAL:
                _log.exception("command failed", cmd_id=cmd_id)
            current = error.current if isinstance(error, Refusal) else None
            return [_refused(cmd_id, code, message, retryable=retryable, current=current)]

    async def _carried_out(self, command: Command, caller: Caller) -> Answer:
        handler = self._handlers.get(command.cmd)
        if handler is None:
            raise Refusal(
                "unknown_command", f"no command {command.cmd!r}; there are {sorted(self._handlers)}"
            )
        needed = role_needed(command.cmd)
        if not caller.may(needed):
            raise Refusal(
                "forbidden", f"{command.cmd} needs the role {needed}; {caller.name} has {caller.role}"
            )
        return await self._record(caller, command.args, lambda: handler(dict(command.args), caller))


INTERNAL = "internal"


def refusal_of(error: Exception) -> tuple[str, str, bool]:
    """Return what a client is told of an error: code, message, and whether the same command may succeed later."""
    match error:
        case Refusal():
            return error.code, str(error), error.retryable
        case MessageRefused() | ValidationError():
            return "bad_message", str(error), False
        case TemwatchError():
            return type(error).__name__, str(error), isinstance(error, TransientError)
        case _:
            return INTERNAL, f"{type(error).__name__}: {error}", False


def _opened(parts: list[bytes]) -> tuple[list[bytes], bytes | None]:
    """Return where the reply goes, and the question; None where the parts are no question."""
    match parts:
        case [sender, question]:
            return [sender], question
        case [sender, b"", question]:  # of a REQ socket
            return [sender, b""], question
        case _:
            return parts[:1], None


def _key_of(frame: zmq.Frame) -> str:
    """Return the public key that ZeroMQ proved for the connection a message came over; empty where there is none."""
    try:
        return str(frame.get("User-Id"))
    except zmq.ZMQError:
        return ""


def _ok(cmd_id: str, result: bytes) -> bytes:
    # The result is JSON already; wrapping it by hand spares parsing reports of hundreds of findings.
    head = messages.Reply(cmd_id=cmd_id, ok=True).model_dump_json(exclude={"result", "error"})
    return head[:-1].encode() + b',"result":' + result + b"}"


def _refused(cmd_id: str, code: str, message: str, *, retryable: bool, current: Any = None) -> bytes:
    error = messages.CommandError(code=code, message=message, retryable=retryable, current=current)
    unsaid: dict[str, Any] = (
        {"result": True} if current is not None else {"result": True, "error": {"current"}}
    )
    return messages.Reply(cmd_id=cmd_id, ok=False, error=error).model_dump_json(exclude=unsaid).encode()
