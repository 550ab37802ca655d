"""The daemon, as the page's server reaches it: the live stream in a thread of its own, questions in a few more."""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from temwatch.client import Answer, Commands, Received, Subscription
from temwatch.dashboard.board import ASIDES, CARDS, Board
from temwatch.dashboard.cards import Json
from temwatch.errors import TemwatchError
from temwatch.wire import topics

_log = structlog.get_logger("dashboard")
_ASKERS = 4
_AGAIN_S = 1.0
_LOOK_BACK = 20_000  # messages searched for frames that were set aside before this server started


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the daemon publishes and answers, and the key to use, if it has keys."""

    events: str
    commands: str
    key: Path | None = None


class Asking:
    """Questions and orders to the daemon, a few at a time.

    Parameters
    ----------
    addresses : Addresses
    timeout_s : float
        After which a question is given up. The order may have been carried out all the same: whoever asks again
        uses the same ``cmd_id``.
    """

    def __init__(self, addresses: Addresses, *, timeout_s: float = 3.0) -> None:
        self._addresses = addresses
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(_ASKERS, thread_name_prefix="asking")
        self._idle: queue.SimpleQueue[Commands] = queue.SimpleQueue()

    async def ask(
        self,
        cmd: str,
        args: Json,
        *,
        operator: str = "",
        cmd_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Return the daemon's answer; raises what `Commands.ask` raises."""
        work = self._ask
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: work(cmd, args, operator, cmd_id, timeout_s)
        )

    def close(self) -> None:
        """Let go of every connection."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().__exit__(None, None, None)

    def _ask(
        self, cmd: str, args: Json, operator: str, cmd_id: str | None, timeout_s: float | None
    ) -> Answer:
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = Commands(
                self._addresses.commands, timeout_s=self._timeout_s, keys=self._addresses.key
            ).__enter__()
        connection.operator = operator
        try:
            return connection.ask(cmd, cmd_id=cmd_id, timeout_s=timeout_s, **args)
        finally:
            self._idle.put(connection)


class Feed:
    """Follows the live stream in a thread and hands every message to the event loop.

    Parameters
    ----------
    addresses : Addresses
    board : Board
        Only ever touched in the event loop.
    tell : callable
        Given every event of the board.
    """

    def __init__(self, addresses: Addresses, board: Board, tell: Callable[[Json], None]) -> None:
        self._addresses = addresses
        self._board = board
        self._tell = tell
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to follow."""
        self._thread = threading.Thread(target=self._follow, args=(loop,), name="feed", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        said = ""
        while not self._ending.is_set():
            try:
                self._follow_once(loop)
            except TemwatchError as error:
                if str(error) != said:
                    said = str(error)
                    _log.warning("no live stream", reason=said)
                self._ending.wait(_AGAIN_S)

    def _follow_once(self, loop: asyncio.AbstractEventLoop) -> None:
        snapshot = self._snapshot()
        loop.call_soon_threadsafe(self._begin, snapshot)
        with Subscription(
            self._addresses.events,
            self._addresses.commands,
            since=snapshot["as_of"],
            timeout_s=0.5,
            keys=self._addresses.key,
        ) as subscription:
            while not self._ending.is_set():
                for received in subscription.messages():
                    loop.call_soon_threadsafe(self._take, received)
                    if self._ending.is_set():
                        return

    def _snapshot(self) -> Json:
        with Commands(self._addresses.commands, timeout_s=3.0, keys=self._addresses.key) as daemon:
            first: Json = daemon.ask("snapshot", limit=CARDS).result
            reports, page = list(first["reports"]), first
            while page["next_before"] is not None and len(reports) < CARDS:
                page = daemon.ask("snapshot", limit=CARDS - len(reports), before=page["next_before"]).result
                reports += page["reports"]
            asides = _set_aside(daemon, since=max(0, first["oldest"] - 1, first["as_of"] - _LOOK_BACK))
        return {**first, "ends": reports + asides}

    def _begin(self, snapshot: Json) -> None:
        self._board.begin(snapshot["epoch"], snapshot["as_of"], snapshot["ends"])
        self._tell({"type": "begin"})

    def _take(self, received: Received) -> None:
        event = self._board.take(received, time.monotonic())
        if event is not None:
            self._tell(event)


def _set_aside(daemon: Commands, *, since: int) -> list[Json]:
    """Return the newest frames that are set aside, newest first: a snapshot holds inspected ones alone."""
    found: dict[str, Json] = {}
    more = True
    while more:
        page = daemon.ask("replay", since=since, topic=topics.FRAME).result
        for message in page["messages"]:
            since = message["header"]["seq"]
            if message["header"]["type"] == "frame.set_aside":
                found.pop(message["body"]["frame_id"], None)
                found[message["body"]["frame_id"]] = message["body"]
        more = page["more"]
    newest = list(reversed(found.values()))[:ASIDES]
    return [body for body in newest if _is_aside(daemon, body["frame_id"])]


def _is_aside(daemon: Commands, frame_id: str) -> bool:
    """Whether a frame still is: it may have been put back since."""
    answer = daemon.ask("frame.get", frame_id=frame_id, preview=False)
    return bool(answer.result["state"] == "set_aside")


def said_of(error: TemwatchError) -> dict[str, Any]:
    """Return what a browser is told of a question that failed."""
    code = getattr(error, "code", None) or type(error).__name__
    return {
        "ok": False,
        "error": {"code": code, "message": str(error), "current": getattr(error, "current", None)},
    }
