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
from temwatch.publish.publisher import bind_socket
from temwatch.publish.rights import role_needed
from temwatch.wire import messages
from temwatch.wire.messages import Command, MessageRefused

MAX_COMMAND_BYTES = 64 * 1024
_log = structlog.get_logger("replies")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command gives: JSON bytes and any blobs."""

    json: bytes
    blobs: Sequence[bytes] = field(default=(), repr=False)


Handler = Callable[[dict[str, Any], Caller], Awaitable[Answer]]


class Refusal(TemwatchError):
    """A command can't be done; `code` is for programs, the message for people."""

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class Replies:
    """Answers commands.

    Parameters
    ----------
    handlers : mapping of str to Handler
        One for each command.
    at_once : int
        How many commands may be under way; the rest wait in the socket.
    """

    def __init__(self, handlers: Mapping[str, Handler], *, at_once: int = 8) -> None:
        self._handlers = handlers
        self._at_once = asyncio.Semaphore(at_once)
        self._socket: zmq.asyncio.Socket | None = None

    def bind(self, context: zmq.asyncio.Context, address: str) -> str:
        """Listen at `address` and return where that really is."""
        socket = context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_COMMAND_BYTES)
        socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        socket.setsockopt(zmq.HEARTBEAT_IVL, 5000)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 15000)
        bind_socket(socket, address)
        self._socket = socket
        return str(socket.getsockopt_string(zmq.LAST_ENDPOINT))

    async def run(self) -> None:
        """Answer until cancelled."""
        assert self._socket is not None
        async with asyncio.TaskGroup() as tasks:
            while True:
                parts = await self._socket.recv_multipart()
                await self._at_once.acquire()
                tasks.create_task(self._answer(parts))

    def close(self) -> None:
        """Stop listening."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _answer(self, parts: list[bytes]) -> None:
        try:
            envelope, question = parts[:-1], parts[-1]
            reply = await self.reply_to(question)
            if self._socket is not None:
                await self._socket.send_multipart([*envelope, *reply])
        except zmq.ZMQError as error:
            _log.warning("reply not sent", error=str(error))
        finally:
            self._at_once.release()

    async def reply_to(self, question: bytes) -> list[bytes]:
        """Return the parts of the reply to one command's bytes; never raises for what a client did."""
        cmd_id = ""
        try:
            command: Command = messages.from_json(Command, question)
            cmd_id = command.cmd_id
            handler = self._handlers.get(command.cmd)
            if handler is None:
                raise Refusal(
                    "unknown_command", f"no command {command.cmd!r}; there are {sorted(self._handlers)}"
                )
            caller = _declared(command)
            needed = role_needed(command.cmd)
            if not caller.may(needed):
                raise Refusal(
                    "forbidden", f"{command.cmd} needs the role {needed}; {caller.name} has {caller.role}"
                )
            answer = await handler(dict(command.args), caller)
            return [_ok(cmd_id, answer.json), *answer.blobs]
        except Refusal as refusal:
            return [_refused(cmd_id, refusal.code, str(refusal), retryable=refusal.retryable)]
        except (MessageRefused, ValidationError) as error:
            return [_refused(cmd_id, "bad_message", str(error), retryable=False)]
        except TemwatchError as error:
            return [
                _refused(
                    cmd_id, type(error).__name__, str(error), retryable=isinstance(error, TransientError)
                )
            ]
        except Exception as error:  # noqa: BLE001  one client's command must not end the loop; it is recorded
            _log.exception("command failed", cmd_id=cmd_id)
            return [_refused(cmd_id, "internal", f"{type(error).__name__}: {error}", retryable=False)]


def _declared(command: Command) -> Caller:
    """Return the sender of a command that came without a key: whoever reaches a local socket may do everything."""
    return Caller(
        name=command.operator or NOBODY,
        role="admin",
        known="declared",
        cmd=command.cmd,
        cmd_id=command.cmd_id,
        request_sha256=messages.request_sha256(command),
    )


def _ok(cmd_id: str, result: bytes) -> bytes:
    # The result is JSON already; wrapping it by hand spares parsing reports of hundreds of findings.
    head = messages.Reply(cmd_id=cmd_id, ok=True).model_dump_json(exclude={"result", "error"})
    return head[:-1].encode() + b',"result":' + result + b"}"


def _refused(cmd_id: str, code: str, message: str, *, retryable: bool) -> bytes:
    error = messages.CommandError(code=code, message=message, retryable=retryable)
    return messages.Reply(cmd_id=cmd_id, ok=False, error=error).model_dump_json(exclude={"result"}).encode()
