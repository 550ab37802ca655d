"""HTTP and WebSocket to browsers. It knows nothing of frames: it passes on what the daemon says.

Every answer of the daemon goes through `questions`; every change through `orders`, under the browser's own
``cmd_id``, so that an order repeated after a lost reply has one effect.
"""

import asyncio
import contextlib
import json
import re
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from temwatch import __version__
from temwatch.client import CommandRefused
from temwatch.dashboard import access
from temwatch.dashboard.board import Board
from temwatch.dashboard.browsers import Browser, Browsers
from temwatch.dashboard.cards import Json
from temwatch.dashboard.daemon import Addresses, Asking, Feed, said_of
from temwatch.dashboard.door import Door, Visitor
from temwatch.dashboard.guarded import Guarded
from temwatch.dashboard.signing_in import SigningIn
from temwatch.errors import DaemonUnreachable, TemwatchError

QUESTIONS = frozenset(
    [
        "frame.get",
        "label.history",
        "label.list",
        "label.page",
        "model.compare",
        "model.diff",
        "model.list",
        "model.show",
        "retrain.status",
        "review.accuracy",
        "review.agreement",
        "review.next",
        "snapshot",
        "status",
    ]
)
ORDERS = frozenset(
    [
        "finder.sensitivity",
        "frame.reinject",
        "label.add",
        "label.bulk",
        "label.set",
        "label.undo",
        "model.freeze",
        "model.promote",
        "model.rollback",
        "model.unfreeze",
        "retrain",
        "root.pause",
        "root.resume",
    ]
)
MAX_ORDER_BYTES = 64 * 1024
TOKEN_HEADER = "x-temwatch-token"  # noqa: S105  a name, not a secret
SIGNED_OUT = 4401  # of the WebSocket's close, as HTTP's 401
_BEAT_S = 2.0
_SLOW = ("model.", "finder.")
_ADOPT_S = 7.0  # the workers take another recognizer between two frames; the browser waits a second longer
_LOOK_S = 25.0  # a process is started for it, and reads the whole frame
_REPORTS = 48  # kept as bytes, so that several browsers cost the daemon one question
_FRAME_ID = re.compile(r"[0-9a-f]{20}")


class Page:
    """The server behind the page.

    Parameters
    ----------
    addresses : Addresses
        Of the daemon.
    door : Door
        Who may come in.
    """

    def __init__(self, addresses: Addresses, door: Door) -> None:
        self._door = door
        self.board = Board()
        self.browsers = Browsers()
        self._asking = Asking(addresses)
        self._feed = Feed(addresses, self.board, self._tell)
        self._reports: OrderedDict[str, bytes] = OrderedDict()

    def app(self) -> Starlette:
        """Return the application."""
        static = files("temwatch.dashboard") / "static"
        return Starlette(
            routes=[
                WebSocketRoute("/live", self.live),
                Route("/api/ask/{cmd}", self.question),
                Route("/api/order", self.order, methods=["POST"]),
                Route("/api/frame/{frame_id}", self.frame),
                Route("/api/preview/{frame_id}.jpg", self.preview),
                Route("/api/contours/{frame_id}", self.contours),
                Route("/api/pixels/{frame_id}", self.pixels),
                *SigningIn(self._door).routes(),
                Mount("/", StaticFiles(directory=str(static), html=True)),
            ],
            middleware=[
                Middleware(Guarded, door=self._door),
                Middleware(GZipMiddleware, minimum_size=1000, compresslevel=4),
            ],
            lifespan=self._lifespan,
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._feed.start(asyncio.get_running_loop())
        beats = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beats.cancel()
            self._feed.close()
            self._asking.close()

    # --- questions and orders ----------------------------------------------------------------------------------

    async def question(self, request: Request) -> Response:
        """Pass a question on; its arguments are the query's `args`, as JSON."""
        cmd = request.path_params["cmd"]
        if cmd not in QUESTIONS:
            return _no(404, "unknown_command", f"no question {cmd!r}")
        visitor = self._door.visitor(request.cookies)
        if visitor is None or not visitor.may(cmd, changes=False):
            return _turned_away(visitor, cmd)
        try:
            args = json.loads(request.query_params.get("args", "{}"))
        except ValueError:
            return _no(400, "bad_message", "args is no JSON")
        return await self._passed_on(
            cmd, args, operator=visitor.name or request.query_params.get("operator", "")
        )

    async def order(self, request: Request) -> Response:
        """Pass an order on, if it comes from a page of ours and brings the token only such a page can know."""
        if not access.origin_is_ours(request.headers.get("origin"), request.headers.get("host")):
            return _no(403, "foreign_origin", "orders are taken from this server's own page only")
        visitor = self._door.visitor(request.cookies)
        if visitor is None:
            return _turned_away(None, "")
        if not self._door.seal.token_fits(request.headers.get(TOKEN_HEADER, ""), visitor.cookie):
            return _no(403, "stale_token", "the page's server was started anew; the page fetches a new token")
        body = await _body(request)
        try:
            said = json.loads(body or b"")
            cmd, cmd_id, args = said["cmd"], said["cmd_id"], said["args"]
        except (ValueError, KeyError, TypeError):
            return _no(400, "bad_message", "an order is {cmd_id, cmd, args, operator} of at most 64 kB")
        if cmd not in ORDERS:
            return _no(404, "unknown_command", f"no order {cmd!r}")
        if not visitor.may(cmd, changes=True):
            return _turned_away(visitor, cmd)
        operator = visitor.name or str(said.get("operator", ""))
        return await self._passed_on(cmd, args, operator=operator, cmd_id=str(cmd_id))

    async def _passed_on(
        self, cmd: str, args: Any, *, operator: str = "", cmd_id: str | None = None
    ) -> Response:
        if not isinstance(args, dict):
            return _no(400, "bad_message", "args is an object")
        try:
            timeout_s = _ADOPT_S if cmd_id is not None and cmd.startswith(_SLOW) else None
            answer = await self._asking.ask(cmd, args, operator=operator, cmd_id=cmd_id, timeout_s=timeout_s)
        except TemwatchError as error:
            return JSONResponse(said_of(error), _status_of(error), headers=_FRESH)
        return JSONResponse({"ok": True, "result": answer.result}, headers=_FRESH)

    async def frame(self, request: Request) -> Response:
        """Return ``frame.get`` without the picture."""
        if self._door.visitor(request.cookies) is None:
            return _turned_away(None, "")
        frame_id = request.path_params["frame_id"]
        body = self._reports.get(frame_id)
        if body is None:
            try:
                answer = await self._asking.ask("frame.get", {"frame_id": frame_id, "preview": False})
            except TemwatchError as error:
                return JSONResponse(said_of(error), _status_of(error), headers=_FRESH)
            body = json.dumps({"ok": True, "result": answer.result}).encode()
            self._keep(frame_id, body)
        return Response(body, media_type="application/json", headers=_FRESH)

    async def preview(self, request: Request) -> Response:
        """Return a frame's picture. It never changes, since a frame's id is a digest of what it shows."""
        frame_id = request.path_params["frame_id"]
        if not _FRAME_ID.fullmatch(frame_id) or self._door.visitor(request.cookies) is None:
            return PlainTextResponse("no frame id, or nobody signed in", 404, headers=_FRESH)
        try:
            answer = await self._asking.ask("frame.get", {"frame_id": frame_id})
        except CommandRefused as refusal:
            return PlainTextResponse(str(refusal), 404, headers=_FRESH)
        except TemwatchError as error:
            return PlainTextResponse(str(error), _status_of(error), headers=_FRESH)
        if not answer.blobs:
            return PlainTextResponse("no preview is kept of this frame", 404, headers=_FRESH)
        return Response(answer.blobs[0], media_type="image/jpeg", headers=_KEPT)

    async def contours(self, request: Request) -> Response:
        """Return ``frame.contours`` as it came; empty where the daemon has none, or does not know the question."""
        frame_id = request.path_params["frame_id"]
        if self._door.visitor(request.cookies) is None:
            return _turned_away(None, "")
        try:
            answer = await self._asking.ask("frame.contours", {"frame_id": frame_id})
        except CommandRefused:
            return Response(b"", media_type="application/octet-stream", headers=_FRESH)
        except TemwatchError as error:
            return JSONResponse(said_of(error), _status_of(error), headers=_FRESH)
        return Response(answer.blobs[0], media_type="application/octet-stream", headers=_FRESH)

    async def pixels(self, request: Request) -> Response:
        """Return ``frame.pixels``; empty (204) where the file can't be read any more: then the preview has to do."""
        if self._door.visitor(request.cookies) is None:
            return _turned_away(None, "")
        args: Json = {"frame_id": request.path_params["frame_id"]}
        try:
            args |= {name: int(request.query_params[name]) for name in ("row", "col", "rows", "cols")}
            answer = await self._asking.ask("frame.pixels", args, timeout_s=_LOOK_S)
        except (KeyError, ValueError, TemwatchError):
            return Response(status_code=204, headers=_FRESH)
        return Response(answer.blobs[0], media_type="image/jpeg", headers=_KEPT)

    # --- live --------------------------------------------------------------------------------------------------

    async def live(self, socket: WebSocket) -> None:
        """Tell one browser everything, from where it was."""
        if not access.origin_is_ours(socket.headers.get("origin"), socket.headers.get("host")):
            await socket.close(4403)
            return
        await socket.accept()
        visitor = self._door.visitor(socket.cookies)
        if visitor is None:
            await socket.close(SIGNED_OUT)
            return
        browser = self.browsers.come()
        try:
            await socket.send_json(self._hello(socket.query_params, visitor))
            async with asyncio.TaskGroup() as tasks:
                telling = tasks.create_task(_tell_all(browser, socket))
                watching = tasks.create_task(self._until_out(socket))
                await _until_gone(socket)
                telling.cancel()
                watching.cancel()
        except* (WebSocketDisconnect, RuntimeError):
            pass  # it closed its window in the middle of a message
        finally:
            self.browsers.go(browser)

    async def _until_out(self, socket: WebSocket) -> None:
        """Hang up on somebody whose session ran out or who was struck from the list."""
        while True:
            await asyncio.sleep(_BEAT_S)
            if self._door.visitor(socket.cookies) is None:
                await socket.close(SIGNED_OUT)
                return

    def _hello(self, said: Any, visitor: Visitor) -> Json:
        board = self.board
        since = str(said.get("since", ""))
        missed = board.since(said.get("epoch", ""), int(since)) if since.isdecimal() and since else None
        return {
            "type": "hello",
            "version": __version__,
            "token": self._door.seal.token(visitor.cookie),
            "signed_in": {"name": visitor.name, "role": visitor.role} if self._door.users else None,
            "epoch": board.epoch,
            "seq": board.seq,
            "status": board.status,
            "silent": board.silent(time.monotonic()),
            **({"cards": board.cards()} if missed is None else {"missed": missed}),
        }

    def _tell(self, event: Json) -> None:
        if event["type"] == "begin":
            # The stream began anew: a browser takes the board whole, or what it missed of it.
            board = self.board
            event = {"type": "begin", "epoch": board.epoch, "seq": board.seq, "cards": board.cards()}
            self._reports.clear()
        elif event["type"] == "card":
            self._reports.pop(event["card"]["frame_id"], None)
        self.browsers.tell(event)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_S)
            self.browsers.tell({"type": "beat", "silent": self.board.silent(time.monotonic())})

    def _keep(self, frame_id: str, body: bytes) -> None:
        self._reports[frame_id] = body
        while len(self._reports) > _REPORTS:
            self._reports.popitem(last=False)


_FRESH = {"Cache-Control": "no-store"}
_KEPT = {"Cache-Control": "private, max-age=86400, immutable"}  # a frame's id is a digest of what it shows


async def _tell_all(browser: Browser, socket: WebSocket) -> None:
    while (event := await browser.next()) is not None:
        await socket.send_json(event)
    await socket.close(1013)


async def _until_gone(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()


async def _body(request: Request) -> bytes | None:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_ORDER_BYTES:
            return None
    return body


def _no(status: int, code: str, message: str) -> Response:
    return JSONResponse({"ok": False, "error": {"code": code, "message": message}}, status, headers=_FRESH)


def _turned_away(visitor: Visitor | None, cmd: str) -> Response:
    """Return a "no" that the page shows; an answer like the daemon's own (200)."""
    if visitor is None:
        return _no(200, "signed_out", "sign in first")
    return _no(200, "forbidden", f"the role {visitor.role} is too low for {cmd}")


def _status_of(error: TemwatchError) -> int:
    """Return the HTTP status of a question that failed: the daemon's own "no" is an answer like any other."""
    match error:
        case CommandRefused():
            return 200
        case DaemonUnreachable():
            return 503
        case _:
            return 502
