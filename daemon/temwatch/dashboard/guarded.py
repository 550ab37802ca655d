"""What stands before every request: its host is looked at, its answer gets the headers that keep others out."""

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from temwatch.dashboard import access
from temwatch.dashboard.door import Door


class Guarded:
    """Refuses requests under a stranger's name for this machine, and adds the headers that keep others out.

    Parameters
    ----------
    app : ASGIApp
    door : Door
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if not self._door.host_fits(host):
            if scope["type"] == "http":
                refusal = PlainTextResponse("this page is served to its own machine only", 403)
                await refusal(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 4403})
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in access.HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        await self._app(scope, receive, send_guarded)
