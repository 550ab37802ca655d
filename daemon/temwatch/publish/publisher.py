"""Outbox to XPUB: sends what is committed, in order, and every two seconds says how far it is.

Delivery is not promised here: a slow or cut subscriber loses messages (and only it). What repairs that is the
number in every header, the heartbeat, and `replay` on the other socket.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog
import zmq
import zmq.asyncio

from temwatch.clock import Clock, iso
from temwatch.errors import TransientError
from temwatch.store import outbox
from temwatch.store.database import Database
from temwatch.store.outbox import Message
from temwatch.wire import messages, topics

_log = structlog.get_logger("publisher")
HEARTBEAT_S = 2.0
_PAGE = 200
_REBIND_S = 0.02
_TRIES_TO_TELL = 100
_SEND_HIGH_WATER = 1000  # messages kept for one slow subscriber before it starts to lose some


Guard = Callable[[zmq.asyncio.Socket], None]
"""Make a socket talk to admitted keys only; called before it is bound."""


class AddressInUse(TransientError):
    """Something else listens where temwatch should."""


class Publisher:
    """Sends the outbox.

    Parameters
    ----------
    database : Database
        Open; read only here.
    clock : Clock
    state_word : callable
        Gives the daemon's state word for the heartbeat.
    """

    def __init__(self, database: Database, *, clock: Clock, state_word: Callable[[], str]) -> None:
        self._database = database
        self._clock = clock
        self._state_word = state_word
        self._committed = asyncio.Event()
        self._socket: zmq.asyncio.Socket | None = None
        self.cursor = 0
        self.subscriptions = 0

    def bind(self, context: zmq.asyncio.Context, address: str, *, guard: Guard | None = None) -> str:
        """Listen at `address`, to those whom `guard` lets in; return where that really is (which port).

        Raises
        ------
        AddressInUse
            Naming the address.
        """
        socket = context.socket(zmq.XPUB)
        socket.setsockopt(zmq.SNDHWM, _SEND_HIGH_WATER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.XPUB_VERBOSER, 1)
        socket.setsockopt(zmq.HEARTBEAT_IVL, 5000)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 15000)
        socket.setsockopt(zmq.MAXMSGSIZE, 1024)  # of a subscriber, nothing but subscriptions comes in
        bind_socket(socket, address, guard)
        self._socket = socket
        self.cursor = self._database.ask(outbox.head)
        return str(socket.getsockopt_string(zmq.LAST_ENDPOINT))

    async def shake_off(self) -> None:
        """Cut every subscriber. Those still let in are back within a moment, and replay mends what they missed.

        ZeroMQ can't cut a single one. Where the address can't be had again at once, it is tried until it can.
        """
        if self._socket is None:
            return
        address = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._socket.unbind(address)
        tries = 0
        while self._socket is not None:
            try:
                with _private_socket_file(address):
                    self._socket.bind(address)
            except zmq.ZMQError as error:
                tries += 1  # the first few fail where the old one is still being closed
                if tries % _TRIES_TO_TELL == 0:
                    _log.error("nothing can be published", address=address, error=error.strerror)
                await asyncio.sleep(_REBIND_S)
            else:
                return

    def poke(self) -> None:
        """Say that something was committed."""
        self._committed.set()

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._relay())
            tasks.create_task(self._heartbeats())
            tasks.create_task(self._count_subscriptions())

    async def flush(self) -> None:
        """Send everything that is committed now."""
        while batch := self._next_page():
            for message in batch:
                await self._send(message)
                self.cursor = message.seq

    async def say(self, topic: str, type_: str, body: bytes) -> None:
        """Send something that is not stored (status, heartbeat)."""
        header = messages.Header(
            epoch=self._database.epoch,
            seq=self.cursor,
            prev=self.cursor,
            id=f"{type_}:{self.cursor}",
            type=type_,
            at=iso(self._clock.now()),
            stored=False,
        )
        await self._parts(topic, header, body)

    def close(self) -> None:
        """Stop listening."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _relay(self) -> None:
        while True:
            self._committed.clear()
            try:
                await self.flush()
            except TransientError as error:
                _log.error("outbox not readable", error=str(error))
            await self._committed.wait()

    async def _heartbeats(self) -> None:
        while True:
            try:
                head, heads = self._database.ask(outbox.head), self._database.ask(outbox.heads)
                beat = messages.Heartbeat(head=head, heads=heads, state=self._state_word())
                await self.say(topics.HEARTBEAT, "heartbeat", beat.model_dump_json().encode())
            except TransientError as error:
                _log.error("outbox not readable", error=str(error))
            self.poke()  # so that a commit nobody announced, or one that could not be read, still goes out
            await asyncio.sleep(HEARTBEAT_S)

    async def _count_subscriptions(self) -> None:
        while self._socket is not None:
            news = await self._socket.recv()
            if news[:1] == b"\x01":
                self.subscriptions += 1
            elif news[:1] == b"\x00":
                self.subscriptions = max(0, self.subscriptions - 1)

    async def _send(self, message: Message) -> None:
        header = header_of(message, self._database.epoch)
        await self._parts(message.topic, header, message.json_body)

    async def _parts(self, topic: str, header: messages.Header, body: bytes) -> None:
        if self._socket is not None:
            await self._socket.send_multipart([topic.encode(), header.model_dump_json().encode(), body])

    def _next_page(self) -> Sequence[Message]:
        return self._database.ask(lambda tx: outbox.page(tx, since=self.cursor, limit=_PAGE))


def header_of(message: Message, epoch: str) -> messages.Header:
    """Return the header under which a stored message travels."""
    return messages.Header(
        epoch=epoch, seq=message.seq, prev=message.prev, id=message.id, type=message.type, at=message.at
    )


def bind_socket(socket: zmq.asyncio.Socket, address: str, guard: Guard | None = None) -> None:
    """Bind behind a guard, with a message that says what to do where that fails.

    Raises
    ------
    AddressInUse
    """
    try:
        if guard is not None:
            guard(socket)
        if address.startswith("tcp://["):
            socket.setsockopt(zmq.IPV6, 1)
        with _private_socket_file(address):
            socket.bind(address)
    except zmq.ZMQError as error:
        socket.close()
        raise AddressInUse(
            f"can't listen at {address} ({error.strerror})",
            next_step="stop what listens there, or change [publish] in the configuration",
        ) from error


@contextmanager
def _private_socket_file(address: str) -> Iterator[None]:
    """Make the file of an ipc socket usable by owner and group only."""
    if not address.startswith("ipc://"):
        yield
        return
    Path(address.removeprefix("ipc://")).parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    before = os.umask(0o117)
    try:
        yield
    finally:
        os.umask(before)
