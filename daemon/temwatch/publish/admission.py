"""Who is let in at the sockets: CURVE proves the key, the keyring says whether it is valid. A stranger gets no word.

ZeroMQ asks over ZAP (rfc.zeromq.org/spec/27) once a connection, before any message passes. What a connection may
do later is decided anew at each message, so a key taken back is worthless on open connections too.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable

import structlog
import zmq
import zmq.asyncio
from zmq.utils import z85

from temwatch.clock import Clock
from temwatch.publish.keyring import Keyring
from temwatch.wire.keyfile import KeyFile, fingerprint

ZAP_ENDPOINT = "inproc://zeromq.zap.01"
_DOMAIN = b"temwatch"
_LOOK_S = 0.25
_SAY_S = 1.0
_HANDSHAKE_MS = 10_000
_ACCEPTED, _LATER, _REFUSED, _FAILED = (
    (b"200", b"OK"),
    (b"300", b"try later"),
    (b"400", b"refused"),
    (b"500", b""),
)
_log = structlog.get_logger("admission")


class Admission:
    """Lets keys in.

    Parameters
    ----------
    keyring : Keyring
    server : KeyFile
        The server's own.
    clock : Clock

    Attributes
    ----------
    refused : int
        Connections refused so far.
    """

    def __init__(self, keyring: Keyring, server: KeyFile, *, clock: Clock) -> None:
        self.keyring = keyring
        self._clock = clock
        self._say_at_s = -math.inf
        self.server = server
        self.refused = 0
        self._admitted: set[str] = set()
        self._socket: zmq.asyncio.Socket | None = None

    def open(self, context: zmq.asyncio.Context) -> None:
        """Stand at the door of every socket of `context`. Before any is bound."""
        socket = context.socket(zmq.REP)
        socket.setsockopt(zmq.LINGER, 0)
        socket.bind(ZAP_ENDPOINT)
        self._socket = socket

    def guard(self, socket: zmq.asyncio.Socket) -> None:
        """Let a socket talk to admitted keys only. Before it is bound."""
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self.server.secret.reveal())
        socket.setsockopt(zmq.ZAP_DOMAIN, _DOMAIN)
        # Without it ZeroMQ would let everybody in whenever nobody stands at the door.
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        socket.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_MS)

    async def run(self) -> None:
        """Answer until cancelled."""
        assert self._socket is not None
        while True:
            question = await self._socket.recv_multipart()
            await self._socket.send_multipart(self.answer_to(question))

    async def watch(
        self, shake_off: Callable[[], Awaitable[None]], *, trouble: Callable[[str], None]
    ) -> None:
        """Call `shake_off` whenever a key that was let in is valid no more; runs until cancelled.

        `trouble` is told why no key is accepted at the moment; the empty text where all is well.
        """
        while True:
            await asyncio.sleep(_LOOK_S)
            self.keyring.look()
            trouble(self.keyring.fault)
            gone = {public for public in self._admitted if not self.keyring.is_valid(public)}
            if gone:
                self._admitted -= gone
                _log.info("keys taken back", keys=sorted(map(fingerprint, gone)))
                await shake_off()

    def close(self) -> None:
        """Leave the door; nobody gets in any more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def answer_to(self, question: list[bytes]) -> list[bytes]:
        """Return ZAP's answer: let in under the public key's name, or not."""
        if len(question) != 7 or question[0] != b"1.0":
            return [b"1.0", question[1] if len(question) > 1 else b"", *_FAILED, b"", b""]
        _, request, domain, address, _, mechanism, credential = question
        public = z85.encode(credential).decode("ascii") if len(credential) == 32 else ""
        verdict = self._verdict(domain, mechanism, public)
        if verdict is _ACCEPTED:
            self._admitted.add(public)
            return [b"1.0", request, *_ACCEPTED, public.encode("ascii"), b""]
        self._refuse(address, public)
        return [b"1.0", request, *verdict, b"", b""]

    def _refuse(self, address: bytes, public: str) -> None:
        """Count a refused connection, and say so once a second at most: a stranger must not fill the log."""
        self.refused += 1
        if self._clock.monotonic_s() >= self._say_at_s:
            self._say_at_s = self._clock.monotonic_s() + _SAY_S
            shown = address.decode("ascii", "replace")
            key = fingerprint(public) if public else ""
            _log.warning("connection refused", address=shown, key=key, refused_so_far=self.refused)

    def _verdict(self, domain: bytes, mechanism: bytes, public: str) -> tuple[bytes, bytes]:
        if domain != _DOMAIN or mechanism != b"CURVE":
            return _REFUSED
        if self.keyring.is_valid(public):
            return _ACCEPTED
        # While the list can't be read nobody is let in; clients go on trying, as they would not after a refusal.
        return _LATER if self.keyring.fault else _REFUSED
