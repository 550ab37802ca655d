"""Signing in and out over HTTP."""

import asyncio
import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from temwatch.dashboard import access
from temwatch.dashboard.door import COOKIE, Door
from temwatch.dashboard.sessions import SESSION_S

_MAX_BODY_BYTES = 4096
_FRESH = {"Cache-Control": "no-store"}


class SigningIn:
    """Answers ``/api/sign-in`` and ``/api/sign-out``.

    Parameters
    ----------
    door : Door
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        # One at a time: each takes 32 MB, and whoever guesses must not take the memory of all.
        self._turn = asyncio.Lock()

    def routes(self) -> list[Route]:
        """Return the routes this answers."""
        return [
            Route("/api/sign-in", self.sign_in, methods=["POST"]),
            Route("/api/sign-out", self.sign_out, methods=["POST"]),
        ]

    async def sign_in(self, request: Request) -> Response:
        """Take a name and a password, give a session. A "no" is an answer like any other (200)."""
        if not _from_our_page(request):
            return _no("foreign_origin", "sign in on this server's own page")
        door = self._door
        name, password = await _name_and_password(request)
        if door.users is None or not name:
            return _no("bad_message", "a name and a password are needed")
        if door.patience.is_out(name, door.now_s()):
            return _no("too_many", "too many failed attempts: wait a minute")
        # Counted before it is tried, so that many attempts at once are not all tried.
        door.patience.failed(name, door.now_s())
        async with self._turn:
            right = await asyncio.to_thread(door.users.knows, name, password)
        if not right:
            return _no("wrong", "name or password is wrong")
        door.patience.forgive(name)
        answer = JSONResponse({"ok": True, "result": None}, headers=_FRESH)
        answer.set_cookie(
            COOKIE,
            door.session_for(name),
            max_age=SESSION_S,
            httponly=True,
            samesite="strict",
            secure=door.secure,
        )
        return answer

    async def sign_out(self, request: Request) -> Response:
        """Forget the session in this browser."""
        if not _from_our_page(request):
            return _no("foreign_origin", "sign out on this server's own page")
        answer = JSONResponse({"ok": True, "result": None}, headers=_FRESH)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self._door.secure)
        return answer


def _from_our_page(request: Request) -> bool:
    return access.origin_is_ours(request.headers.get("origin"), request.headers.get("host"))


def _no(code: str, message: str) -> Response:
    return JSONResponse({"ok": False, "error": {"code": code, "message": message}}, headers=_FRESH)


async def _name_and_password(request: Request) -> tuple[str, str]:
    whole = b""
    async for piece in request.stream():
        whole += piece
        if len(whole) > _MAX_BODY_BYTES:
            return "", ""
    try:
        said = json.loads(whole)
        return str(said["name"])[:64], str(said["password"])
    except (ValueError, KeyError, TypeError):
        return "", ""
